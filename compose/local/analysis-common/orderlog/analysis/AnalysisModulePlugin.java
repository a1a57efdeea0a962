package orderlog.analysis;

import static java.util.stream.Collectors.toMap;

import java.util.List;
import java.util.Map;
import org.apache.lucene.analysis.Analyzer;
import org.apache.lucene.analysis.ngram.EdgeNGramTokenFilter;
import org.elasticsearch.index.analysis.AnalyzerProvider;
import org.elasticsearch.index.analysis.CharFilterFactory;
import org.elasticsearch.index.analysis.PreConfiguredTokenFilter;
import org.elasticsearch.index.analysis.TokenFilterFactory;
import org.elasticsearch.index.analysis.TokenizerFactory;
import org.elasticsearch.indices.analysis.AnalysisModule.AnalysisProvider;
import org.elasticsearch.plugins.AnalysisPlugin;
import org.elasticsearch.plugins.Plugin;

/**
 * Gives Lucene's analysis components the names and settings under which every full distribution of Elasticsearch knows
 * them, so that one index definition serves here and there. The tables are in {@link TokenFilters}, {@link Tokenizers},
 * {@link CharFilters} and {@link Analyzers}; a test holds their tokens against those of OpenSearch's own module.
 */
public final class AnalysisModulePlugin extends Plugin implements AnalysisPlugin {

    @Override
    public Map<String, AnalysisProvider<TokenFilterFactory>> getTokenFilters() {
        return providers(TokenFilters.table(), TokenFilters::needsSettings);
    }

    /** By its bare name, with no definition in the index, this filter makes grams of one character only. */
    @Override
    public List<PreConfiguredTokenFilter> getPreConfiguredTokenFilters() {
        return List.of(PreConfiguredTokenFilter.singleton("edge_ngram", false, false, stream -> new EdgeNGramTokenFilter(stream, 1)));
    }

    @Override
    public Map<String, AnalysisProvider<TokenizerFactory>> getTokenizers() {
        return providers(Tokenizers.table(), Tokenizers::needsSettings);
    }

    @Override
    public Map<String, AnalysisProvider<CharFilterFactory>> getCharFilters() {
        return providers(CharFilters.table(), CharFilters::needsSettings);
    }

    @Override
    public Map<String, AnalysisProvider<AnalyzerProvider<? extends Analyzer>>> getAnalyzers() {
        return providers(Analyzers.table(), name -> false);
    }

    /** Makes one kind of component from its definition. */
    interface Maker<T> {
        T make(Scope scope);
    }

    private static <T> Map<String, AnalysisProvider<T>> providers(
            Map<String, Maker<T>> table, java.util.function.Predicate<String> needsSettings) {
        return table.entrySet().stream().collect(toMap(Map.Entry::getKey, row -> {
            AnalysisProvider<T> provider =
                    (index, environment, name, settings) -> row.getValue().make(new Scope(index, environment, name, settings));
            // What has no sensible defaults exists only where an index defines it.
            return needsSettings.test(row.getKey()) ? AnalysisPlugin.requiresAnalysisSettings(provider) : provider;
        }));
    }
}
