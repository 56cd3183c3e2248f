from __future__ import annotations

import json
import subprocess
import sys

import pytest

RESULT = {
    "cell": "gru",
    "shape": "2x256xV65xB32xT32",
    "device": "cpu",
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
    assert asked[0][1:] == [
        "-P",
        "-m",
        "lstmtui.engine.benchmark.bench",
        "--cells=gru,rnn",
        "--threads=2",
        "--seconds=0.5",
    ]
    heading, gru, rnn, peak = said.out.splitlines()
    assert heading.split("  ")[0] == "cell"
    assert gru.split() == ["gru", "2x256xV65xB32xT32", "float32", "12.3", "82,949", "398.2", "80%", "62"]
    assert rnn.startswith("rnn")
    assert peak.strip() == "peak: 500 GFLOP/s in float32 on 2 threads"


def test_a_gpu_has_no_share_of_the_processors_peak(lstmtui, engine):
    asked = engine({**RESULT, "device": "cuda", "precision": "tf32", "peak_gflops": None, "share": None})
    said = lstmtui("bench", "--device", "cuda")
    assert asked[0][4:] == ["--device=cuda"]
    _, gru, where = said.out.splitlines()
    assert gru.split() == ["gru", "2x256xV65xB32xT32", "tf32", "12.3", "82,949", "398.2", "62"]
    assert where.strip() == "steps on the GPU, a token at batch 1 on the processor"


def test_a_profile_is_a_table_of_its_own(lstmtui, engine):
    parts = [
        {"part": "layers: backward", "milliseconds": 9.5, "limit_milliseconds": 8.25, "limit": "multiply-adds"},
        {"part": "the rest", "milliseconds": 0.5, "limit_milliseconds": 0.0, "limit": ""},
    ]
    asked = engine({**RESULT, "gigabytes_per_second": 40.0, "parts": parts})
    said = lstmtui("bench", "--profile", "--precision", "float32")
    assert said.code == 0
    assert asked[0][4:] == ["--precision=float32", "--profile"]
    heading, backward, rest, total = (line.split("  ") for line in said.out.splitlines()[3:7])
    assert heading[0] == "gru 2x256xV65xB32xT32 float32"
    assert [word.strip() for word in backward if word] == ["layers: backward", "9.50", "8.25", "multiply-adds"]
    assert [word.strip() for word in rest if word.strip()] == ["the rest", "0.50"]
    assert [word.strip() for word in total if word.strip()] == ["all", "10.00", "8.25"]


def test_json_is_all_results(lstmtui, engine):
    engine(RESULT, RESULT)
    assert json.loads(lstmtui("bench", "--json").out) == [RESULT, RESULT]


@pytest.mark.parametrize("flags", [[], ["--json"]], ids=["table", "json"])
def test_what_the_engine_refuses_is_one_sentence(lstmtui, engine, flags):
    engine({"error": "--cells: there is no such cell.", "exit_code": 2}, code=2)
    said = lstmtui("bench", *flags)
    assert (said.code, said.out, said.err) == (2, "", "lstmtui: --cells: there is no such cell.\n")


def test_an_engine_that_dies_is_reported(lstmtui, engine):
    engine(RESULT, code=3)
    said = lstmtui("bench")
    assert said.code == 1
    assert said.err.startswith("lstmtui: The benchmark ended unexpectedly")
