"""Keystrokes are counted by the rule, on handwritten suggestions and on a trained model."""

import pytest
from support import tiny

from lstmtui.engine.autocomplete import keystroke_savings
from lstmtui.engine.autocomplete.completer import Completer
from lstmtui.engine.autocomplete.continuations import Continuations
from lstmtui.engine.autocomplete.keystroke_savings import count
from lstmtui.engine.autocomplete.ngram_index import NgramIndex
from lstmtui.engine.autocomplete.ngram_mixture import NgramMixture
from lstmtui.engine.autocomplete.ngram_sources import TRAINING_TEXT_WEIGHTS, IndexedText
from lstmtui.engine.autocomplete.typing_simulation import Options, Word, type_text
from lstmtui.engine.inference.loaded_model import load


def word(text, *suggested, spaced=True):
    """Return a word and the suggestions before each letter, given as whole words with probabilities."""
    letters = [c.encode() for c in text]
    found = []
    for typed, words in enumerate(suggested):
        found.append(Continuations({w[typed:].encode(): p for w, p in words.items()}))
    return Word(0, letters, spaced), found


def test_a_taken_suggestion_costs_one_key_and_brings_its_space():
    counted = count([word("mat", {"mat": 0.6, "cat": 0.2})], 0, 0.5)
    assert counted.characters == 4
    assert counted.keystrokes == {1: 1, 3: 1, 5: 1}
    assert counted.recall == {1: 1, 3: 1, 5: 1}
    assert (counted.mrr, counted.shown, counted.precision, counted.ghost) == (1, 1, 1, 1)


def test_a_word_never_suggested_costs_all_its_letters_and_the_space():
    counted = count([word("mat", {"cat": 0.6}, {"mob": 0.1}, {"max": 0.1}, spaced=True)], 2, 0.5)
    assert counted.keystrokes == {1: 6, 3: 6, 5: 6}
    assert counted.characters == 6
    assert counted.recall == {1: 0, 3: 0, 5: 0}
    assert counted.mrr == 0
    assert (counted.shown, counted.precision) == (pytest.approx(1 / 3), 0)


def test_hits_count_up_to_the_rank():
    first = {"cat": 0.5, "dog": 0.2, "mat": 0.1}
    counted = count([word("mat", first, {"mat": 0.3}, spaced=False)], 0, 0.4)
    assert counted.keystrokes == {1: 2, 3: 1, 5: 1}
    assert counted.recall == {1: 0, 3: 1, 5: 1}
    assert counted.mrr == pytest.approx(1 / 3)
    # The ghost shows "cat" before any letter, and after the "m" is not probable enough.
    assert counted.shown == 0.5
    assert counted.precision == 0
    assert counted.ghost == 3


def test_rejected_suggestions_are_replaced_by_others():
    first, second = {"man": 0.5, "mat": 0.2, "max": 0.1}, {"man": 0.6, "mat": 0.2, "max": 0.1}
    counted = count([word("max", first, second, second)], 0, 0.5)
    assert counted.keystrokes == {1: 4, 3: 1, 5: 1}
    assert counted.once == {1: 3, 3: 1, 5: 1}  # "man", then "mat", then it


@pytest.fixture(scope="module", params=["words", "bpe", "chars"])
def model(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LSTMTUI_RUNS", str(folder / "runs"))
        run = tiny.create(
            folder, tokens=request.param, vocabulary=300 if request.param == "bpe" else None, steps=200, hidden=24,
            layers=1, batch=8, bptt=12, dropout=0.0, dropout_in=0.0, weight_drop=0.0, ema=0.0, lr=0.03, eval_every=200,
        )  # fmt: skip
        assert tiny.train(run) == 0
        return load(run)


def completer(model, **options):
    return Completer(model.settings, model.weights, model.tokenizer, **options)


@pytest.mark.parametrize("counted", [False, True])
def test_the_simulation_proposes_what_complete_proposes(model, counted):
    """Including next words after a partial word that may be complete."""
    text = "\n".join(tiny.text(6).replace(".", "").splitlines())
    index = NgramIndex.from_chunks([tiny.text(40).encode()])
    mixture = NgramMixture([IndexedText(index, TRAINING_TEXT_WEIGHTS)], recent=False) if counted else None
    typed = type_text(completer(model), text.encode(), Options(separate_lines=True, thorough=True))
    single = completer(model, mixture=mixture)
    words, following = iter(typed.words), 0
    for line in text.split("\n"):
        at = 0
        for intended in line.split(" "):
            noted = next(words)
            assert b"".join(noted.letters).decode() == intended
            for letter, found in enumerate(keystroke_savings.suggestions(typed, noted, mixture)):
                ranked = found.ranked(5)
                completed = single.complete(line[: at + letter], k=5)
                assert [c.probability for c in completed] == pytest.approx([p for _, p in ranked], rel=1e-3)
                assert [c.text.encode() for c in completed][:2] == [w for w, _ in ranked][:2]
                following += sum(word.startswith(b" ") for word, _ in ranked)
            at += len(intended) + 1
    assert following > 0 or model.tokenizer.kind == "words"  # no word is a prefix of another there


def test_a_learnt_text_saves_keystrokes_and_mixtures_do_not_interfere(model):
    text = tiny.text(40).encode()
    typed = type_text(completer(model), text, Options(thorough=True))
    plain = keystroke_savings.measure(typed, None, 0.3)
    assert plain["characters"] == len(text)
    assert 0.3 < plain["savings"]["1"] <= plain["savings"]["3"] <= plain["savings"]["5"] < 1
    assert plain["recall"]["1"] <= plain["recall"]["3"] <= plain["recall"]["5"]
    assert plain["savings_ghost"] <= plain["savings"]["1"]
    adapted = keystroke_savings.measure(typed, NgramMixture(), 0.3)
    assert adapted["characters"] == plain["characters"]
    assert keystroke_savings.measure(typed, None, 0.3) == plain
