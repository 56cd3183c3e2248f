"""A text is typed word by word."""

import pytest
from support import tiny

from lstmtui.data import tokens
from lstmtui.engine.autocomplete import typing_simulation
from lstmtui.engine.autocomplete.completer import Completer
from lstmtui.engine.autocomplete.typing_simulation import Options, type_text
from lstmtui.engine.nn.params import Arena, parameters


@pytest.fixture(scope="module", params=["words", "bpe", "chars"])
def completer(request):
    """An untrained completer."""
    kind = request.param
    tokenizer = tokens.train(kind, [tiny.text().encode()], 300 if kind == "bpe" else None)
    s = tiny.settings("unused", tied=False, tokens=kind)
    weights = Arena(parameters(s, tokenizer.size))
    weights.initialise(4)
    return Completer(s, weights, tokenizer)


def test_lines_are_typed_as_texts_of_their_own(completer):
    typed = type_text(completer, b"the cat\n\na dog sat", Options(separate_lines=True))
    assert [b"".join(word.letters) for word in typed.words] == [b"the", b"cat", b"a", b"dog", b"sat"]
    assert [word.spaced for word in typed.words] == [True, False, True, True, False]
    assert all(word.variants for word in typed.words)
    assert typed.other_characters == 0


def test_max_words_are_spread_over_the_text(completer):
    text = tiny.text(60).encode()
    typed = type_text(completer, text, Options(max_words=70))
    assert 60 <= len(typed.words) <= 130
    assert typed.words[-1].start > len(text) / 2


def test_latency_is_measured_in_percentiles(completer):
    found = typing_simulation.latency(completer, tiny.text(4), presses=40)
    assert 0 < found["p50"] <= found["p90"] <= found["p99"]
    assert typing_simulation.latency(completer, "") == {"p50": 0.0, "p90": 0.0, "p99": 0.0}
