package orderlog.analysis;

import java.util.Map;
import java.util.function.UnaryOperator;
import orderlog.analysis.AnalysisModulePlugin.Maker;
import org.apache.lucene.analysis.TokenStream;
import org.apache.lucene.analysis.ngram.EdgeNGramTokenFilter;
import org.apache.lucene.analysis.ngram.NGramTokenFilter;
import org.apache.lucene.analysis.reverse.ReverseStringFilter;
import org.elasticsearch.index.analysis.TokenFilterFactory;

/** Filters that make n-grams of tokens, and the bounds that tokenizers share. */
record Grams(int min, int max) {
    private static final int MIN = 1;
    private static final int MAX = 2;

    static Grams of(Scope scope) {
        return new Grams(scope.settings().getAsInt("min_gram", MIN), scope.settings().getAsInt("max_gram", MAX));
    }

    /** As {@link #of}, within the index's own limit on how many grams a character may begin. */
    static Grams limited(Scope scope) {
        Grams grams = of(scope);
        int limit = scope.index().getMaxNgramDiff();
        if (grams.max - grams.min > limit) {
            throw new IllegalArgumentException("The difference between max_gram and min_gram in NGram must be less than or equal to: ["
                    + limit + "] but was [" + (grams.max - grams.min) + "]. Set [index.max_ngram_diff] to allow more.");
        }
        return grams;
    }

    static void addFilters(Map<String, Maker<TokenFilterFactory>> table) {
        table.put("ngram", Grams::ngram);
        table.put("edge_ngram", Grams::edgeNgram);
    }

    private static TokenFilterFactory ngram(Scope scope) {
        Grams grams = limited(scope);
        boolean preserve = scope.settings().getAsBoolean("preserve_original", NGramTokenFilter.DEFAULT_PRESERVE_ORIGINAL);
        return new Filter.Multiplying(scope, stream -> new NGramTokenFilter(stream, grams.min, grams.max, preserve));
    }

    private static TokenFilterFactory edgeNgram(Scope scope) {
        Grams grams = of(scope);
        boolean preserve = scope.settings().getAsBoolean("preserve_original", EdgeNGramTokenFilter.DEFAULT_PRESERVE_ORIGINAL);
        UnaryOperator<TokenStream> front = stream -> new EdgeNGramTokenFilter(stream, grams.min, grams.max, preserve);
        return new Filter.Multiplying(scope, switch (scope.settings().get("side", "front")) {
            case "front" -> front;
            // The end of a word is the beginning of the reversed word.
            case "back" -> stream -> new ReverseStringFilter(front.apply(new ReverseStringFilter(stream)));
            default -> throw new IllegalArgumentException("[" + scope.name() + "]: [side] is front or back");
        });
    }
}
