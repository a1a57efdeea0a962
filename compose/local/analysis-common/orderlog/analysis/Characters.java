package orderlog.analysis;

import java.util.List;
import java.util.function.IntPredicate;

/** Classes of characters by the names that tokenizers know them by. */
final class Characters {
    private Characters() {}

    /** Matches what any of the named classes or single characters does. */
    static IntPredicate matching(Scope scope, List<String> names) {
        IntPredicate any = character -> false;
        for (String name : names) {
            any = any.or(one(scope, name));
        }
        return any;
    }

    private static IntPredicate one(Scope scope, String name) {
        return switch (name) {
            case "letter" -> Character::isLetter;
            case "digit" -> Character::isDigit;
            case "whitespace" -> Character::isWhitespace;
            case "punctuation" -> Characters::isPunctuation;
            case "symbol" -> Characters::isSymbol;
            case "custom" -> among(scope.settings().get("custom_token_chars", ""));
            default -> among(literal(scope, name));
        };
    }

    private static IntPredicate among(String characters) {
        return character -> characters.indexOf(character) >= 0;
    }

    /** One character as it is, or escaped with a backslash. */
    private static String literal(Scope scope, String name) {
        if (name.codePointCount(0, name.length()) == 1) {
            return name;
        }
        return switch (name) {
            case "\\n" -> "\n";
            case "\\t" -> "\t";
            case "\\r" -> "\r";
            case "\\\\" -> "\\";
            default -> throw new IllegalArgumentException("[" + scope.name() + "]: no class of characters is named [" + name + "]");
        };
    }

    private static boolean isPunctuation(int character) {
        return switch (Character.getType(character)) {
            case Character.START_PUNCTUATION, Character.END_PUNCTUATION, Character.OTHER_PUNCTUATION, Character.CONNECTOR_PUNCTUATION,
                 Character.DASH_PUNCTUATION, Character.INITIAL_QUOTE_PUNCTUATION, Character.FINAL_QUOTE_PUNCTUATION -> true;
            default -> false;
        };
    }

    private static boolean isSymbol(int character) {
        return switch (Character.getType(character)) {
            case Character.CURRENCY_SYMBOL, Character.MATH_SYMBOL, Character.OTHER_SYMBOL, Character.MODIFIER_SYMBOL -> true;
            default -> false;
        };
    }
}
