from __future__ import annotations

import pytest

from lstmtui.common.files import read_json_lines


def test_set_sends_values_of_their_type(lstmtui, live_run):
    said = lstmtui("set", "live", "lr=0.001", "top-k=5", "prompt=The a=b")
    assert said.code == 0
    sent = [(r["key"], r["value"]) for r in read_json_lines(live_run.requests)[0]]
    assert sent == [("lr", 0.001), ("top_k", 5), ("prompt", "The a=b")]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("lr", "KEY=VALUE"),
        ("=3", "KEY=VALUE"),
        ("lr=-1", "lr must be more than 0"),
        ("lr=nan", "finite"),
        ("hidden=3", "cannot be changed while a run trains"),
        ("lrr=3", "'lrr' cannot be changed while a run trains (did you mean 'lr'?)"),
        ("\x1b[2J=3", "cannot be changed"),
    ],
)
def test_a_bad_change_is_refused_before_anything_is_sent(lstmtui, live_run, change, words):
    said = lstmtui("set", "live", "clip=2", change)
    assert said.code == 2
    assert words in said.err
    assert "\x1b" not in said.err
    assert read_json_lines(live_run.requests)[0] == []


def test_a_refusal_is_an_error(lstmtui, live_run):
    said = lstmtui("set", "live", "clip=0.123")
    assert (said.code, said.err) == (1, "lstmtui: No.\n")


@pytest.mark.parametrize("key", ["steps", "minutes", "epochs"])
def test_the_length_is_changed_by_resume(lstmtui, live_run, key):
    said = lstmtui("set", "live", f"{key}=500")
    assert (said.code, said.err.count("\n")) == (2, 1)
    assert f"'lstmtui resume RUN --{key} MORE' gives it another end" in said.err
