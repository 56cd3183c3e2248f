"""The snapshot of a run."""

from __future__ import annotations

import pytest

from lstmtui.runs.folder import RunFolder
from lstmtui.runs.snapshot import RunSnapshot, ValidPoint


def snapshot(tmp_path, **fields) -> RunSnapshot:
    return RunSnapshot(run=RunFolder(tmp_path), **{"state": "training", **fields})


def test_the_best_evaluation_has_the_lowest_loss(tmp_path):
    points = [
        ValidPoint(step=i, seconds=1.0, best=False, figures={"nll": nll, "perplexity": 1.0})
        for i, nll in enumerate((2.0, 1.5, 1.8))
    ]
    best = snapshot(tmp_path, valid=tuple(points)).best
    assert best is not None
    assert best.step == 1
    assert snapshot(tmp_path).best is None


@pytest.mark.parametrize("value", [None, "7", [], 1.5])
def test_steps_that_are_no_whole_numbers_are_0(tmp_path, value):
    seen = snapshot(tmp_path, status={"step": value, "steps": value})
    assert (seen.step, seen.steps) == (0, 0)


@pytest.mark.parametrize(
    ("state", "ended"), [("training", False), ("finished", True), ("crashed", True), ("new", True)]
)
def test_a_run_has_ended_when_no_engine_works_on_it(tmp_path, state, ended):
    assert snapshot(tmp_path, state=state).ended is ended
