package orderlog.analysis;

import java.util.function.UnaryOperator;
import org.apache.lucene.analysis.TokenStream;
import org.elasticsearch.index.analysis.AbstractTokenFilterFactory;
import org.elasticsearch.index.analysis.NormalizingTokenFilterFactory;
import org.elasticsearch.index.analysis.TokenFilterFactory;

/** A token filter by the function that puts it on a stream. */
class Filter extends AbstractTokenFilterFactory {
    private final UnaryOperator<TokenStream> wrap;

    Filter(Scope scope, UnaryOperator<TokenStream> wrap) {
        super(scope.index(), scope.name(), scope.settings());
        this.wrap = wrap;
    }

    @Override
    public TokenStream create(TokenStream stream) {
        return wrap.apply(stream);
    }

    /** Changes characters only, so that it may be part of a normalizer as well. */
    static final class Normalizing extends Filter implements NormalizingTokenFilterFactory {
        Normalizing(Scope scope, UnaryOperator<TokenStream> wrap) {
            super(scope, wrap);
        }
    }

    /** Makes several tokens of one: the rules of a synonym filter after it can't be read through it. */
    static final class Multiplying extends Filter {
        Multiplying(Scope scope, UnaryOperator<TokenStream> wrap) {
            super(scope, wrap);
        }

        @Override
        public TokenFilterFactory getSynonymFilter() {
            throw new IllegalArgumentException("Token filter [" + name() + "] cannot be used to parse synonyms");
        }
    }

    /** Makes several tokens of one, but has a plainer form through which the rules of synonyms are read. */
    static final class WithPlainForm extends Filter implements NormalizingTokenFilterFactory {
        private final TokenFilterFactory plain;

        WithPlainForm(Scope scope, UnaryOperator<TokenStream> wrap, UnaryOperator<TokenStream> plain) {
            super(scope, wrap);
            this.plain = new Normalizing(scope, plain);
        }

        @Override
        public TokenStream normalize(TokenStream stream) {
            return plain.create(stream); // a normalizer gives one token
        }

        @Override
        public TokenFilterFactory getSynonymFilter() {
            return plain;
        }
    }
}
