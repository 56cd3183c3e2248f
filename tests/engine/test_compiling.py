"""Kernels are compiled once, before the first step, and the status shows progress."""

import json
import os
import subprocess
import sys

from support import tiny

SCRIPT = """
import sys
from numba.core.event import install_recorder
from lstmtui.engine.__main__ import main
from lstmtui.runs.writer import RunWriter
written, status = [], RunWriter.status
def record(self, **changes):
    written.append(changes)
    status(self, **changes)
RunWriter.status = record
with install_recorder("numba:compile") as compiled:
    assert main(sys.argv[1:]) == 0
import json
print(json.dumps([sum(event.is_start for _, event in compiled.buffer), [c for c in written if "compiling" in c]]))
"""


def run_engine(run):
    ran = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(run.path)], env=dict(os.environ), capture_output=True, text=True, timeout=300
    )
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)


def test_the_second_start_compiles_nothing(tmp_path, monkeypatch):
    monkeypatch.setenv("LSTMTUI_CACHE", str(tmp_path / "cache"))
    changes = {"cell": "rnn", "steps": 4, "eval_every": 2}
    first, second = (tiny.create(tmp_path, name, **changes) for name in ("first", "second"))

    _, progress = run_engine(first)
    (compiled,) = tiny.events(first, "compiled")
    assert compiled["kernels"] > 10
    assert {step["compiling_kernels"] for step in progress} == {compiled["kernels"]}
    shares = [step["compiling_done"] for step in progress]
    assert shares == sorted(shares)
    assert shares[0] == 0.0
    assert shares[-1] < 1
    assert any("recurrence.forward" in step["compiling"] for step in progress)

    count, progress = run_engine(second)
    assert (count, progress) == (0, [])
    assert tiny.events(second, "compiled")[0]["kernels"] == 0
