package orderlog.analysis;

import java.util.Map;
import orderlog.analysis.AnalysisModulePlugin.Maker;
import org.apache.lucene.analysis.CharArraySet;
import org.apache.lucene.analysis.miscellaneous.WordDelimiterFilter;
import org.apache.lucene.analysis.miscellaneous.WordDelimiterGraphFilter;
import org.apache.lucene.analysis.miscellaneous.WordDelimiterIterator;
import org.elasticsearch.common.settings.Settings;
import org.elasticsearch.index.analysis.TokenFilterFactory;

/** Filters that take tokens such as "Wi-Fi2000" apart. */
final class Words {
    /** A setting, the bit that it sets, and whether it is set where nothing is said. */
    private record Flag(String setting, int bit, boolean standard) {}

    private static final Flag[] FLAGS = {
        new Flag("generate_word_parts", WordDelimiterGraphFilter.GENERATE_WORD_PARTS, true),
        new Flag("generate_number_parts", WordDelimiterGraphFilter.GENERATE_NUMBER_PARTS, true),
        new Flag("catenate_words", WordDelimiterGraphFilter.CATENATE_WORDS, false),
        new Flag("catenate_numbers", WordDelimiterGraphFilter.CATENATE_NUMBERS, false),
        new Flag("catenate_all", WordDelimiterGraphFilter.CATENATE_ALL, false),
        new Flag("split_on_case_change", WordDelimiterGraphFilter.SPLIT_ON_CASE_CHANGE, true),
        new Flag("preserve_original", WordDelimiterGraphFilter.PRESERVE_ORIGINAL, false),
        new Flag("split_on_numerics", WordDelimiterGraphFilter.SPLIT_ON_NUMERICS, true),
        new Flag("stem_english_possessive", WordDelimiterGraphFilter.STEM_ENGLISH_POSSESSIVE, true),
        new Flag("ignore_keywords", WordDelimiterGraphFilter.IGNORE_KEYWORDS, false),
    };

    private Words() {}

    static void addFilters(Map<String, Maker<TokenFilterFactory>> table) {
        table.put("word_delimiter_graph", Words::graph);
        table.put("word_delimiter", Words::flat);
    }

    private static int flags(Settings settings) {
        int bits = 0;
        for (Flag flag : FLAGS) {
            bits |= settings.getAsBoolean(flag.setting, flag.standard) ? flag.bit : 0;
        }
        return bits;
    }

    private static TokenFilterFactory graph(Scope scope) {
        scope.refuse("type_table", "type_table_path");
        int flags = flags(scope.settings());
        boolean offsets = scope.settings().getAsBoolean("adjust_offsets", true);
        CharArraySet guarded = scope.words("protected_words");
        return new Filter.Multiplying(scope, stream -> new WordDelimiterGraphFilter(
                stream, offsets, WordDelimiterIterator.DEFAULT_WORD_DELIM_TABLE, flags, guarded));
    }

    @SuppressWarnings("deprecation") // Lucene prefers the graph; index definitions still use both
    private static TokenFilterFactory flat(Scope scope) {
        scope.refuse("type_table", "type_table_path");
        int flags = flags(scope.settings());
        CharArraySet guarded = scope.words("protected_words");
        return new Filter.Multiplying(scope, stream -> new WordDelimiterFilter(stream, flags, guarded));
    }
}
