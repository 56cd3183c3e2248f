"""Completion with trained and untrained models of every kind of tokens."""

import string

import numpy as np
import pytest
from support import tiny

from lstmtui.common.word_boundaries import partial_word
from lstmtui.data import tokens
from lstmtui.engine.autocomplete.completer import Completer
from lstmtui.engine.inference.loaded_model import load
from lstmtui.engine.nn.params import Arena, parameters
from lstmtui.engine.training.trainer import Trainer, run_to_the_end
from lstmtui.runs.writer import RunWriter

KINDS = {"bytes": None, "chars": None, "words": None, "bpe": 300}


@pytest.fixture(scope="module", params=KINDS)
def completer(request, tmp_path_factory):
    """A completer of each kind of tokens, trained on the tiny text."""
    folder = tmp_path_factory.mktemp("complete")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LSTMTUI_RUNS", str(folder / "runs"))
        run = tiny.create(
            folder, tokens=request.param, vocabulary=KINDS[request.param], steps=350, hidden=24, layers=1, batch=8,
            bptt=12, dropout=0.0, dropout_in=0.0, weight_drop=0.0, eval_every=350, ema=0.0, lr=0.03, tied=False,
        )  # fmt: skip
        writer = RunWriter(run, interval=60)
        run_to_the_end(Trainer(run, writer, lambda: False))
        writer.close()
        t = load(run)
    return Completer(t.settings, t.weights, t.tokenizer)


def untrained(kind):
    tokenizer = tokens.train(kind, [tiny.text().encode()], KINDS[kind])
    s = tiny.settings("unused", tied=False, tokens=kind)
    weights = Arena(parameters(s, tokenizer.size))
    weights.initialise(4)
    return Completer(s, weights, tokenizer)


def texts(found):
    return [c.text for c in found]


def test_a_partial_word_is_finished(completer):
    # Tokens of the kind words include the full stop.
    assert completer.complete("the cat sat on the ma")[0].text.rstrip(".") == "t"
    assert completer.complete("the bird ra")[0].text == "n"


def test_the_next_word_is_proposed(completer):
    found = completer.complete("the cat sat on the ", k=3)
    assert found[0].text.strip(" .") in ("mat", "rain")
    assert completer.complete("the bird sat in a ", k=2)[0].text.rstrip(".") == "tree"


def test_candidates_are_distinct_ranked_and_probable(completer):
    for text in ("", "the", "the ", "a dog sa", "the bird sang. ", "\n"):
        found = completer.complete(text, k=5)
        assert len(set(texts(found))) == len(found) > 0
        p = [c.probability for c in found]
        assert p == sorted(p, reverse=True)
        assert all(0 < x <= 1 for x in p)
        assert sum(p) <= 1 + 1e-9


def test_rejected_words_are_replaced_by_others(completer):
    for text, partial in (("the ", ""), ("the cat sat on the m", "m")):
        found = completer.complete(text, k=3)
        passed = [partial + found[0].text, "nothing of the kind"]
        others = completer.complete(text, k=3, passed=passed)
        assert found[0].text not in texts(others)
        assert texts(found)[1:] == texts(others)[: len(found) - 1]
        assert completer.complete(text, k=3) == found


def test_a_candidate_is_one_line_without_control_characters(completer):
    for text in ("the cat sat", "a dog ran under a tree."):
        for candidate in completer.complete(text, k=8):
            assert "\n" not in candidate.text
            assert candidate.text.strip()


def test_a_phrase_begins_with_the_word(completer):
    word = completer.complete("the cat ", k=1)[0]
    phrase = completer.complete("the cat ", k=1, phrase=True)[0]
    assert phrase.text.startswith(word.text)
    assert phrase.probability <= word.probability
    certain = completer.complete("the cat sat on th", k=1, phrase=True)[0]
    assert certain.text.startswith("e")


@pytest.mark.parametrize(
    "text", ["", " ", "   ", "\n\n", "zzzqqq", "ünïcödé 漢字", "\x00\x1b[31m", "x" * 3000, "\ud800"]
)
def test_any_text_has_candidates_or_none(completer, text):
    found = completer.complete(text, k=3)
    assert len(found) <= 3
    assert all(c.text for c in found)


def test_answers_do_not_depend_on_earlier_texts(completer):
    first = completer.complete("the bird sang in ", k=4)
    completer.complete("a dog", k=4)
    completer.complete("the bird sang", k=4)
    assert completer.complete("the bird sang in ", k=4) == first


def test_probabilities_are_those_of_the_letters_and_the_end():
    """Compared with products of the probabilities of letters, over a tiny alphabet."""
    text = ("ab ba aab b a ab " * 30 + "\n").encode()
    tokenizer = tokens.train("chars", [text])
    s = tiny.settings("unused", tied=False, hidden=6, layers=1)
    weights = Arena(parameters(s, tokenizer.size))
    weights.initialise(4)
    completer = Completer(s, weights, tokenizer)
    found = {c.text: c.probability for c in completer.complete("a ", k=100)}

    def next_token(prefix):
        return np.exp(completer._text_state.after(prefix.encode()).logp.astype(np.float64))

    letters = {c: int(tokenizer.encode(c.encode())[0]) for c in "ab"}
    ends = [int(tokenizer.encode(c.encode())[0]) for c in " \n"]
    checked = 0
    for word in ("a", "b", "ab", "ba", "aa", "bb", "aab"):
        p, prefix = 1.0, "a "
        for letter in word:
            p *= next_token(prefix)[letters[letter]]
            prefix += letter
        p *= next_token(prefix)[ends].sum()
        if word in found:
            assert found[word] == pytest.approx(p, rel=1e-4)  # float32 logits of rows in another batch
            checked += 1
    assert checked >= 6


def test_the_partial_word_follows_the_last_space_or_punctuation():
    assert partial_word(b"over the mo") == b"mo"
    assert partial_word(b"(don't") == b"don't"
    assert partial_word(b"end. ") == b""
    assert partial_word(b"") == b""
    assert partial_word("caf\u00e9".encode()) == "caf\u00e9".encode()
    assert all(partial_word(c.encode()) == b"" for c in string.punctuation if c not in "'_")


def test_a_word_that_may_be_complete_is_followed_by_next_words(completer):
    found = completer.complete("the cat sat on the", k=3)
    assert found[0].text.rstrip(".") in (" mat", " rain")
    assert 0 < found[0].probability <= 1
    phrase = completer.complete("the cat sat on the", k=1, phrase=True)[0]
    assert phrase.text.startswith(found[0].text[:3])


def test_an_incomplete_word_is_not_followed_by_next_words(completer):
    assert not any(c.text.startswith(" ") for c in completer.complete("the cat sat on the ra", k=3))


@pytest.mark.parametrize(("typed", "rest"), [("the bird ra", "n"), ("the bird Ra", "n"), ("the bird RA", "N")])
def test_a_word_is_found_and_continued_in_any_case(completer, typed, rest):
    found = completer.complete(typed, k=3)
    assert found[0].text == rest
    assert found[0].probability == pytest.approx(completer.complete("the bird ra", k=3)[0].probability, abs=0.2)
    assert sum(c.probability for c in completer.complete(typed, k=50)) <= 1 + 1e-6


def test_improbable_words_never_written_are_not_proposed(completer):
    if not completer.token_index.whole_words:
        for text in ("the cat sat on the ma", "zq", "the ", "a dog ra"):
            assert all(c.probability >= 1e-3 for c in completer.complete(text, k=50))


def test_an_unknown_beginning_is_not_followed_by_next_words():
    made = untrained("words")
    assert made.complete("the cat zqx") == []
