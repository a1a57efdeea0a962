package orderlog.analysis;

import java.io.IOException;
import java.io.StringReader;
import java.text.ParseException;
import java.util.List;
import java.util.Map;
import java.util.function.BiFunction;
import java.util.function.Function;
import orderlog.analysis.AnalysisModulePlugin.Maker;
import org.apache.lucene.analysis.Analyzer;
import org.apache.lucene.analysis.TokenStream;
import org.apache.lucene.analysis.synonym.SolrSynonymParser;
import org.apache.lucene.analysis.synonym.SynonymFilter;
import org.apache.lucene.analysis.synonym.SynonymGraphFilter;
import org.apache.lucene.analysis.synonym.SynonymMap;
import org.apache.lucene.analysis.synonym.WordnetSynonymParser;
import org.apache.lucene.util.CharsRef;
import org.apache.lucene.util.CharsRefBuilder;
import org.elasticsearch.index.analysis.AbstractTokenFilterFactory;
import org.elasticsearch.index.analysis.Analysis;
import org.elasticsearch.index.analysis.AnalysisMode;
import org.elasticsearch.index.analysis.CharFilterFactory;
import org.elasticsearch.index.analysis.CustomAnalyzer;
import org.elasticsearch.index.analysis.TokenFilterFactory;
import org.elasticsearch.index.analysis.TokenizerFactory;

/**
 * Synonym filters. Their rules are read through what stands before them in the chain, so that "Mugs, cups" means what
 * the tokens look like when they get here; hence they are made in two steps, the second once the chain is known.
 */
final class Synonyms extends AbstractTokenFilterFactory {
    private final Scope scope;
    private final BiFunction<TokenStream, SynonymMap, TokenStream> wrap;

    private Synonyms(Scope scope, BiFunction<TokenStream, SynonymMap, TokenStream> wrap) {
        super(scope.index(), scope.name(), scope.settings());
        this.scope = scope;
        this.wrap = wrap;
    }

    @SuppressWarnings("deprecation") // Lucene prefers the graph; index definitions still use both
    static void addFilters(Map<String, Maker<TokenFilterFactory>> table) {
        table.put("synonym", scope -> new Synonyms(scope, (stream, map) -> new SynonymFilter(stream, map, false)));
        table.put("synonym_graph", scope -> new Synonyms(scope, (stream, map) -> new SynonymGraphFilter(stream, map, false)));
    }

    @Override
    public TokenStream create(TokenStream stream) {
        throw new IllegalStateException("[" + name() + "] is used outside of an analyzer's chain");
    }

    @Override
    public AnalysisMode getAnalysisMode() {
        return scope.settings().getAsBoolean("updateable", false) ? AnalysisMode.SEARCH_TIME : AnalysisMode.ALL;
    }

    @Override
    public TokenFilterFactory getChainAwareTokenFilterFactory(
            TokenizerFactory tokenizer,
            List<CharFilterFactory> charFilters,
            List<TokenFilterFactory> before,
            Function<String, TokenFilterFactory> all) {
        Analyzer reader = new CustomAnalyzer(
                tokenizer,
                charFilters.toArray(CharFilterFactory[]::new),
                before.stream().map(TokenFilterFactory::getSynonymFilter).toArray(TokenFilterFactory[]::new));
        SynonymMap map = parse(reader);
        return new InChain(this, map);
    }

    private SynonymMap parse(Analyzer reader) {
        boolean expand = scope.settings().getAsBoolean("expand", true);
        boolean lenient = scope.settings().getAsBoolean("lenient", false);
        List<String> rules = Analysis.getWordList(scope.environment(), scope.settings(), "synonyms");
        if (rules == null) {
            throw scope.missing("synonyms");
        }
        try (StringReader text = new StringReader(String.join(System.lineSeparator(), rules))) {
            if ("wordnet".equalsIgnoreCase(scope.settings().get("format"))) {
                WordnetSynonymParser parser = new WordnetSynonymParser(true, expand, reader);
                parser.parse(text);
                return parser.build();
            }
            LenientParser parser = new LenientParser(expand, lenient, reader);
            parser.parse(text);
            return parser.build();
        } catch (IOException | ParseException error) {
            throw new IllegalArgumentException("failed to build synonyms", error);
        }
    }

    /** The filter once its chain, and so its map, is known. */
    private static final class InChain implements TokenFilterFactory {
        private final Synonyms origin;
        private final SynonymMap map;

        InChain(Synonyms origin, SynonymMap map) {
            this.origin = origin;
            this.map = map;
        }

        @Override
        public String name() {
            return origin.name();
        }

        @Override
        public TokenStream create(TokenStream stream) {
            // Without a rule there is no map to look up in, and Lucene refuses to try.
            return map.fst == null ? stream : origin.wrap.apply(stream, map);
        }

        @Override
        public TokenFilterFactory getSynonymFilter() {
            // A second synonym filter reads its rules as if this one were not there: rules don't apply to rules.
            return IDENTITY_FILTER;
        }

        @Override
        public AnalysisMode getAnalysisMode() {
            return origin.getAnalysisMode();
        }
    }

    /** The rule parser of Solr's format, which can be told to pass over rules that the chain leaves nothing of. */
    private static final class LenientParser extends SolrSynonymParser {
        private final boolean lenient;

        LenientParser(boolean expand, boolean lenient, Analyzer reader) {
            super(true, expand, reader);
            this.lenient = lenient;
        }

        @Override
        public void add(CharsRef input, CharsRef output, boolean includeOriginal) {
            if (!lenient || (input.length > 0 && output.length > 0)) {
                super.add(input, output, includeOriginal);
            }
        }

        @Override
        public CharsRef analyze(String text, CharsRefBuilder reuse) throws IOException {
            try {
                return super.analyze(text, reuse);
            } catch (IllegalArgumentException error) {
                if (!lenient) {
                    throw error;
                }
                return new CharsRef("");
            }
        }
    }
}
