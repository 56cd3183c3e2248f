"""The state after an edited text equals that of a fresh reading, and costs one step a token."""

import itertools
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import tiny

from lstmtui.data import tokens
from lstmtui.engine.autocomplete import text_state
from lstmtui.engine.autocomplete.completer import Completer
from lstmtui.engine.autocomplete.ngram_index import NgramIndex
from lstmtui.engine.autocomplete.ngram_mixture import NgramMixture
from lstmtui.engine.autocomplete.ngram_sources import TRAINING_TEXT_WEIGHTS, IndexedText
from lstmtui.engine.autocomplete.search import Limits
from lstmtui.engine.autocomplete.stepper import Stepper
from lstmtui.engine.autocomplete.text_state import TextState
from lstmtui.engine.nn.params import Arena, parameters

TEXT = ("the cat sat on the mat, a dog ran under it\nand didn't stop " * 40).encode()
KINDS = {"bytes": None, "chars": None, "words": None, "bpe": 300}


def parts(kind):
    tokenizer = tokens.train(kind, [TEXT], KINDS[kind])
    s = tiny.settings("unused", tied=False, tokens=kind)
    weights = Arena(parameters(s, tokenizer.size))
    weights.initialise(1)
    return s, weights, tokenizer


PARTS = {kind: parts(kind) for kind in KINDS}
INDEX = NgramIndex.from_chunks([TEXT])


def completer(kind, adapts):
    """Return a new completer; with `adapts`, one that counts the text at hand and an index."""
    mixture = NgramMixture([IndexedText(INDEX, TRAINING_TEXT_WEIGHTS)], recent=True) if adapts else None
    return Completer(*PARTS[kind], mixture=mixture)


TYPED = {(kind, adapts): completer(kind, adapts) for kind in KINDS for adapts in (False, True)}


@pytest.mark.parametrize("adapts", [False, True])
@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_edits_at_random_places_give_what_a_fresh_completer_gives(kind, adapts, seed):
    draw = random.Random(seed)
    typed = TYPED[kind, adapts]  # as the last example left it
    text = TEXT[: draw.randrange(0, 1500)].decode()
    done = [text]
    for _ in range(4):
        at = draw.randrange(len(text) + 1)
        match draw.choice(("insert", "replace", "type", "backspace", "undo")):
            case "insert":
                text = text[:at] + draw.choice(("a", " ", "the c", "\n", "zz ü ", "cat cat ")) + text[at:]
            case "replace":
                text = text[:at] + draw.choice(("", "a", "dog ")) + text[at + draw.choice((1, 5, 40)) :]
            case "type":
                text, at = text + draw.choice((" ", "t", "the mat ", ".")), len(text)
            case "backspace":
                text = text[: max(0, at - draw.choice((1, 2, 7)))] + text[at:]
            case "undo":
                text = done.pop() if done else text
        done.append(text)
        before = text[: draw.choice((len(text), at))]  # the cursor is at the end, or goes to where the edit was
        found, fresh = (c.complete(before, k=3) for c in (typed, completer(kind, adapts)))
        assert [c.text for c in found] == [c.text for c in fresh]
        # Single precision: states come from reads of one row or of several, which round the last bit differently.
        assert [c.probability for c in found] == pytest.approx([c.probability for c in fresh], rel=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_typing_costs_about_one_step_a_token(kind):
    s, weights, tokenizer = PARTS[kind]
    stepper = Stepper(s, weights)
    followed = TextState(tokenizer, stepper)
    text = TEXT[:400]
    ends = [at for at in range(1, 400) if text[at : at + 1] == b" "]
    for end in ends:
        followed.after(text[:end])
    once = len(tokenizer.encode(text[: ends[-1]])) + 1
    assert stepper.steps <= once + 1
    followed.after(text[: ends[-3]])  # two words back: one is read again, since its probabilities were dropped
    assert stepper.steps <= once + 1 + max(len(tokenizer.encode(text[a:b])) for a, b in itertools.pairwise(ends))


@pytest.mark.parametrize("kind", ["bytes", "chars"])
def test_a_letter_costs_one_step_besides_the_search(kind):
    typed = Completer(*PARTS[kind])
    for end in range(1, 200):
        query = typed.parse(TEXT[:end])
        typed._run(typed.search(typed._text_state.after(query.before), query, 1, limits=Limits(max_nodes=0)))
        assert typed.stepper.steps <= end + 1


def test_a_long_text_is_read_from_the_last_anchor_but_one(monkeypatch):
    s, weights, tokenizer = PARTS["chars"]
    stepper = Stepper(s, weights)
    long = TEXT * 20
    TextState(tokenizer, stepper).after(long)
    assert stepper.steps <= 2 * text_state.ANCHOR_BYTES + 2


def test_passing_an_anchor_costs_no_more_than_any_other_key():
    s, weights, tokenizer = PARTS["chars"]
    stepper = Stepper(s, weights)
    followed = TextState(tokenizer, stepper)
    costs = []
    for end in range(2, 4 * text_state.ANCHOR_BYTES):
        if TEXT[end : end + 1] == b" ":
            start = stepper.steps
            followed.after(TEXT[:end])
            followed.read_ahead(TEXT[:end])
            costs.append(stepper.steps - start)
    assert max(costs) < 40
    fresh = TextState(tokenizer, Stepper(s, weights)).after(TEXT[:end])
    assert np.array_equal(fresh.state, followed.after(TEXT[:end]).state)
