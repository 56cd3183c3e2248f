"""Completion in scripts without spaces: characters, extended while the network is certain."""

import math

import pytest
from support import tiny

from lstmtui.common.word_boundaries import CharKind, first_kind
from lstmtui.data import tokens
from lstmtui.engine.autocomplete import unspaced
from lstmtui.engine.autocomplete.completer import Completer
from lstmtui.engine.autocomplete.continuations import Continuations
from lstmtui.engine.autocomplete.keystroke_savings import count, measure
from lstmtui.engine.autocomplete.ngram_index import NgramIndex
from lstmtui.engine.autocomplete.ngram_mixture import NgramMixture
from lstmtui.engine.autocomplete.ngram_sources import TRAINING_TEXT_WEIGHTS, IndexedText
from lstmtui.engine.autocomplete.query import parse
from lstmtui.engine.autocomplete.typing_simulation import Options, Word, type_text
from lstmtui.engine.nn.params import Arena, parameters

CHINESE = "你好，世界。服务器很好 HTTP 服务器。\n" * 30
THAI = "กินข้าวที่ร้าน ดีมาก\n" * 30


def completer(text, kind="chars", likely=(), **options):
    """Return an untrained completer whose softmax prefers the `likely` tokens."""
    tokenizer = tokens.train(kind, [text.encode()], 300 if kind == "bpe" else None)
    s = tiny.settings("unused", tied=False, hidden=6, layers=1, tokens=kind)
    weights = Arena(parameters(s, tokenizer.size))
    weights.initialise(4)
    for i in range(tokenizer.size):
        if tokenizer.token_bytes(i).decode("utf-8", "replace") in likely:
            weights["softmax.b"][i] += 8
    return Completer(s, weights, tokenizer, **options)


@pytest.mark.parametrize("text", ["你", "你好，", "服务", "HTTP 服", ""])
def test_the_next_character_has_the_probability_of_the_network(text):
    made = completer(CHINESE)
    query = made.parse(text.encode())
    root = made._text_state.after(query.before)
    found = made._run(made.search(root, query, 5))
    characters = [i for i in made.token_index.usable if first_kind(made.token_index.pieces[i]) is CharKind.UNIT]
    assert len(characters) > 5
    for i in characters:
        p = math.exp(float(root.logp[i]))
        assert found.words.get(made.token_index.pieces[i], p) == pytest.approx(p, rel=1e-5)
    assert sum(made.token_index.pieces[i] in found.words for i in characters) >= 5
    assert sum(found.words.values()) <= 1 + 1e-6


def test_a_candidate_is_extended_while_the_network_is_certain():
    made = completer(CHINESE, likely="好")
    (first, *_) = made.complete("你")
    assert first.text == "好" * (unspaced.MAX_RUN_TOKENS + 1)
    assert 0.9 < first.probability <= 1
    uncertain = completer(CHINESE).complete("你")
    assert uncertain
    assert all(
        len(candidate.text) == 1 for candidate in uncertain if first_kind(candidate.text.encode()) is CharKind.UNIT
    )


@pytest.mark.parametrize("kind", ["chars", "bytes", "bpe"])
@pytest.mark.parametrize("text", ["你好，世", "服务", "กิน", "กินข้าวที", "HTTP"])
def test_candidates_are_whole_characters_with_a_total_below_one(kind, text):
    made = completer(CHINESE + THAI, kind, likely="好ี")
    found = made.complete(text, k=8)
    assert sum(candidate.probability for candidate in found) <= 1 + 1e-6
    assert all("\ufffd" not in candidate.text and not candidate.text.startswith(" " * 2) for candidate in found)


def test_no_space_precedes_the_next_character():
    made = completer(CHINESE, "words")
    for text, unspaced_, separator in (
        ("你", True, b""),
        ("你好，", True, b""),
        ("你 ", False, b""),
        ("HTTP.", False, b" "),
    ):
        query = parse(text.encode(), made.token_index)
        assert (query.unspaced, query.separator) == (unspaced_, separator), text


def test_counted_characters_are_mixed_after_a_character():
    mixture = NgramMixture(
        [IndexedText(NgramIndex.from_chunks([CHINESE.encode()] * 30), TRAINING_TEXT_WEIGHTS)], recent=False
    )
    plain, counted = completer(CHINESE), completer(CHINESE, mixture=mixture)
    (first, *_) = counted.complete("服")
    assert first.text == "务"
    assert first.probability > 1.5 * max(c.probability for c in plain.complete("服"))


def test_a_right_suggestion_writes_all_its_characters_for_one_key():
    data = "服务器很好".encode()
    starts = range(0, len(data), 3)

    def word(start, **runs):
        return Word(start, [data[start : start + 3]], False, data[start:])

    suggested = [[Continuations()] for _ in starts]
    text = "服务器".encode()
    suggested[0] = [Continuations(words={text[:3]: 0.5}, runs={text[:3]: (text, 0.8)})]
    suggested[1] = [Continuations(words={text[3:6]: 0.9})]
    counted = count([(word(start), found) for start, found in zip(starts, suggested, strict=True)], 0, 0.3)
    assert counted.characters == 5
    assert counted.keystrokes == counted.once == {1: 3, 3: 3, 5: 3}
    assert counted.ghost == 3
    assert counted.precision == 1
    assert counted.recall[1] == 2 / 5
    wrong = [
        [Continuations(words={text[:3]: 0.5}, runs={text[:3]: (text + text, 0.8)})],
        *([Continuations()] for _ in starts[1:]),
    ]
    assert count([(word(start), found) for start, found in zip(starts, wrong, strict=True)], 0, 0.3).keystrokes[1] == 5


def test_a_text_is_typed_by_characters():
    typed = type_text(completer(CHINESE), CHINESE[:40].encode(), Options())
    assert [b"".join(word.letters).decode() for word in typed.words[:4]] == ["你", "好", "世", "界"]
    found = measure(typed, None, 0.3)
    assert found["characters"] == len(CHINESE[:40])


def test_a_phrase_of_words_has_the_spaces_of_its_script():
    (phrase, *_) = completer(CHINESE, "words", likely="好").complete("你", phrase=True)
    assert phrase.text.startswith("好好")
    assert " " not in phrase.text
    mixed = completer(CHINESE, "words", likely=("HTTP",)).complete("你", phrase=True)[0]
    assert mixed.text.split() == ["HTTP"] * mixed.text.count("HTTP")
    assert "HTTP HTTP" in mixed.text
