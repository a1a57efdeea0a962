package orderlog.analysis;

import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.IntPredicate;
import java.util.function.Supplier;
import java.util.regex.Pattern;
import orderlog.analysis.AnalysisModulePlugin.Maker;
import org.apache.lucene.analysis.Tokenizer;
import org.apache.lucene.analysis.core.KeywordTokenizer;
import org.apache.lucene.analysis.core.LetterTokenizer;
import org.apache.lucene.analysis.core.WhitespaceTokenizer;
import org.apache.lucene.analysis.ngram.EdgeNGramTokenizer;
import org.apache.lucene.analysis.ngram.NGramTokenizer;
import org.apache.lucene.analysis.path.PathHierarchyTokenizer;
import org.apache.lucene.analysis.path.ReversePathHierarchyTokenizer;
import org.apache.lucene.analysis.pattern.PatternTokenizer;
import org.apache.lucene.analysis.pattern.SimplePatternSplitTokenizer;
import org.apache.lucene.analysis.pattern.SimplePatternTokenizer;
import org.apache.lucene.analysis.standard.ClassicTokenizer;
import org.apache.lucene.analysis.standard.StandardAnalyzer;
import org.apache.lucene.analysis.standard.UAX29URLEmailTokenizer;
import org.apache.lucene.analysis.util.CharTokenizer;
import org.elasticsearch.index.analysis.TokenizerFactory;

/** The table of tokenizers; `standard` is the engine's. */
final class Tokenizers {
    private static final Set<String> NEED_SETTINGS = Set.of("char_group");
    private static final int TOKEN_LENGTH = 255;
    private static final int BUFFER = 1024;
    private static final int KEYWORD_BUFFER = 256;

    private Tokenizers() {}

    static boolean needsSettings(String name) {
        return NEED_SETTINGS.contains(name);
    }

    static Map<String, Maker<TokenizerFactory>> table() {
        Map<String, Maker<TokenizerFactory>> table = new TreeMap<>();
        table.put("char_group", Tokenizers::charGroup);
        table.put("classic", Tokenizers::classic);
        table.put("edge_ngram", Tokenizers::edgeNgram);
        table.put("keyword", Tokenizers::keyword);
        table.put("letter", scope -> factory(scope, LetterTokenizer::new));
        table.put("ngram", Tokenizers::ngram);
        table.put("path_hierarchy", Tokenizers::pathHierarchy);
        table.put("pattern", Tokenizers::pattern);
        table.put("simple_pattern", Tokenizers::simplePattern);
        table.put("simple_pattern_split", Tokenizers::simplePatternSplit);
        table.put("uax_url_email", Tokenizers::urlEmail);
        table.put("whitespace", Tokenizers::whitespace);
        return table;
    }

    private static TokenizerFactory factory(Scope scope, Supplier<Tokenizer> make) {
        return TokenizerFactory.newFactory(scope.name(), make);
    }

    private static int maxTokenLength(Scope scope) {
        return scope.settings().getAsInt("max_token_length", TOKEN_LENGTH);
    }

    private static TokenizerFactory charGroup(Scope scope) {
        IntPredicate separator = Characters.matching(scope, scope.settings().getAsList("tokenize_on_chars"));
        int length = maxTokenLength(scope);
        return factory(scope, () -> new CharTokenizer(Tokenizer.DEFAULT_TOKEN_ATTRIBUTE_FACTORY, length) {
            @Override
            protected boolean isTokenChar(int character) {
                return !separator.test(character);
            }
        });
    }

    private static TokenizerFactory classic(Scope scope) {
        int length = scope.settings().getAsInt("max_token_length", StandardAnalyzer.DEFAULT_MAX_TOKEN_LENGTH);
        return factory(scope, () -> {
            ClassicTokenizer tokenizer = new ClassicTokenizer();
            tokenizer.setMaxTokenLength(length);
            return tokenizer;
        });
    }

    private static TokenizerFactory urlEmail(Scope scope) {
        int length = scope.settings().getAsInt("max_token_length", StandardAnalyzer.DEFAULT_MAX_TOKEN_LENGTH);
        return factory(scope, () -> {
            UAX29URLEmailTokenizer tokenizer = new UAX29URLEmailTokenizer();
            tokenizer.setMaxTokenLength(length);
            return tokenizer;
        });
    }

    private static TokenizerFactory keyword(Scope scope) {
        int buffer = scope.settings().getAsInt("buffer_size", KEYWORD_BUFFER);
        return factory(scope, () -> new KeywordTokenizer(buffer));
    }

    private static TokenizerFactory whitespace(Scope scope) {
        int length = maxTokenLength(scope);
        return factory(scope, () -> new WhitespaceTokenizer(Tokenizer.DEFAULT_TOKEN_ATTRIBUTE_FACTORY, length));
    }

    private static TokenizerFactory edgeNgram(Scope scope) {
        Grams grams = Grams.of(scope);
        List<String> classes = scope.settings().getAsList("token_chars");
        if (classes.isEmpty()) {
            return factory(scope, () -> new EdgeNGramTokenizer(grams.min(), grams.max()));
        }
        IntPredicate kept = Characters.matching(scope, classes);
        return factory(scope, () -> new EdgeNGramTokenizer(grams.min(), grams.max()) {
            @Override
            protected boolean isTokenChar(int character) {
                return kept.test(character);
            }
        });
    }

    private static TokenizerFactory ngram(Scope scope) {
        Grams grams = Grams.limited(scope);
        List<String> classes = scope.settings().getAsList("token_chars");
        if (classes.isEmpty()) {
            return factory(scope, () -> new NGramTokenizer(grams.min(), grams.max()));
        }
        IntPredicate kept = Characters.matching(scope, classes);
        return factory(scope, () -> new NGramTokenizer(grams.min(), grams.max()) {
            @Override
            protected boolean isTokenChar(int character) {
                return kept.test(character);
            }
        });
    }

    private static TokenizerFactory pathHierarchy(Scope scope) {
        char delimiter = oneCharacter(scope, "delimiter", PathHierarchyTokenizer.DEFAULT_DELIMITER);
        char replacement = oneCharacter(scope, "replacement", delimiter);
        int skip = scope.settings().getAsInt("skip", PathHierarchyTokenizer.DEFAULT_SKIP);
        int buffer = scope.settings().getAsInt("buffer_size", BUFFER);
        if (scope.settings().getAsBoolean("reverse", false)) {
            return factory(scope, () -> new ReversePathHierarchyTokenizer(buffer, delimiter, replacement, skip));
        }
        return factory(scope, () -> new PathHierarchyTokenizer(buffer, delimiter, replacement, skip));
    }

    private static char oneCharacter(Scope scope, String key, char standard) {
        String text = scope.settings().get(key, String.valueOf(standard));
        if (text.length() != 1) {
            throw new IllegalArgumentException("[" + scope.name() + "]: [" + key + "] must be one character");
        }
        return text.charAt(0);
    }

    private static TokenizerFactory pattern(Scope scope) {
        Pattern pattern = scope.pattern("\\W+");
        int group = scope.settings().getAsInt("group", -1);
        return factory(scope, () -> new PatternTokenizer(pattern, group));
    }

    private static TokenizerFactory simplePattern(Scope scope) {
        String pattern = scope.settings().get("pattern", "");
        return factory(scope, () -> new SimplePatternTokenizer(pattern));
    }

    private static TokenizerFactory simplePatternSplit(Scope scope) {
        String pattern = scope.settings().get("pattern", "");
        return factory(scope, () -> new SimplePatternSplitTokenizer(pattern));
    }
}
