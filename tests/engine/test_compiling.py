"""Kernels are compiled before the first step, with progress, and once only."""

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
told, status = [], RunWriter.status
def telling(self, **changes):
    told.append(changes)
    status(self, **changes)
RunWriter.status = telling
with install_recorder("numba:compile") as compiled:
    assert main(sys.argv[1:]) == 0
import json
print(json.dumps([sum(event.is_start for _, event in compiled.buffer), [c for c in told if "compiling" in c]]))
"""


def run_engine(run):
    ran = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(run.path)], env=dict(os.environ), capture_output=True, text=True, timeout=120
    )
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)


def test_the_second_start_compiles_nothing(tmp_path, monkeypatch):
    monkeypatch.setenv("LSTMTUI_CACHE", str(tmp_path / "cache"))
    changes = {"cell": "rnn", "steps": 4, "eval_every": 2}
    first, second = (tiny.create(tmp_path, name, **changes) for name in ("first", "second"))

    _, told = run_engine(first)
    (compiled,) = tiny.events(first, "compiled")
    assert compiled["kernels"] > 10
    assert {step["compiling_kernels"] for step in told} == {compiled["kernels"]}
    shares = [step["compiling_done"] for step in told]
    assert shares == sorted(shares)
    assert shares[0] == 0.0
    assert shares[-1] < 1
    assert any("recurrence.forward" in step["compiling"] for step in told)

    count, told = run_engine(second)
    assert (count, told) == (0, [])
    assert tiny.events(second, "compiled")[0]["kernels"] == 0
