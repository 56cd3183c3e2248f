"""The whole path with the real engine and a tiny network: train, resume, use, remove."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

KERNELS = os.environ["LSTMTUI_CACHE"]
"""The cache that all tests share (tests/conftest.py), so that kernels compile once."""


@pytest.fixture
def real(monkeypatch, tmp_path):
    monkeypatch.setenv("LSTMTUI_CACHE", KERNELS)
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str, given: str | None = None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "lstmtui.cli", *arguments], input=given, capture_output=True, text=True, check=False
        )

    return run


def test_from_a_text_to_a_trained_model_and_back(real, text_file):
    tiny = ("--hidden", "8", "--layers", "1", "--batch", "4", "--bptt", "8", "--threads", "1")
    done = real("train", text_file.name, *tiny, "--steps", "30", "--name", "tiny")
    assert done.returncode == 0, done.stderr
    assert "Validation: " in done.stderr
    assert "bits per character" in done.stderr
    assert done.stdout.strip()

    assert real("resume", "tiny").returncode == 0
    shown = json.loads(real("show", "tiny", "--json").stdout)
    assert (shown["state"], shown["status"]["step"]) == ("finished", 30)

    same = [real("sample", "tiny", "-n", "20", "--seed", "1").stdout for _ in range(2)]
    assert same[0] == same[1]
    assert len(same[0]) >= 20

    served = real("complete", "tiny", "--stdin", given='{"text": "the c", "k": 3}\nnonsense\n')
    first, second = map(json.loads, served.stdout.splitlines())
    assert len(first["candidates"]) == 3
    assert "error" in second

    judged = json.loads(real("evaluate", "tiny", text_file.name, "--json").stdout)
    assert judged["nll"] > 0

    # No UTF-8, half of an emoji, and the name of a file as other systems write it.
    assert real("complete", "tiny", "--", os.fsdecode(b"the \xe9")).returncode == 0
    served = real("complete", "tiny", "--stdin", given='{"text": "\\ud83d"}\n{"text": "the c"}\n')
    assert [sorted(json.loads(line)) for line in served.stdout.splitlines()] == [["candidates", "milliseconds"]] * 2
    done = real("sample", "tiny", "-n", "3", "--prompt", os.fsdecode(b"\xe9"))
    assert (done.returncode, done.stderr.count("not UTF-8")) == (2, 1)
    odd = os.fsdecode(b"caf\xe9.txt")
    text_file.rename(text_file.parent / odd)
    assert json.loads(real("evaluate", "tiny", odd, "--json").stdout) == {**judged, "files": [odd]}
    assert real("adapt", "tiny", odd).returncode == 0
    done = real("train", odd, *tiny, "--steps", "3", "--name", "odd")
    assert done.returncode == 0, done.stderr
    assert real("resume", "odd").returncode == 0

    assert real("rm", "tiny", "odd", "--yes").returncode == 0
    assert json.loads(real("ls", "--json").stdout) == []


@pytest.mark.parametrize("content", ["x", "short", "a" * 5000], ids=["one byte", "shorter than a window", "one kind"])
def test_a_text_that_only_the_engine_can_refuse_leaves_no_run(real, tmp_path, content):
    (tmp_path / "bad.txt").write_text(content)
    done = real("train", "bad.txt", "--name", "bad")
    assert done.returncode == 2
    assert "lstmtui: " in done.stderr
    assert "Traceback" not in done.stderr
    assert json.loads(real("ls", "--json").stdout) == []


def test_a_damaged_checkpoint_is_exit_3(real, make_run):
    run = make_run("diary")  # its one checkpoint holds no weights
    done = real("complete", run.name, "the ")
    assert done.returncode == 3, done.stderr
    assert done.stderr.startswith("lstmtui: ")
    assert done.stderr.count("\n") == 1
