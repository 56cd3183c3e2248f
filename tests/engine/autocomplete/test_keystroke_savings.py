"""The count by its rule, on suggestions written by hand and on a model that has learnt its text."""

import pytest
from support import tiny

from lstmtui.engine.autocomplete import keystroke_savings
from lstmtui.engine.autocomplete.completer import Completer
from lstmtui.engine.autocomplete.keystroke_savings import Word, count
from lstmtui.engine.autocomplete.ngram_index import Concordance
from lstmtui.engine.autocomplete.ngram_mixture import TEXT, Counted, Memory
from lstmtui.engine.autocomplete.search import Found
from lstmtui.engine.inference.loaded_model import load


def word(text, *suggested, spaced=True):
    """A word, and for each letter what is suggested: whole words with their probabilities."""
    letters = [c.encode() for c in text]
    found = []
    for typed, words in enumerate(suggested):
        found.append(Found({w[typed:].encode(): p for w, p in words.items()}))
    return Word(0, letters, spaced), found


def test_a_suggestion_taken_costs_one_key_and_brings_its_space():
    counted = count([word("mat", {"mat": 0.6, "cat": 0.2})], 0, 0.5)
    assert counted.characters == 4
    assert counted.keystrokes == {1: 1, 3: 1, 5: 1}
    assert counted.recall == {1: 1, 3: 1, 5: 1}
    assert (counted.mrr, counted.shown, counted.precision, counted.ghost) == (1, 1, 1, 1)


def test_what_is_never_suggested_costs_all_its_letters_and_the_space():
    counted = count([word("mat", {"cat": 0.6}, {"mob": 0.1}, {"max": 0.1}, spaced=True)], 2, 0.5)
    assert counted.keystrokes == {1: 6, 3: 6, 5: 6}
    assert counted.characters == 6
    assert counted.recall == {1: 0, 3: 0, 5: 0}
    assert counted.mrr == 0
    assert (counted.shown, counted.precision) == (pytest.approx(1 / 3), 0)


def test_ranks_decide_what_is_looked_at():
    first = {"cat": 0.5, "dog": 0.2, "mat": 0.1}
    counted = count([word("mat", first, {"mat": 0.3}, spaced=False)], 0, 0.4)
    assert counted.keystrokes == {1: 2, 3: 1, 5: 1}
    assert counted.recall == {1: 0, 3: 1, 5: 1}
    assert counted.mrr == pytest.approx(1 / 3)
    # The ghost shows "cat" before any letter, and after the "m" is not probable enough.
    assert counted.shown == 0.5
    assert counted.precision == 0
    assert counted.ghost == 3


def test_what_was_passed_over_gives_its_place_to_others():
    first, second = {"man": 0.5, "mat": 0.2, "max": 0.1}, {"man": 0.6, "mat": 0.2, "max": 0.1}
    counted = count([word("max", first, second, second)], 0, 0.5)
    assert counted.keystrokes == {1: 4, 3: 1, 5: 1}
    assert counted.once == {1: 3, 3: 1, 5: 1}  # "man", then "mat", then it


@pytest.fixture(scope="module", params=["words", "bpe", "chars"])
def learnt(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LSTMTUI_RUNS", str(folder / "runs"))
        run = tiny.create(
            folder, tokens=request.param, vocabulary=300 if request.param == "bpe" else None, steps=200, hidden=24,
            layers=1, batch=8, bptt=12, dropout=0.0, dropout_in=0.0, weight_drop=0.0, ema=0.0, lr=0.03, eval_every=200,
        )  # fmt: skip
        assert tiny.train(run) == 0
        return load(run)


def completer(t, **options):
    return Completer(t.settings, t.weights, t.tokenizer, **options)


@pytest.mark.parametrize("counted", [False, True])
def test_the_count_is_that_of_what_complete_answers(learnt, counted):
    """Candidates for the next word, where the word begun may be over, included."""
    text = "\n".join(tiny.text(6).replace(".", "").splitlines())
    memory = Memory([Counted(Concordance.of([tiny.text(40).encode()]), TEXT)], recent=False) if counted else None
    typed = keystroke_savings.type_out(completer(learnt), text.encode(), apart=True, most=0, thorough=True)
    single = completer(learnt, memory=memory)
    words, following = iter(typed.words), 0
    for line in text.split("\n"):
        at = 0
        for intended in line.split(" "):
            noted = next(words)
            assert b"".join(noted.letters).decode() == intended
            for letter, found in enumerate(keystroke_savings.answers(typed, noted, memory)):
                said = found.ranked(5)
                asked = single.complete(line[: at + letter], k=5)
                assert [c.probability for c in asked] == pytest.approx([p for _, p in said], rel=1e-3)
                assert [c.text.encode() for c in asked][:2] == [w for w, _ in said][:2]
                following += sum(word.startswith(b" ") for word, _ in said)
            at += len(intended) + 1
    assert following > 0 or learnt.tokenizer.kind == "words"  # no word begins another there


def test_a_learnt_text_saves_keystrokes_and_memory_is_counted_apart(learnt):
    text = tiny.text(40).encode()
    typed = keystroke_savings.type_out(completer(learnt), text, apart=False, most=0, thorough=True)
    plain = keystroke_savings.figures(typed, None, 0.3)
    assert plain["characters"] == len(text)
    assert 0.3 < plain["savings"]["1"] <= plain["savings"]["3"] <= plain["savings"]["5"] < 1
    assert plain["recall"]["1"] <= plain["recall"]["3"] <= plain["recall"]["5"]
    assert plain["savings_ghost"] <= plain["savings"]["1"]
    adapted = keystroke_savings.figures(typed, Memory(), 0.3)
    assert adapted["characters"] == plain["characters"]
    assert keystroke_savings.figures(typed, None, 0.3) == plain


def test_fewer_words_are_taken_from_all_over(learnt):
    text = tiny.text(60).encode()
    typed = keystroke_savings.type_out(completer(learnt), text, apart=False, most=70, thorough=False)
    assert 60 <= len(typed.words) <= 130
    assert typed.words[-1].start > len(text) / 2


def test_latency_is_told_in_percentiles(learnt):
    found = keystroke_savings.latency(completer(learnt), tiny.text(4), presses=40)
    assert 0 < found["p50"] <= found["p90"] <= found["p99"]
    assert keystroke_savings.latency(completer(learnt), "") == {"p50": 0.0, "p90": 0.0, "p99": 0.0}
