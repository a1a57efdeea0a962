package orderlog.analysis;

import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.UnaryOperator;
import orderlog.analysis.AnalysisModulePlugin.Maker;
import org.apache.lucene.analysis.TokenStream;
import org.apache.lucene.analysis.ar.ArabicStemFilter;
import org.apache.lucene.analysis.bg.BulgarianStemFilter;
import org.apache.lucene.analysis.bn.BengaliStemFilter;
import org.apache.lucene.analysis.br.BrazilianStemFilter;
import org.apache.lucene.analysis.ckb.SoraniStemFilter;
import org.apache.lucene.analysis.cz.CzechStemFilter;
import org.apache.lucene.analysis.de.GermanLightStemFilter;
import org.apache.lucene.analysis.de.GermanMinimalStemFilter;
import org.apache.lucene.analysis.de.GermanStemFilter;
import org.apache.lucene.analysis.el.GreekStemFilter;
import org.apache.lucene.analysis.en.EnglishMinimalStemFilter;
import org.apache.lucene.analysis.en.EnglishPossessiveFilter;
import org.apache.lucene.analysis.en.KStemFilter;
import org.apache.lucene.analysis.en.PorterStemFilter;
import org.apache.lucene.analysis.es.SpanishLightStemFilter;
import org.apache.lucene.analysis.fi.FinnishLightStemFilter;
import org.apache.lucene.analysis.fr.FrenchLightStemFilter;
import org.apache.lucene.analysis.fr.FrenchMinimalStemFilter;
import org.apache.lucene.analysis.gl.GalicianMinimalStemFilter;
import org.apache.lucene.analysis.gl.GalicianStemFilter;
import org.apache.lucene.analysis.hi.HindiStemFilter;
import org.apache.lucene.analysis.hu.HungarianLightStemFilter;
import org.apache.lucene.analysis.id.IndonesianStemFilter;
import org.apache.lucene.analysis.it.ItalianLightStemFilter;
import org.apache.lucene.analysis.lv.LatvianStemFilter;
import org.apache.lucene.analysis.miscellaneous.StemmerOverrideFilter;
import org.apache.lucene.analysis.no.NorwegianLightStemFilter;
import org.apache.lucene.analysis.no.NorwegianLightStemmer;
import org.apache.lucene.analysis.no.NorwegianMinimalStemFilter;
import org.apache.lucene.analysis.pt.PortugueseLightStemFilter;
import org.apache.lucene.analysis.pt.PortugueseMinimalStemFilter;
import org.apache.lucene.analysis.pt.PortugueseStemFilter;
import org.apache.lucene.analysis.ru.RussianLightStemFilter;
import org.apache.lucene.analysis.snowball.SnowballFilter;
import org.apache.lucene.analysis.sv.SwedishLightStemFilter;
import org.elasticsearch.index.analysis.Analysis;
import org.elasticsearch.index.analysis.TokenFilterFactory;

/** The stemmers by the names of `stemmer`, and those that are filters of their own. */
final class Stemmers {
    private static final Map<String, UnaryOperator<TokenStream>> BY_LANGUAGE = new TreeMap<>();

    static {
        add(ArabicStemFilter::new, "arabic");
        add(BengaliStemFilter::new, "bengali");
        add(BrazilianStemFilter::new, "brazilian");
        add(BulgarianStemFilter::new, "bulgarian");
        add(CzechStemFilter::new, "czech");
        add(PorterStemFilter::new, "english", "porter");
        add(KStemFilter::new, "light_english", "kstem");
        add(EnglishMinimalStemFilter::new, "minimal_english");
        add(EnglishPossessiveFilter::new, "possessive_english");
        add(FinnishLightStemFilter::new, "light_finnish");
        add(FrenchLightStemFilter::new, "light_french");
        add(FrenchMinimalStemFilter::new, "minimal_french");
        add(GalicianStemFilter::new, "galician");
        add(GalicianMinimalStemFilter::new, "minimal_galician");
        add(GermanLightStemFilter::new, "light_german");
        add(GermanMinimalStemFilter::new, "minimal_german");
        add(GreekStemFilter::new, "greek");
        add(HindiStemFilter::new, "hindi");
        add(HungarianLightStemFilter::new, "light_hungarian");
        add(IndonesianStemFilter::new, "indonesian");
        add(stream -> new IndonesianStemFilter(stream, false), "light_indonesian");
        add(ItalianLightStemFilter::new, "light_italian");
        add(LatvianStemFilter::new, "latvian");
        add(NorwegianLightStemFilter::new, "light_norwegian");
        add(NorwegianMinimalStemFilter::new, "minimal_norwegian");
        add(stream -> new NorwegianLightStemFilter(stream, NorwegianLightStemmer.NYNORSK), "light_nynorsk");
        add(stream -> new NorwegianMinimalStemFilter(stream, NorwegianLightStemmer.NYNORSK), "minimal_nynorsk");
        add(PortugueseLightStemFilter::new, "light_portuguese");
        add(PortugueseMinimalStemFilter::new, "minimal_portuguese");
        add(PortugueseStemFilter::new, "portuguese_rslp");
        add(RussianLightStemFilter::new, "light_russian");
        add(SoraniStemFilter::new, "sorani");
        add(SpanishLightStemFilter::new, "light_spanish");
        add(SwedishLightStemFilter::new, "light_swedish");
        for (String language : List.of("Armenian", "Basque", "Catalan", "Danish", "Dutch", "Estonian", "Finnish", "French", "German",
                "German2", "Hungarian", "Irish", "Italian", "Lithuanian", "Lovins", "Norwegian", "Portuguese", "Romanian", "Russian",
                "Spanish", "Swedish", "Turkish")) {
            add(stream -> new SnowballFilter(stream, language), language.toLowerCase(Locale.ROOT));
        }
        add(stream -> new SnowballFilter(stream, "English"), "porter2");
        add(stream -> new SnowballFilter(stream, "Kp"), "dutch_kp");
    }

    private Stemmers() {}

    private static void add(UnaryOperator<TokenStream> wrap, String... names) {
        for (String name : names) {
            BY_LANGUAGE.put(name, wrap);
        }
    }

    static void addFilters(Map<String, Maker<TokenFilterFactory>> table) {
        table.put("stemmer", Stemmers::stemmer);
        table.put("snowball", Stemmers::snowball);
        table.put("stemmer_override", Stemmers::override);
        Map<String, UnaryOperator<TokenStream>> alone = new HashMap<>(Map.of("arabic_stem", ArabicStemFilter::new, "brazilian_stem",
                BrazilianStemFilter::new, "czech_stem", CzechStemFilter::new, "german_stem", GermanStemFilter::new));
        for (String language : List.of("Dutch", "French", "Russian")) {
            alone.put(language.toLowerCase(Locale.ROOT) + "_stem", stream -> new SnowballFilter(stream, language));
        }
        alone.forEach((name, wrap) -> table.put(name, scope -> new Filter(scope, wrap)));
    }

    private static TokenFilterFactory stemmer(Scope scope) {
        String language = scope.settings().get("language", scope.settings().get("name", "porter")).toLowerCase(Locale.ROOT);
        UnaryOperator<TokenStream> wrap = BY_LANGUAGE.get(language);
        if (wrap == null) {
            throw new IllegalArgumentException(
                    "[" + scope.name() + "]: no stemmer for [" + language + "]; known: " + String.join(", ", BY_LANGUAGE.keySet()));
        }
        return new Filter(scope, wrap);
    }

    private static TokenFilterFactory snowball(Scope scope) {
        String given = scope.settings().get("language", scope.settings().get("name", "English"));
        String language = given.substring(0, 1).toUpperCase(Locale.ROOT) + given.substring(1).toLowerCase(Locale.ROOT);
        return new Filter(scope, stream -> new SnowballFilter(stream, language));
    }

    /** Rules are `word, word => stem`. */
    private static TokenFilterFactory override(Scope scope) {
        List<String> rules = Analysis.getWordList(scope.environment(), scope.settings(), "rules");
        if (rules == null) {
            throw scope.missing("rules");
        }
        StemmerOverrideFilter.Builder builder = new StemmerOverrideFilter.Builder(false);
        for (String rule : rules) {
            String[] sides = rule.split("=>", -1);
            if (sides.length != 2 || sides[1].isBlank() || sides[1].contains(",")) {
                throw new IllegalArgumentException("[" + scope.name() + "]: not of the form `word, word => stem`: " + rule);
            }
            for (String word : sides[0].split(",")) {
                builder.add(word.strip(), sides[1].strip());
            }
        }
        try {
            StemmerOverrideFilter.StemmerOverrideMap map = builder.build();
            return new Filter(scope, stream -> new StemmerOverrideFilter(stream, map));
        } catch (java.io.IOException error) {
            throw new java.io.UncheckedIOException(error);
        }
    }
}
