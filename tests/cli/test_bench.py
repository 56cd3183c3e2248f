from __future__ import annotations

import json
import subprocess
import sys

import pytest

RESULT = {
    "cell": "gru",
    "shape": "2x256xV65xB32xT32",
    "threads": 2,
    "precision": "float32",
    "milliseconds": 12.345,
    "tokens_per_second": 82948.7,
    "gflops": 398.2,
    "peak_gflops": 500.0,
    "share": 0.7964,
    "step_microseconds": 61.7,
}


@pytest.fixture
def engine(monkeypatch):
    """Let a process that prints `lines` stand where the engine's does; return the command lines that were asked for."""
    asked: list[list[str]] = []
    start = subprocess.Popen

    def answering(*lines: dict[str, object], code: int = 0) -> list[list[str]]:
        program = f"import sys; print({chr(10).join(map(json.dumps, lines))!r}); sys.exit({code})"

        def fake(command, **named):
            asked.append(command)
            return start([sys.executable, "-c", program], **named)

        monkeypatch.setattr(subprocess, "Popen", fake)
        return asked

    return answering


def test_a_table_of_results(lstmtui, engine):
    asked = engine(RESULT, {**RESULT, "cell": "rnn"})
    said = lstmtui("bench", "--cells", "gru,rnn", "--threads", 2, "--seconds", 0.5)
    assert said.code == 0
    assert asked[0][1:] == ["-m", "lstmtui.engine.bench", "--cells=gru,rnn", "--threads=2", "--seconds=0.5"]
    heading, gru, rnn, peak = said.out.splitlines()
    assert heading.split("  ")[0] == "cell"
    assert gru.split() == ["gru", "2x256xV65xB32xT32", "12.3", "82,949", "398.2", "80%", "62"]
    assert rnn.startswith("rnn")
    assert peak.strip() == "peak: 500 GFLOP/s in float32 on 2 threads"


def test_json_is_all_results(lstmtui, engine):
    engine(RESULT, RESULT)
    assert json.loads(lstmtui("bench", "--json").out) == [RESULT, RESULT]


@pytest.mark.parametrize("flags", [[], ["--json"]], ids=["table", "json"])
def test_what_the_engine_refuses_is_one_sentence(lstmtui, engine, flags):
    engine({"error": "--cells: there is no such cell.", "exit_code": 2}, code=2)
    said = lstmtui("bench", *flags)
    assert (said.code, said.out, said.err) == (2, "", "lstmtui: --cells: there is no such cell.\n")


def test_an_engine_that_dies_is_told(lstmtui, engine):
    engine(RESULT, code=3)
    said = lstmtui("bench")
    assert said.code == 1
    assert "ended early" in said.err
