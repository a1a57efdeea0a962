package orderlog.analysis;

import java.io.Reader;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.UnaryOperator;
import java.util.regex.Pattern;
import orderlog.analysis.AnalysisModulePlugin.Maker;
import org.apache.lucene.analysis.charfilter.HTMLStripCharFilter;
import org.apache.lucene.analysis.charfilter.MappingCharFilter;
import org.apache.lucene.analysis.charfilter.NormalizeCharMap;
import org.apache.lucene.analysis.pattern.PatternReplaceCharFilter;
import org.elasticsearch.index.analysis.Analysis;
import org.elasticsearch.index.analysis.CharFilterFactory;
import org.elasticsearch.index.analysis.NormalizingCharFilterFactory;

/** The table of character filters. */
final class CharFilters {
    private static final Set<String> NEED_SETTINGS = Set.of("mapping", "pattern_replace");

    private CharFilters() {}

    static boolean needsSettings(String name) {
        return NEED_SETTINGS.contains(name);
    }

    static Map<String, Maker<CharFilterFactory>> table() {
        return Map.of("html_strip", CharFilters::htmlStrip, "mapping", CharFilters::mapping, "pattern_replace", CharFilters::patternReplace);
    }

    /** A character filter by the function that puts it on a reader. */
    private record Plain(String name, UnaryOperator<Reader> wrap) implements CharFilterFactory {
        @Override
        public Reader create(Reader reader) {
            return wrap.apply(reader);
        }
    }

    /** One that may be part of a normalizer as well. */
    private record Normalizing(String name, UnaryOperator<Reader> wrap) implements NormalizingCharFilterFactory {
        @Override
        public Reader create(Reader reader) {
            return wrap.apply(reader);
        }
    }

    private static CharFilterFactory htmlStrip(Scope scope) {
        Set<String> kept = Set.copyOf(scope.settings().getAsList("escaped_tags"));
        return new Plain(scope.name(), reader -> new HTMLStripCharFilter(reader, kept));
    }

    /** Rules are `from => to`; either side may hold \\uXXXX and the usual escapes. */
    private static CharFilterFactory mapping(Scope scope) {
        List<String> rules = Analysis.getWordList(scope.environment(), scope.settings(), "mappings");
        if (rules == null) {
            throw scope.missing("mappings");
        }
        NormalizeCharMap.Builder builder = new NormalizeCharMap.Builder();
        for (String rule : rules) {
            int arrow = rule.lastIndexOf("=>");
            if (arrow < 1) {
                throw new IllegalArgumentException("[" + scope.name() + "]: not of the form `from => to`: " + rule);
            }
            builder.add(unescaped(rule.substring(0, arrow).strip()), unescaped(rule.substring(arrow + 2).strip()));
        }
        NormalizeCharMap map = builder.build();
        return new Normalizing(scope.name(), reader -> new MappingCharFilter(map, reader));
    }

    private static String unescaped(String text) {
        StringBuilder plain = new StringBuilder();
        for (int at = 0; at < text.length(); at++) {
            char character = text.charAt(at);
            if (character != '\\' || at + 1 == text.length()) {
                plain.append(character);
                continue;
            }
            char escaped = text.charAt(++at);
            if (escaped == 'u') {
                if (at + 5 > text.length()) {
                    throw new IllegalArgumentException("Four hexadecimal digits must follow \\u in: " + text);
                }
                plain.append((char) Integer.parseInt(text.substring(at + 1, at + 5), 16));
                at += 4;
            } else {
                int index = "nrtbf".indexOf(escaped);
                plain.append(index < 0 ? escaped : "\n\r\t\b\f".charAt(index));
            }
        }
        return plain.toString();
    }

    private static CharFilterFactory patternReplace(Scope scope) {
        Pattern pattern = scope.pattern(null);
        String replacement = scope.settings().get("replacement", "");
        return new Normalizing(scope.name(), reader -> new PatternReplaceCharFilter(pattern, replacement, reader));
    }
}
