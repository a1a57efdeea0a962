package orderlog.analysis;

import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.function.UnaryOperator;
import java.util.regex.Pattern;
import orderlog.analysis.AnalysisModulePlugin.Maker;
import org.apache.lucene.analysis.CharArraySet;
import org.apache.lucene.analysis.LowerCaseFilter;
import org.apache.lucene.analysis.TokenStream;
import org.apache.lucene.analysis.ar.ArabicNormalizationFilter;
import org.apache.lucene.analysis.bn.BengaliNormalizationFilter;
import org.apache.lucene.analysis.cjk.CJKBigramFilter;
import org.apache.lucene.analysis.cjk.CJKWidthFilter;
import org.apache.lucene.analysis.ckb.SoraniNormalizationFilter;
import org.apache.lucene.analysis.commongrams.CommonGramsFilter;
import org.apache.lucene.analysis.commongrams.CommonGramsQueryFilter;
import org.apache.lucene.analysis.core.DecimalDigitFilter;
import org.apache.lucene.analysis.core.FlattenGraphFilter;
import org.apache.lucene.analysis.core.TypeTokenFilter;
import org.apache.lucene.analysis.core.UpperCaseFilter;
import org.apache.lucene.analysis.de.GermanNormalizationFilter;
import org.apache.lucene.analysis.el.GreekLowerCaseFilter;
import org.apache.lucene.analysis.en.KStemFilter;
import org.apache.lucene.analysis.en.PorterStemFilter;
import org.apache.lucene.analysis.fa.PersianNormalizationFilter;
import org.apache.lucene.analysis.fr.FrenchAnalyzer;
import org.apache.lucene.analysis.ga.IrishLowerCaseFilter;
import org.apache.lucene.analysis.hi.HindiNormalizationFilter;
import org.apache.lucene.analysis.in.IndicNormalizationFilter;
import org.apache.lucene.analysis.miscellaneous.ASCIIFoldingFilter;
import org.apache.lucene.analysis.miscellaneous.FingerprintFilter;
import org.apache.lucene.analysis.miscellaneous.KeepWordFilter;
import org.apache.lucene.analysis.miscellaneous.KeywordRepeatFilter;
import org.apache.lucene.analysis.miscellaneous.LengthFilter;
import org.apache.lucene.analysis.miscellaneous.LimitTokenCountFilter;
import org.apache.lucene.analysis.miscellaneous.PatternKeywordMarkerFilter;
import org.apache.lucene.analysis.miscellaneous.RemoveDuplicatesTokenFilter;
import org.apache.lucene.analysis.miscellaneous.ScandinavianFoldingFilter;
import org.apache.lucene.analysis.miscellaneous.ScandinavianNormalizationFilter;
import org.apache.lucene.analysis.miscellaneous.SetKeywordMarkerFilter;
import org.apache.lucene.analysis.miscellaneous.TrimFilter;
import org.apache.lucene.analysis.miscellaneous.TruncateTokenFilter;
import org.apache.lucene.analysis.pattern.PatternCaptureGroupTokenFilter;
import org.apache.lucene.analysis.pattern.PatternReplaceFilter;
import org.apache.lucene.analysis.reverse.ReverseStringFilter;
import org.apache.lucene.analysis.sr.SerbianNormalizationFilter;
import org.apache.lucene.analysis.standard.ClassicFilter;
import org.apache.lucene.analysis.tr.ApostropheFilter;
import org.apache.lucene.analysis.tr.TurkishLowerCaseFilter;
import org.apache.lucene.analysis.util.ElisionFilter;
import org.elasticsearch.common.settings.Settings;
import org.elasticsearch.index.analysis.Analysis;
import org.elasticsearch.index.analysis.TokenFilterFactory;

/** The table of token filters. Grams, words and synonyms have files of their own; `stop`, `shingle` and `hunspell` are the engine's. */
final class TokenFilters {
    private static final Set<String> NEED_SETTINGS = Set.of(
            "common_grams", "keep", "keep_types", "keyword_marker", "pattern_capture", "pattern_replace", "stemmer_override",
            "synonym", "synonym_graph");
    private static final int TRUNCATE_LENGTH = 10;

    private TokenFilters() {}

    static boolean needsSettings(String name) {
        return NEED_SETTINGS.contains(name);
    }

    static Map<String, Maker<TokenFilterFactory>> table() {
        Map<String, Maker<TokenFilterFactory>> table = new TreeMap<>();
        addPlain(table);
        addNormalizing(table);
        addWithSettings(table);
        Grams.addFilters(table);
        Words.addFilters(table);
        Stemmers.addFilters(table);
        Synonyms.addFilters(table);
        return table;
    }

    private static void plain(Map<String, Maker<TokenFilterFactory>> table, String name, UnaryOperator<TokenStream> wrap) {
        table.put(name, scope -> new Filter(scope, wrap));
    }

    private static void normalizing(Map<String, Maker<TokenFilterFactory>> table, String name, UnaryOperator<TokenStream> wrap) {
        table.put(name, scope -> new Filter.Normalizing(scope, wrap));
    }

    /** Filters that know no settings. */
    private static void addPlain(Map<String, Maker<TokenFilterFactory>> table) {
        plain(table, "apostrophe", ApostropheFilter::new);
        plain(table, "classic", ClassicFilter::new);
        plain(table, "flatten_graph", FlattenGraphFilter::new);
        plain(table, "keyword_repeat", KeywordRepeatFilter::new);
        plain(table, "kstem", KStemFilter::new);
        plain(table, "porter_stem", PorterStemFilter::new);
        plain(table, "remove_duplicates", RemoveDuplicatesTokenFilter::new);
        plain(table, "reverse", ReverseStringFilter::new);
    }

    /** Filters that know no settings and may be part of a normalizer. */
    private static void addNormalizing(Map<String, Maker<TokenFilterFactory>> table) {
        normalizing(table, "arabic_normalization", ArabicNormalizationFilter::new);
        normalizing(table, "bengali_normalization", BengaliNormalizationFilter::new);
        normalizing(table, "cjk_width", CJKWidthFilter::new);
        normalizing(table, "decimal_digit", DecimalDigitFilter::new);
        normalizing(table, "german_normalization", GermanNormalizationFilter::new);
        normalizing(table, "hindi_normalization", HindiNormalizationFilter::new);
        normalizing(table, "indic_normalization", IndicNormalizationFilter::new);
        normalizing(table, "persian_normalization", PersianNormalizationFilter::new);
        normalizing(table, "scandinavian_folding", ScandinavianFoldingFilter::new);
        normalizing(table, "scandinavian_normalization", ScandinavianNormalizationFilter::new);
        normalizing(table, "serbian_normalization", SerbianNormalizationFilter::new);
        normalizing(table, "sorani_normalization", SoraniNormalizationFilter::new);
        normalizing(table, "trim", TrimFilter::new);
        normalizing(table, "uppercase", UpperCaseFilter::new);
    }

    private static void addWithSettings(Map<String, Maker<TokenFilterFactory>> table) {
        table.put("asciifolding", TokenFilters::asciiFolding);
        table.put("cjk_bigram", TokenFilters::cjkBigram);
        table.put("common_grams", TokenFilters::commonGrams);
        table.put("elision", TokenFilters::elision);
        table.put("fingerprint", TokenFilters::fingerprint);
        table.put("keep", TokenFilters::keep);
        table.put("keep_types", TokenFilters::keepTypes);
        table.put("keyword_marker", TokenFilters::keywordMarker);
        table.put("length", TokenFilters::length);
        table.put("limit", TokenFilters::limit);
        table.put("lowercase", TokenFilters::lowercase);
        table.put("pattern_capture", TokenFilters::patternCapture);
        table.put("pattern_replace", TokenFilters::patternReplace);
        table.put("truncate", TokenFilters::truncate);
        table.put("unique", TokenFilters::unique);
    }

    private static TokenFilterFactory asciiFolding(Scope scope) {
        UnaryOperator<TokenStream> folded = ASCIIFoldingFilter::new;
        if (!scope.settings().getAsBoolean("preserve_original", false)) {
            return new Filter.Normalizing(scope, folded);
        }
        return new Filter.WithPlainForm(scope, stream -> new ASCIIFoldingFilter(stream, true), folded);
    }

    private static TokenFilterFactory cjkBigram(Scope scope) {
        Map<String, Integer> scripts = Map.of("han", CJKBigramFilter.HAN, "hiragana", CJKBigramFilter.HIRAGANA,
                "katakana", CJKBigramFilter.KATAKANA, "hangul", CJKBigramFilter.HANGUL);
        List<String> ignored = scope.settings().getAsList("ignored_scripts");
        int flags = scripts.entrySet().stream().filter(row -> !ignored.contains(row.getKey())).mapToInt(Map.Entry::getValue).sum();
        boolean unigrams = scope.settings().getAsBoolean("output_unigrams", false);
        UnaryOperator<TokenStream> wrap = stream -> new CJKBigramFilter(stream, flags, unigrams);
        return unigrams ? new Filter.Multiplying(scope, wrap) : new Filter(scope, wrap);
    }

    private static TokenFilterFactory commonGrams(Scope scope) {
        Settings settings = scope.settings();
        boolean ignoreCase = settings.getAsBoolean("ignore_case", false);
        CharArraySet words = Analysis.parseCommonWords(scope.environment(), settings, null, ignoreCase);
        if (words == null) {
            throw scope.missing("common_words");
        }
        boolean query = settings.getAsBoolean("query_mode", false);
        return new Filter.Multiplying(scope, stream -> {
            CommonGramsFilter grams = new CommonGramsFilter(stream, words);
            return query ? new CommonGramsQueryFilter(grams) : grams;
        });
    }

    private static TokenFilterFactory elision(Scope scope) {
        CharArraySet given = Analysis.parseArticles(scope.environment(), scope.settings());
        CharArraySet articles = given == null ? FrenchAnalyzer.DEFAULT_ARTICLES : given;
        return new Filter.Normalizing(scope, stream -> new ElisionFilter(stream, articles));
    }

    private static TokenFilterFactory fingerprint(Scope scope) {
        String separator = scope.settings().get("separator", " ");
        if (separator.length() != 1) {
            throw new IllegalArgumentException("[" + scope.name() + "]: [separator] must be one character");
        }
        int bytes = scope.settings().getAsInt("max_output_size", FingerprintFilter.DEFAULT_MAX_OUTPUT_TOKEN_SIZE);
        return new Filter.Multiplying(scope, stream -> new FingerprintFilter(stream, bytes, separator.charAt(0)));
    }

    private static TokenFilterFactory keep(Scope scope) {
        boolean ignoreCase = scope.settings().getAsBoolean("keep_words_case", false);
        CharArraySet words = new CharArraySet(scope.requiredWords("keep_words"), ignoreCase);
        return new Filter(scope, stream -> new KeepWordFilter(stream, words));
    }

    private static TokenFilterFactory keepTypes(Scope scope) {
        Set<String> types = Set.copyOf(scope.settings().getAsList("types"));
        if (types.isEmpty()) {
            throw scope.missing("types");
        }
        boolean include = switch (scope.settings().get("mode", "include")) {
            case "include" -> true;
            case "exclude" -> false;
            default -> throw new IllegalArgumentException("[" + scope.name() + "]: [mode] is include or exclude");
        };
        return new Filter(scope, stream -> new TypeTokenFilter(stream, types, include));
    }

    private static TokenFilterFactory keywordMarker(Scope scope) {
        if (scope.settings().hasValue("keywords_pattern")) {
            Pattern pattern = Pattern.compile(scope.settings().get("keywords_pattern"));
            return new Filter(scope, stream -> new PatternKeywordMarkerFilter(stream, pattern));
        }
        boolean ignoreCase = scope.settings().getAsBoolean("ignore_case", false);
        CharArraySet words = new CharArraySet(scope.requiredWords("keywords"), ignoreCase);
        return new Filter(scope, stream -> new SetKeywordMarkerFilter(stream, words));
    }

    private static TokenFilterFactory length(Scope scope) {
        int min = scope.settings().getAsInt("min", 0);
        int max = scope.settings().getAsInt("max", Integer.MAX_VALUE);
        return new Filter(scope, stream -> new LengthFilter(stream, min, max));
    }

    private static TokenFilterFactory limit(Scope scope) {
        int count = scope.settings().getAsInt("max_token_count", 1);
        boolean consume = scope.settings().getAsBoolean("consume_all_tokens", false);
        return new Filter(scope, stream -> new LimitTokenCountFilter(stream, count, consume));
    }

    private static TokenFilterFactory lowercase(Scope scope) {
        Function<TokenStream, TokenStream> lower = switch (scope.settings().get("language", "")) {
            case "" -> LowerCaseFilter::new;
            case "greek" -> GreekLowerCaseFilter::new;
            case "irish" -> IrishLowerCaseFilter::new;
            case "turkish" -> TurkishLowerCaseFilter::new;
            default -> throw new IllegalArgumentException("[" + scope.name() + "]: [language] is greek, irish or turkish");
        };
        return new Filter.Normalizing(scope, lower::apply);
    }

    private static TokenFilterFactory patternCapture(Scope scope) {
        List<String> texts = scope.settings().getAsList("patterns");
        if (texts.isEmpty()) {
            throw scope.missing("patterns");
        }
        Pattern[] patterns = texts.stream().map(Pattern::compile).toArray(Pattern[]::new);
        boolean preserve = scope.settings().getAsBoolean("preserve_original", true);
        return new Filter.Multiplying(scope,
                stream -> new PatternCaptureGroupTokenFilter(stream, preserve, Arrays.copyOf(patterns, patterns.length)));
    }

    private static TokenFilterFactory patternReplace(Scope scope) {
        Pattern pattern = scope.pattern(null);
        String replacement = scope.settings().get("replacement", "");
        boolean all = scope.settings().getAsBoolean("all", true);
        return new Filter.Normalizing(scope, stream -> new PatternReplaceFilter(stream, pattern, replacement, all));
    }

    private static TokenFilterFactory truncate(Scope scope) {
        int length = scope.settings().getAsInt("length", TRUNCATE_LENGTH);
        return new Filter(scope, stream -> new TruncateTokenFilter(stream, length));
    }

    private static TokenFilterFactory unique(Scope scope) {
        boolean samePosition = scope.settings().getAsBoolean("only_on_same_position", false);
        return new Filter(scope, stream -> new UniqueFilter(stream, samePosition));
    }
}
