"""Generators: seeded, and every line in its language."""

from __future__ import annotations

import re

import numpy as np
import pytest

from lstmtui.data import formal_languages
from lstmtui.errors import UsageError


def lines(name: str) -> list[str]:
    text = formal_languages.generate_text(name).decode("ascii")
    assert text.endswith("\n")
    return text.splitlines()


@pytest.mark.parametrize("name", formal_languages.GENERATORS)
def test_a_seed_determines_the_text(name):
    assert formal_languages.generate_text(f"{name}:lines=50") == formal_languages.generate_text(
        f"{name}:lines=50,seed=0"
    )
    assert formal_languages.generate_text(f"{name}:lines=50,seed=1") != formal_languages.generate_text(
        f"{name}:lines=50,seed=2"
    )
    assert len(lines(f"{name}:lines=50")) == 50
    assert formal_languages.default_settings(name)["lines"] == 20_000


def accepts_reber(inner: str) -> bool:
    """Walk the graph of Reber 1967 as drawn, states numbered from the left."""
    graph = {
        ("0", "B"): "1",
        ("1", "T"): "2",
        ("1", "P"): "3",
        ("2", "S"): "2",
        ("2", "X"): "4",
        ("3", "T"): "3",
        ("3", "V"): "5",
        ("4", "X"): "3",
        ("4", "S"): "6",
        ("5", "P"): "4",
        ("5", "V"): "6",
        ("6", "E"): "7",
    }
    state = "0"
    for symbol in inner:
        state = graph.get((state, symbol), "stuck")
    return state == "7"


def test_reber_strings_are_embedded():
    made = lines("reber:lines=500")
    for line in made:
        assert line[0] == "B"
        assert line[-1] == "E"
        assert line[1] == line[-2]
        assert line[1] in "TP"
        assert accepts_reber(line[2:-2])
    assert {line[1] for line in made} == {"T", "P"}
    assert {"BTBTXSETE", "BPBPVVEPE"} <= set(made)


def test_counting_languages_have_equal_counts():
    for line in lines("anbn:lines=200,most=5"):
        n = len(line) // 2
        assert line == "a" * n + "b" * n
        assert 1 <= n <= 5
    for line in lines("anbncn:lines=200,most=4"):
        n = len(line) // 3
        assert line == "a" * n + "b" * n + "c" * n
    assert {len(line) for line in lines("anbn:lines=200,most=5")} == {2, 4, 6, 8, 10}


def test_brackets_nest_within_their_bounds():
    deepest = longest = 0
    for line in lines("brackets:lines=500,length=20,depth=3"):
        longest = max(longest, len(line))
        depth, rest = 0, line
        while rest:
            shorter = rest.replace("()", "").replace("[]", "")
            assert shorter != rest
            rest, depth = shorter, depth + 1
        height = np.cumsum([1 if bracket in "([" else -1 for bracket in line])
        deepest = max(deepest, int(height.max()))
    assert deepest == 3
    assert longest == 20


def test_copy_repeats_after_the_delay():
    for line in lines("copy:lines=200,length=6,delay=3"):
        assert re.fullmatch(r"([a-h]{1,6})\.\.\.:\1", line)


@pytest.mark.parametrize("rest", ["size=3", "lines=0", "lines=-1", "lines=x", "lines", "lines=٣", "depth=99999999999"])
def test_invalid_settings_are_refused_by_name(rest):
    with pytest.raises(UsageError, match=re.escape(rest.partition("=")[0])):
        formal_languages.generate_text(f"brackets:{rest}")


def test_only_known_names_are_generators():
    assert formal_languages.is_generator("copy")
    assert formal_languages.is_generator("copy:delay=3")
    assert not formal_languages.is_generator("copy.txt")


def test_adding_task_marks_two_numbers():
    x, y = formal_languages.adding_task(np.random.default_rng(0), 20, 50)
    assert x.shape == (20, 50, 2)
    assert x.dtype == y.dtype == np.float32
    np.testing.assert_array_equal(x[:10, :, 1].sum(0), 1)
    np.testing.assert_array_equal(x[10:, :, 1].sum(0), 1)
    np.testing.assert_allclose((x[..., 0] * x[..., 1]).sum(0), y, rtol=1e-6)
    with pytest.raises(ValueError, match="two steps"):
        formal_languages.adding_task(np.random.default_rng(0), 1, 1)


def test_copy_task_asks_for_the_symbols_after_the_cue():
    x, y = formal_languages.copy_task(np.random.default_rng(0), delay=7, B=4)
    assert x.shape == y.shape == (27, 4)
    np.testing.assert_array_equal(y[-10:], x[:10])
    assert not y[:-10].any()
    assert (x[-11] == 9).all()
    assert not x[10:-11].any()
    assert not x[-10:].any()
    assert set(np.unique(x[:10])) <= set(range(1, 9))
    with pytest.raises(ValueError, match="cue"):
        formal_languages.copy_task(np.random.default_rng(0), delay=0, B=1)
