package orderlog.analysis;

import java.util.regex.Pattern;
import org.apache.lucene.analysis.CharArraySet;
import org.elasticsearch.common.regex.Regex;
import org.elasticsearch.common.settings.Settings;
import org.elasticsearch.env.Environment;
import org.elasticsearch.index.IndexSettings;
import org.elasticsearch.index.analysis.Analysis;

/** What the definition of one component says, with the readers that several components share. */
record Scope(IndexSettings index, Environment environment, String name, Settings settings) {

    /** A regular expression by its settings `pattern` and `flags`. */
    Pattern pattern(String standard) {
        String text = settings.get("pattern", standard);
        if (text == null) {
            throw missing("pattern");
        }
        return Regex.compile(text, settings.get("flags"));
    }

    /** Words given in place or by a file next to the configuration (`key` or `key_path`); null if neither is. */
    CharArraySet words(String key) {
        return Analysis.getWordSet(environment, settings, key);
    }

    CharArraySet requiredWords(String key) {
        CharArraySet words = words(key);
        if (words == null) {
            throw missing(key);
        }
        return words;
    }

    IllegalArgumentException missing(String key) {
        return new IllegalArgumentException("[" + name + "] needs the setting [" + key + "]");
    }

    /** For what the full distribution knows and this module does not: said, never passed over. */
    void refuse(String... keys) {
        for (String key : keys) {
            if (settings.hasValue(key) || settings.getAsList(key, null) != null) {
                throw new IllegalArgumentException("[" + name + "]: the local module does not know the setting [" + key + "]");
            }
        }
    }
}
