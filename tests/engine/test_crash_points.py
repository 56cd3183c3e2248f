"""A run that is killed, or refused, at any system call resumes to the results of an undisturbed run.

A few points of each kind of run; `PYTHONPATH=tests python -m support.crash_points` tries all of them.
"""

from __future__ import annotations

import random

import pytest
from support import crash_points
from support.crash_points import FAULTS, VARIANTS, Bench, World

POINTS = 3
"""Of each kind of run."""


@pytest.fixture
def bench(request, tmp_path):
    return Bench(tmp_path, VARIANTS[request.param])


@pytest.mark.parametrize("bench", VARIANTS, indirect=True)
def test_a_fault_at_any_call_changes_neither_weights_nor_best_nor_metrics(bench, request):
    expected, calls = crash_points.undisturbed(bench)
    assert expected.best is not None or request.node.callspec.params["bench"] == "unvalidated"
    source = random.Random(request.node.name)
    points = [(source.randrange(len(calls)), source.choice(FAULTS)) for _ in range(POINTS)]
    unasked = crash_points.unasked_of(bench)
    found = [wrong for point in points if (wrong := crash_points.try_point(bench, expected, *point, unasked))]
    assert not found


@pytest.mark.parametrize("bench", ["plain"], indirect=True)
def test_the_harness_counts_every_call_and_blocks_all_after_a_kill(bench):
    _, calls = crash_points.undisturbed(bench)
    kinds = {call.split()[0] for call in calls}
    assert {"open", "write", "file.write", "fsync", "replace", "unlink", "stat", "listdir", "mkdir"} <= kinds
    assert [call for call in calls if call.startswith("replace .best.json")]
    run = bench.fresh()
    at = next(i for i, call in enumerate(calls) if call.startswith("replace .step-00000004"))
    world = World(run.path, at, "kill")
    assert bench.live(run, world) is None
    assert len(world.calls) == at + 1
    assert [path.name for path in run.checkpoints.glob("step-*4.*")] == []
    assert list(run.checkpoints.glob(".step-*4.*.tmp"))  # left behind by the kill
