"""Completion where a script has no spaces: characters, up to where the network is unsure."""

import math

import pytest
from support import tiny

from lstmtui.common.word_boundaries import CharKind, first_kind
from lstmtui.data import tokens
from lstmtui.engine.autocomplete import search
from lstmtui.engine.autocomplete.completer import Completer
from lstmtui.engine.autocomplete.keystroke_savings import Word, count, figures, type_out
from lstmtui.engine.autocomplete.ngram_index import Concordance
from lstmtui.engine.autocomplete.ngram_mixture import TEXT, Counted, Memory
from lstmtui.engine.autocomplete.question import taken_apart
from lstmtui.engine.autocomplete.search import Found
from lstmtui.engine.nn.params import Arena, parameters

CHINESE = "你好，世界。服务器很好 HTTP 服务器。\n" * 30
THAI = "กินข้าวที่ร้าน ดีมาก\n" * 30


def completer(text, kind="chars", likely=(), **options):
    """Return an untrained network whose softmax prefers what is `likely`."""
    tokenizer = tokens.train(kind, [text.encode()], 300 if kind == "bpe" else None)
    s = tiny.settings("unused", tied=False, hidden=6, layers=1, tokens=kind)
    weights = Arena(parameters(s, tokenizer.size))
    weights.initialise(4)
    for i in range(tokenizer.size):
        if tokenizer.token_bytes(i).decode("utf-8", "replace") in likely:
            weights["softmax.b"][i] += 8
    return Completer(s, weights, tokenizer, **options)


@pytest.mark.parametrize("text", ["你", "你好，", "服务", "HTTP 服", ""])
def test_the_next_character_has_the_probability_that_the_network_gives_it(text):
    made = completer(CHINESE)
    asked = made.taken_apart(text.encode())
    root = made._history.after(asked.before)
    found = made._run(made.search(root, asked, 5))
    characters = [i for i in made.spelling.usable if first_kind(made.spelling.pieces[i]) is CharKind.UNIT]
    assert len(characters) > 5
    for i in characters:
        p = math.exp(float(root.logp[i]))
        assert found.words.get(made.spelling.pieces[i], p) == pytest.approx(p, rel=1e-5)
    assert sum(made.spelling.pieces[i] in found.words for i in characters) >= 5
    assert sum(found.words.values()) <= 1 + 1e-6


def test_a_candidate_goes_on_to_where_the_network_is_unsure():
    made = completer(CHINESE, likely="好")
    (first, *_) = made.complete("你")
    assert first.text == "好" * (search.MAX_RUN + 1)
    assert 0.9 < first.probability <= 1
    unsure = completer(CHINESE).complete("你")
    assert unsure
    assert all(len(candidate.text) == 1 for candidate in unsure if first_kind(candidate.text.encode()) is CharKind.UNIT)


@pytest.mark.parametrize("kind", ["chars", "bytes", "bpe"])
@pytest.mark.parametrize("text", ["你好，世", "服务", "กิน", "กินข้าวที", "HTTP"])
def test_candidates_are_whole_characters_and_together_no_more_than_certain(kind, text):
    made = completer(CHINESE + THAI, kind, likely="好ี")
    found = made.complete(text, k=8)
    assert sum(candidate.probability for candidate in found) <= 1 + 1e-6
    assert all("\ufffd" not in candidate.text and not candidate.text.startswith(" " * 2) for candidate in found)


def test_no_space_leads_to_the_next_character():
    made = completer(CHINESE, "words")
    for text, close, lead in (("你", True, b""), ("你好，", True, b""), ("你 ", False, b""), ("HTTP.", False, b" ")):
        asked = taken_apart(text.encode(), made.spelling)
        assert (asked.close, asked.lead) == (close, lead), text


def test_counted_characters_have_a_say_after_a_character():
    memory = Memory([Counted(Concordance.of([CHINESE.encode()] * 30), TEXT)], recent=False)
    plain, counted = completer(CHINESE), completer(CHINESE, memory=memory)
    (likeliest, *_) = counted.complete("服")
    assert likeliest.text == "务"
    assert likeliest.probability > 1.5 * max(c.probability for c in plain.complete("服"))


def test_a_suggestion_that_is_right_writes_all_its_characters_for_one_key():
    data = "服务器很好".encode()
    starts = range(0, len(data), 3)

    def word(start, **runs):
        return Word(start, [data[start : start + 3]], False, data[start:])

    proposed = [[Found()] for _ in starts]
    text = "服务器".encode()
    proposed[0] = [Found(words={text[:3]: 0.5}, runs={text[:3]: (text, 0.8)})]
    proposed[1] = [Found(words={text[3:6]: 0.9})]
    counted = count([(word(start), some) for start, some in zip(starts, proposed, strict=True)], 0, 0.3)
    assert counted.characters == 5
    assert counted.keystrokes == counted.once == {1: 3, 3: 3, 5: 3}
    assert counted.ghost == 3
    assert counted.precision == 1
    assert counted.recall[1] == 2 / 5
    wrong = [[Found(words={text[:3]: 0.5}, runs={text[:3]: (text + text, 0.8)})], *([Found()] for _ in starts[1:])]
    assert count([(word(start), some) for start, some in zip(starts, wrong, strict=True)], 0, 0.3).keystrokes[1] == 5


def test_a_text_is_typed_by_characters():
    typed = type_out(completer(CHINESE), CHINESE[:40].encode(), apart=False, most=0, thorough=False)
    assert [b"".join(word.letters).decode() for word in typed.words[:4]] == ["你", "好", "世", "界"]
    found = figures(typed, None, 0.3)
    assert found["characters"] == len(CHINESE[:40])


def test_a_phrase_of_whole_words_has_the_spaces_of_its_script():
    (phrase, *_) = completer(CHINESE, "words", likely="好").complete("你", phrase=True)
    assert phrase.text.startswith("好好")
    assert " " not in phrase.text
    mixed = completer(CHINESE, "words", likely=("HTTP",)).complete("你", phrase=True)[0]
    assert mixed.text.split() == ["HTTP"] * mixed.text.count("HTTP")
    assert "HTTP HTTP" in mixed.text
