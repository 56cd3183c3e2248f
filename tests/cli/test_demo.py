"""`lstmtui demo` where there is no terminal; what it plays is tested in tests/runs/test_replay.py."""

from __future__ import annotations


def test_without_a_terminal_it_is_one_sentence(lstmtui):
    said = lstmtui("demo")
    assert (said.code, said.out) == (2, "")
    assert said.err == "lstmtui: The screens need a terminal; use 'lstmtui train' here.\n"


def test_no_time_is_refused(lstmtui):
    said = lstmtui("demo", "--seconds", "0")
    assert said.code == 2
    assert "--seconds" in said.err
