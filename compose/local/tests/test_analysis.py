"""Our analysis module in Elasticsearch against OpenSearch's own: the same definition must give the same tokens."""

import json
import urllib.error
import urllib.request

import pytest
from conftest import PORT_OFFSET

from stacklib import supervisor
from stacklib.layout import Options, open_stack

TEXTS = [
    "WHITE HANGING HEART T-LIGHT HOLDER", "The Quick-Brown foxes' jumping over 2 lazy dogs", "Wi-Fi2000 PowerShot SD500 O'Neil's",
    "Crème brûlée déjà vu naïve œuvre Straße", "set of 6 sets, 6 SETS and a set", "l'avion d'Orsay qu'elle aime", "a/b/c /usr/local/lib",
    "me@example.org http://example.org/x?y=1", "größere Häuser und Bäume", "<b>bold</b> &amp; <i>brave</i>", "maisons continuellement", "x", "",
    "東京タワー", "running runs ran easily generously national nationality",
]


def chain(*filters, tokenizer="standard", char_filters=(), **definitions):
    """An analyzer named `a`, with the definitions of its parts."""
    return {"analysis": {"analyzer": {"a": {"type": "custom", "tokenizer": tokenizer, "char_filter": list(char_filters), "filter": list(filters)}}, **definitions}}


def one_filter(**definition):
    return chain("f", filter={"f": definition})


def tokenizing(**definition):
    settings = chain(tokenizer="t")
    settings["analysis"]["tokenizer"] = {"t": definition}
    return settings


def char_filtering(**definition):
    return chain(char_filters=["c"], char_filter={"c": definition})


def analyzer(**definition):
    return {"analysis": {"analyzer": {"a": definition}}}


BY_NAME = ["apostrophe", "arabic_normalization", "arabic_stem", "asciifolding", "bengali_normalization", "brazilian_stem", "cjk_bigram", "cjk_width",
           "classic", "czech_stem", "decimal_digit", "dutch_stem", "edge_ngram", "elision", "fingerprint", "flatten_graph", "french_stem",
           "german_normalization", "german_stem", "hindi_normalization", "indic_normalization", "keyword_repeat", "kstem", "length", "limit", "lowercase",
           "ngram", "persian_normalization", "porter_stem", "remove_duplicates", "reverse", "russian_stem", "scandinavian_folding",
           "scandinavian_normalization", "serbian_normalization", "shingle", "snowball", "sorani_normalization", "stemmer", "stop", "trim", "truncate",
           "unique", "uppercase", "word_delimiter", "word_delimiter_graph"]
STEMMERS = ["arabic", "armenian", "basque", "bengali", "brazilian", "bulgarian", "catalan", "czech", "danish", "dutch", "dutch_kp", "english",
            "estonian", "finnish", "french", "galician", "german", "german2", "greek", "hindi", "hungarian", "indonesian", "irish", "italian",
            "latvian", "light_english", "light_finnish", "light_french", "light_german", "light_hungarian", "light_italian", "light_norwegian",
            "light_nynorsk", "light_portuguese", "light_russian", "light_spanish", "light_swedish", "lithuanian", "lovins", "minimal_english",
            "minimal_french", "minimal_galician", "minimal_german", "minimal_norwegian", "minimal_nynorsk", "minimal_portuguese", "norwegian",
            "porter2", "portuguese", "portuguese_rslp", "possessive_english", "romanian", "russian", "sorani", "spanish", "swedish", "turkish"]
LANGUAGES = ["arabic", "armenian", "basque", "bulgarian", "catalan", "czech", "danish", "dutch", "english", "finnish", "french", "galician", "german",
             "hindi", "hungarian", "indonesian", "irish", "italian", "latvian", "norwegian", "portuguese", "romanian", "russian", "spanish", "swedish", "turkish"]
RULES = ["mug, cup, beaker", "t light => tealight", "Set of 6 => sixpack", "brown fox, vulpes"]

CASES = {f"filter {name}": chain("lowercase", name) for name in BY_NAME}
CASES |= {f"stemmer {name}": chain("lowercase", "f", filter={"f": {"type": "stemmer", "language": name}}) for name in STEMMERS}
CASES |= {f"analyzer {name}": analyzer(type=name) for name in LANGUAGES + ["fingerprint", "pattern", "simple", "stop", "whitespace", "keyword"]}
CASES |= {f"tokenizer {name}": chain(tokenizer=name) for name in
          ["classic", "edge_ngram", "keyword", "letter", "ngram", "path_hierarchy", "pattern", "uax_url_email", "whitespace"]}
CASES |= {
    "folding keeps": one_filter(type="asciifolding", preserve_original=True),
    "cjk unigrams": one_filter(type="cjk_bigram", output_unigrams=True, ignored_scripts=["katakana"]),
    "common grams": one_filter(type="common_grams", common_words=["the", "of"], ignore_case=True),
    "common grams query": one_filter(type="common_grams", common_words=["of", "and"], query_mode=True),
    "edge ngram": one_filter(type="edge_ngram", min_gram=2, max_gram=10, preserve_original=True),
    "edge ngram back": one_filter(type="edge_ngram", min_gram=1, max_gram=3, side="back"),
    "ngram": one_filter(type="ngram", min_gram=2, max_gram=3),
    "ngram keeps": one_filter(type="ngram", min_gram=3, max_gram=3, preserve_original=True),
    "elision own": one_filter(type="elision", articles=["l", "qu"], articles_case=True),
    "keep": one_filter(type="keep", keep_words=["set", "of"], keep_words_case=True),
    "keep types": one_filter(type="keep_types", types=["<NUM>"]),
    "drop types": one_filter(type="keep_types", types=["<NUM>"], mode="exclude"),
    "marker": chain("lowercase", "f", "porter_stem", filter={"f": {"type": "keyword_marker", "keywords": ["foxes", "RUNNING"], "ignore_case": True}}),
    "marker pattern": chain("lowercase", "f", "porter_stem", filter={"f": {"type": "keyword_marker", "keywords_pattern": "j.*g"}}),
    "length": one_filter(type="length", min=3, max=5),
    "limit": one_filter(type="limit", max_token_count=3),
    "lowercase turkish": one_filter(type="lowercase", language="turkish"),
    "capture": one_filter(type="pattern_capture", patterns=["(\\w{2})(\\w+)"], preserve_original=False),
    "replace": one_filter(type="pattern_replace", pattern="([aeiou])", replacement="<$1>"),
    "replace first": one_filter(type="pattern_replace", pattern="[a-z]", replacement="", all=False, flags="CASE_INSENSITIVE"),
    "shingle": one_filter(type="shingle", min_shingle_size=2, max_shingle_size=3),
    "snowball": one_filter(type="snowball", language="German2"),
    "override": chain("lowercase", "f", "porter_stem", filter={"f": {"type": "stemmer_override", "rules": ["foxes, dogs => animal", "running => run"]}}),
    "stop french": chain("lowercase", "f", filter={"f": {"type": "stop", "stopwords": "_french_"}}),
    "truncate": one_filter(type="truncate", length=3),
    "unique": chain("lowercase", "porter_stem", "f", filter={"f": {"type": "unique"}}),
    "unique here": chain("lowercase", "keyword_repeat", "porter_stem", "f", filter={"f": {"type": "unique", "only_on_same_position": True}}),
    "words": chain("f", tokenizer="whitespace", filter={"f": {"type": "word_delimiter_graph", "catenate_all": True, "preserve_original": True}}),
    "words apart": chain("f", tokenizer="whitespace", filter={"f": {"type": "word_delimiter_graph", "split_on_case_change": False,
                                                                   "split_on_numerics": False, "generate_number_parts": False}}),
    "words guarded": chain("f", "flatten_graph", tokenizer="whitespace", filter={"f": {"type": "word_delimiter_graph", "catenate_words": True,
                                                                                      "protected_words": ["Wi-Fi2000"]}}),
    "words flat": chain("f", tokenizer="whitespace", filter={"f": {"type": "word_delimiter", "catenate_numbers": True, "stem_english_possessive": False}}),
    "synonym": chain("lowercase", "f", filter={"f": {"type": "synonym", "synonyms": RULES}}),
    "synonym unexpanded": chain("lowercase", "f", filter={"f": {"type": "synonym", "synonyms": RULES, "expand": False}}),
    "synonym graph": chain("lowercase", "porter_stem", "f", filter={"f": {"type": "synonym_graph", "synonyms": RULES}}),
    "synonym none": chain("lowercase", "f", filter={"f": {"type": "synonym_graph", "synonyms": []}}),
    "synonym lenient": chain("lowercase", "s", "f", filter={"s": {"type": "stop", "stopwords": ["of"]}, "f": {
        "type": "synonym_graph", "lenient": True, "synonyms": ["of, from", *RULES]}}),
    "synonyms after folding": chain("lowercase", "a", "f", filter={"a": {"type": "asciifolding", "preserve_original": True}, "f": {
        "type": "synonym_graph", "synonyms": ["crème brûlée, custard"]}}),
    "tokenizer edge": tokenizing(type="edge_ngram", min_gram=2, max_gram=4, token_chars=["letter", "digit"]),
    "tokenizer edge custom": tokenizing(type="edge_ngram", min_gram=1, max_gram=3, token_chars=["letter", "custom"], custom_token_chars="-'"),
    "tokenizer ngram": tokenizing(type="ngram", min_gram=2, max_gram=3, token_chars=["letter", "punctuation", "symbol"]),
    "tokenizer path": tokenizing(type="path_hierarchy", delimiter="/", replacement="-", skip=1),
    "tokenizer path back": tokenizing(type="path_hierarchy", reverse=True),
    "tokenizer pattern": tokenizing(type="pattern", pattern="([A-Z]+)", group=1),
    "tokenizer simple": tokenizing(type="simple_pattern", pattern="[a-z]{3}"),
    "tokenizer split": tokenizing(type="simple_pattern_split", pattern="[ \\-]"),
    "tokenizer group": tokenizing(type="char_group", tokenize_on_chars=["whitespace", "-", "\\n", "punctuation"]),
    "tokenizer short": tokenizing(type="whitespace", max_token_length=4),
    "html": chain(char_filters=["html_strip"]),
    "html escaped": char_filtering(type="html_strip", escaped_tags=["b"]),
    "mapping": char_filtering(type="mapping", mappings=["& => and", "\\u0020 => _", "fox => vixen", "x =>"]),
    "char replace": char_filtering(type="pattern_replace", pattern="(\\d+)", replacement="#$1#"),
    "english own": analyzer(type="english", stopwords=["quick"], stem_exclusion=["foxes"]),
    "pattern own": analyzer(type="pattern", pattern="[^a-z]+", flags="CASE_INSENSITIVE", lowercase=False, stopwords=["The"]),
    "fingerprint own": analyzer(type="fingerprint", stopwords="_english_", separator="+"),
}
REFUSED = {
    "ngram too wide": one_filter(type="ngram", min_gram=1, max_gram=10),
    "synonym through words": chain("w", "f", filter={"w": {"type": "ngram"}, "f": {"type": "synonym", "synonyms": RULES}}),
    "synonym rule gone": chain("s", "f", filter={"s": {"type": "stop", "stopwords": ["mug"]}, "f": {"type": "synonym", "synonyms": RULES}}),
    "no such stemmer": one_filter(type="stemmer", language="klingon"),
    "no pattern": one_filter(type="pattern_replace", replacement="x"),
    "no rules": one_filter(type="stemmer_override"),
    "not in a normalizer": {"analysis": {"normalizer": {"n": {"type": "custom", "filter": ["porter_stem"]}}}},
}


# Lucene 8 takes a doubled last digit for a doubled letter here ("2000" becomes "200"), Lucene 9 does not: no matter of names.
DIGITS_DIFFER = {f"{kind} {language}" for kind in ("stemmer", "analyzer") for language in ("danish", "finnish", "minimal_french")}


def renamed(number, settings):
    """The same definitions under names of their own, so that all cases fit into one index."""
    analysis = settings["analysis"]
    defined = {kind: {name: f"{name}{number}" for name in analysis.get(kind, {})} for kind in ("filter", "char_filter", "tokenizer", "analyzer")}
    result = {}
    for kind, names in defined.items():
        result[kind] = {names[name]: dict(definition) for name, definition in analysis.get(kind, {}).items()}
    for definition in result["analyzer"].values():
        for part in ("filter", "char_filter"):
            if part in definition:
                definition[part] = [defined[part].get(name, name) for name in definition[part]]
        if "tokenizer" in definition:
            definition["tokenizer"] = defined["tokenizer"].get(definition["tokenizer"], definition["tokenizer"])
    return result


def all_cases():
    """One index with every case's analyzer; `a` of the third case is `a3`."""
    together = {kind: {} for kind in ("filter", "char_filter", "tokenizer", "analyzer")}
    for number, settings in enumerate(CASES.values()):
        for kind, definitions in renamed(number, settings).items():
            together[kind].update(definitions)
    return {"analysis": together}


class Engine:
    def __init__(self, url):
        self.url = url

    def call(self, method, path, body=None):
        """(status, answer); a refusal is an answer as well."""
        request = urllib.request.Request(self.url + path, method=method, data=json.dumps(body).encode() if body is not None else None,
                                         headers={"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)

    def create(self, settings, index="tokens"):
        self.call("DELETE", f"/{index}?ignore_unavailable=true")
        return self.call("PUT", f"/{index}", {"settings": {"number_of_shards": 1, "number_of_replicas": 0, **settings}})

    def tokens(self, texts, analyzer="a", index="tokens"):
        return [[text, self.tokens_of(text, analyzer, index)] for text in texts]

    def tokens_of(self, text, analyzer, index):
        status, answer = self.call("POST", f"/{index}/_analyze", {"analyzer": analyzer, "text": text})
        assert status == 200, answer
        return [(token["token"], token["position"], token["start_offset"], token["end_offset"], token.get("positionLength", 1), token["type"])
                for token in answer["tokens"]]


@pytest.fixture(name="engines", scope="module")
def both_engines(tmp_path_factory):
    stacks = [open_stack(tmp_path_factory.mktemp(name), Options(port_offset=PORT_OFFSET + offset, engine=name, services=["elasticsearch"]))
              for name, offset in (("elasticsearch", 0), ("opensearch", 1))]
    try:
        for stack in stacks:
            supervisor.up(stack)
        both = [Engine(f"http://{stack.address('elasticsearch')}") for stack in stacks]
        for one in both:
            status, answer = one.create(all_cases(), "cases")
            assert status == 200, answer
        yield both
    finally:
        for stack in stacks:
            supervisor.down(stack, forget=True)


@pytest.mark.parametrize("name", CASES)
def test_same_tokens(engines, name):
    texts = [text for text in TEXTS if name not in DIGITS_DIFFER or "00" not in text]
    number = list(CASES).index(name)
    ours, theirs = (engine.tokens(texts, f"a{number}", "cases") for engine in engines)
    assert any(tokens for _, tokens in ours)
    assert ours == theirs


@pytest.mark.parametrize("name", REFUSED)
def test_same_refusals(engines, name):
    (our_status, ours), (their_status, theirs) = (engine.create(REFUSED[name]) for engine in engines)
    assert (our_status, their_status) == (400, 400), (ours, theirs)


def test_normalizers(engines):
    settings = {"analysis": {"normalizer": {"n": {"type": "custom", "filter": ["lowercase", "asciifolding", "trim"]}}}}
    for engine in engines:
        assert engine.create(settings)[0] == 200
        answer = engine.call("POST", "/tokens/_analyze", {"normalizer": "n", "text": " Crème BRÛLÉE "})[1]
        assert [token["token"] for token in answer["tokens"]] == ["creme brulee"]


def test_a_second_synonym_filter_reads_its_rules_without_the_first(engines):
    """OpenSearch refuses this chain; Elasticsearch's own module reads the second filter's rules as if the first were not there."""
    settings = chain("lowercase", "f", "g", filter={"f": {"type": "synonym_graph", "synonyms": ["dogs, hounds"]},
                                                    "g": {"type": "synonym", "synonyms": ["hounds, beasts"]}})
    assert engines[0].create(settings)[0] == 200
    (_, tokens), = engines[0].tokens(["dogs"])
    assert {token[0] for token in tokens} == {"dogs", "hounds", "beasts"}


def test_faulty_mappings_are_refused(engines):
    status, answer = engines[0].create(char_filtering(type="mapping", mappings=["no arrow"]))
    assert status == 400 and "no arrow" in json.dumps(answer)


def test_what_the_module_does_not_know_is_refused_not_passed_over(engines):
    settings = one_filter(type="word_delimiter_graph", type_table=["$ => DIGIT"])
    status, answer = engines[0].create(settings)
    assert status == 400 and "type_table" in json.dumps(answer)
    for name in ("condition", "predicate_token_filter", "multiplexer", "min_hash", "delimited_payload", "dictionary_decompounder", "hyphenation_decompounder"):
        assert engines[0].create(one_filter(type=name))[0] == 400, name
