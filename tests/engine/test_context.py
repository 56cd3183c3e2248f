import numpy as np
import tiny
from hypothesis import given, settings
from hypothesis import strategies as st

from lstmtui.engine import context
from lstmtui.engine.context import Context
from lstmtui.engine.params import Arena, parameters

S = tiny.settings("unused", cell="lstm", tied=False)
WEIGHTS = Arena(parameters(S, 5))
WEIGHTS.initialise(1)
TYPED = Context(S, WEIGHTS)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 4), min_size=1, max_size=12))
def test_edits_give_exactly_what_a_fresh_reading_gives(tokens):
    fresh = Context(S, WEIGHTS).after(tokens)
    edited = TYPED.after(tokens)  # after whatever the last example left there
    assert edited.logits.tobytes() == fresh.logits.tobytes()
    assert {k: v.tobytes() for k, v in edited.states.items()} == {k: v.tobytes() for k, v in fresh.states.items()}


def test_typing_on_costs_one_step_a_token(monkeypatch):
    typed = Context(S, WEIGHTS)
    steps = []
    real = typed._network.forward
    monkeypatch.setattr(typed._network, "forward", lambda *args: steps.append(1) or real(*args))
    text = list(np.random.default_rng(1).integers(0, 5, 40))
    for length in range(1, 41):
        typed.after(text[:length])
    assert len(steps) == 40
    typed.after(text[:20])  # backspace costs nothing
    assert len(steps) == 40
    typed.after([*text[:20], 1, 2])
    assert len(steps) <= 42


def test_a_long_text_forgets_its_beginning_block_by_block(monkeypatch):
    monkeypatch.setattr(context, "LONGEST", 12)
    monkeypatch.setattr(context, "BLOCK", 4)
    typed = Context(S, WEIGHTS)
    text = [int(t) for t in np.random.default_rng(2).integers(0, 5, 40)]
    for length in range(1, 41):
        found = typed.after(text[:length])
        assert len(typed._moments) <= 12
    fresh = Context(S, WEIGHTS).after(text[28:])
    assert found.logits.tobytes() == fresh.logits.tobytes()
