package orderlog.analysis;

import java.util.Map;
import java.util.TreeMap;
import java.util.function.BiFunction;
import java.util.regex.Pattern;
import orderlog.analysis.AnalysisModulePlugin.Maker;
import org.apache.lucene.analysis.Analyzer;
import org.apache.lucene.analysis.CharArraySet;
import org.apache.lucene.analysis.LowerCaseFilter;
import org.apache.lucene.analysis.StopFilter;
import org.apache.lucene.analysis.TokenStream;
import org.apache.lucene.analysis.Tokenizer;
import org.apache.lucene.analysis.ar.ArabicAnalyzer;
import org.apache.lucene.analysis.bg.BulgarianAnalyzer;
import org.apache.lucene.analysis.ca.CatalanAnalyzer;
import org.apache.lucene.analysis.cz.CzechAnalyzer;
import org.apache.lucene.analysis.da.DanishAnalyzer;
import org.apache.lucene.analysis.de.GermanAnalyzer;
import org.apache.lucene.analysis.en.EnglishAnalyzer;
import org.apache.lucene.analysis.es.SpanishAnalyzer;
import org.apache.lucene.analysis.eu.BasqueAnalyzer;
import org.apache.lucene.analysis.fi.FinnishAnalyzer;
import org.apache.lucene.analysis.fr.FrenchAnalyzer;
import org.apache.lucene.analysis.ga.IrishAnalyzer;
import org.apache.lucene.analysis.gl.GalicianAnalyzer;
import org.apache.lucene.analysis.hi.HindiAnalyzer;
import org.apache.lucene.analysis.hu.HungarianAnalyzer;
import org.apache.lucene.analysis.hy.ArmenianAnalyzer;
import org.apache.lucene.analysis.id.IndonesianAnalyzer;
import org.apache.lucene.analysis.it.ItalianAnalyzer;
import org.apache.lucene.analysis.lv.LatvianAnalyzer;
import org.apache.lucene.analysis.miscellaneous.ASCIIFoldingFilter;
import org.apache.lucene.analysis.miscellaneous.FingerprintFilter;
import org.apache.lucene.analysis.nl.DutchAnalyzer;
import org.apache.lucene.analysis.no.NorwegianAnalyzer;
import org.apache.lucene.analysis.pattern.PatternTokenizer;
import org.apache.lucene.analysis.pt.PortugueseAnalyzer;
import org.apache.lucene.analysis.ro.RomanianAnalyzer;
import org.apache.lucene.analysis.ru.RussianAnalyzer;
import org.apache.lucene.analysis.standard.StandardTokenizer;
import org.apache.lucene.analysis.sv.SwedishAnalyzer;
import org.apache.lucene.analysis.tr.TurkishAnalyzer;
import org.elasticsearch.index.analysis.AbstractIndexAnalyzerProvider;
import org.elasticsearch.index.analysis.Analysis;
import org.elasticsearch.index.analysis.AnalyzerProvider;

/** The table of ready analyzers; `standard`, `simple`, `stop`, `whitespace` and `keyword` are the engine's. */
final class Analyzers {
    private Analyzers() {}

    static Map<String, Maker<AnalyzerProvider<? extends Analyzer>>> table() {
        Map<String, Maker<AnalyzerProvider<? extends Analyzer>>> table = new TreeMap<>();
        table.put("fingerprint", scope -> new Provider(scope, fingerprint(scope)));
        table.put("pattern", scope -> new Provider(scope, pattern(scope)));
        language(table, "arabic", ArabicAnalyzer.getDefaultStopSet(), ArabicAnalyzer::new);
        language(table, "armenian", ArmenianAnalyzer.getDefaultStopSet(), ArmenianAnalyzer::new);
        language(table, "basque", BasqueAnalyzer.getDefaultStopSet(), BasqueAnalyzer::new);
        language(table, "bulgarian", BulgarianAnalyzer.getDefaultStopSet(), BulgarianAnalyzer::new);
        language(table, "catalan", CatalanAnalyzer.getDefaultStopSet(), CatalanAnalyzer::new);
        language(table, "czech", CzechAnalyzer.getDefaultStopSet(), CzechAnalyzer::new);
        language(table, "danish", DanishAnalyzer.getDefaultStopSet(), DanishAnalyzer::new);
        language(table, "dutch", DutchAnalyzer.getDefaultStopSet(), DutchAnalyzer::new);
        language(table, "english", EnglishAnalyzer.getDefaultStopSet(), EnglishAnalyzer::new);
        language(table, "finnish", FinnishAnalyzer.getDefaultStopSet(), FinnishAnalyzer::new);
        language(table, "french", FrenchAnalyzer.getDefaultStopSet(), FrenchAnalyzer::new);
        language(table, "galician", GalicianAnalyzer.getDefaultStopSet(), GalicianAnalyzer::new);
        language(table, "german", GermanAnalyzer.getDefaultStopSet(), GermanAnalyzer::new);
        language(table, "hindi", HindiAnalyzer.getDefaultStopSet(), HindiAnalyzer::new);
        language(table, "hungarian", HungarianAnalyzer.getDefaultStopSet(), HungarianAnalyzer::new);
        language(table, "indonesian", IndonesianAnalyzer.getDefaultStopSet(), IndonesianAnalyzer::new);
        language(table, "irish", IrishAnalyzer.getDefaultStopSet(), IrishAnalyzer::new);
        language(table, "italian", ItalianAnalyzer.getDefaultStopSet(), ItalianAnalyzer::new);
        language(table, "latvian", LatvianAnalyzer.getDefaultStopSet(), LatvianAnalyzer::new);
        language(table, "norwegian", NorwegianAnalyzer.getDefaultStopSet(), NorwegianAnalyzer::new);
        language(table, "portuguese", PortugueseAnalyzer.getDefaultStopSet(), PortugueseAnalyzer::new);
        language(table, "romanian", RomanianAnalyzer.getDefaultStopSet(), RomanianAnalyzer::new);
        language(table, "russian", RussianAnalyzer.getDefaultStopSet(), RussianAnalyzer::new);
        language(table, "spanish", SpanishAnalyzer.getDefaultStopSet(), SpanishAnalyzer::new);
        language(table, "swedish", SwedishAnalyzer.getDefaultStopSet(), SwedishAnalyzer::new);
        language(table, "turkish", TurkishAnalyzer.getDefaultStopSet(), TurkishAnalyzer::new);
        return table;
    }

    /** A language's analyzer by Lucene's constructor (stop words, words that are not stemmed). */
    private static void language(
            Map<String, Maker<AnalyzerProvider<? extends Analyzer>>> table,
            String name,
            CharArraySet stopWords,
            BiFunction<CharArraySet, CharArraySet, Analyzer> make) {
        table.put(name, scope -> new Provider(scope, make.apply(
                Analysis.parseStopWords(scope.environment(), scope.settings(), stopWords),
                Analysis.parseStemExclusion(scope.settings(), CharArraySet.EMPTY_SET))));
    }

    private static final class Provider extends AbstractIndexAnalyzerProvider<Analyzer> {
        private final Analyzer analyzer;

        Provider(Scope scope, Analyzer analyzer) {
            super(scope.index(), scope.name(), scope.settings());
            this.analyzer = analyzer;
        }

        @Override
        public Analyzer get() {
            return analyzer;
        }
    }

    private static CharArraySet stopWords(Scope scope) {
        return Analysis.parseStopWords(scope.environment(), scope.settings(), CharArraySet.EMPTY_SET);
    }

    private static Analyzer pattern(Scope scope) {
        Pattern pattern = scope.pattern("\\W+");
        boolean lowercase = scope.settings().getAsBoolean("lowercase", true);
        CharArraySet stopWords = stopWords(scope);
        return new Analyzer() {
            @Override
            protected TokenStreamComponents createComponents(String field) {
                Tokenizer tokenizer = new PatternTokenizer(pattern, -1);
                TokenStream stream = lowercase ? new LowerCaseFilter(tokenizer) : tokenizer;
                return new TokenStreamComponents(tokenizer, stopWords.isEmpty() ? stream : new StopFilter(stream, stopWords));
            }

            @Override
            protected TokenStream normalize(String field, TokenStream stream) {
                return lowercase ? new LowerCaseFilter(stream) : stream;
            }
        };
    }

    private static Analyzer fingerprint(Scope scope) {
        CharArraySet stopWords = stopWords(scope);
        int bytes = scope.settings().getAsInt("max_output_size", FingerprintFilter.DEFAULT_MAX_OUTPUT_TOKEN_SIZE);
        String separator = scope.settings().get("separator", " ");
        return new Analyzer() {
            @Override
            protected TokenStreamComponents createComponents(String field) {
                Tokenizer tokenizer = new StandardTokenizer();
                TokenStream folded = new ASCIIFoldingFilter(new LowerCaseFilter(tokenizer), false);
                TokenStream kept = new StopFilter(folded, stopWords);
                return new TokenStreamComponents(tokenizer, new FingerprintFilter(kept, bytes, separator.charAt(0)));
            }
        };
    }
}
