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


def point(step: int, decides: str, **figures: float) -> ValidPoint:
    return ValidPoint(step=step, seconds=1.0, best=False, figures=figures, decides=decides)


def test_the_best_evaluation_has_the_highest_of_a_figure_that_rises(tmp_path):
    points = [point(1, "f1", nll=1.7, f1=0.4), point(2, "f1", nll=1.6, f1=0.3), point(3, "f1", nll=1.9, f1=0.35)]
    seen = snapshot(tmp_path, valid=tuple(points))
    assert (seen.best.step, seen.best.loss, seen.best.is_language) == (1, 1.7, True)
    rates = [point(1, "wer", nll=1.7, wer=0.4), point(2, "wer", nll=1.8, wer=0.3)]
    assert snapshot(tmp_path, valid=tuple(rates)).best.step == 2
    ended = snapshot(tmp_path, valid=tuple(points), state="finished", status={"result": {"valid": {"f1": 0.42}}})
    assert ended.result.value == 0.42


def test_evaluations_of_another_figure_than_the_newest_do_not_count(tmp_path):
    """A run that began in an older version was forked."""
    points = (point(1, "nll", nll=1.5, f1=0.2), point(2, "f1", nll=1.6, f1=0.3), point(3, "f1", nll=1.6, f1=0.25))
    assert snapshot(tmp_path, valid=points).best.step == 2


@pytest.mark.parametrize("value", [None, "7", [], 1.5])
def test_steps_that_are_no_whole_numbers_are_0(tmp_path, value):
    seen = snapshot(tmp_path, status={"step": value, "steps": value})
    assert (seen.step, seen.steps) == (0, 0)


@pytest.mark.parametrize(
    ("state", "ended"), [("training", False), ("finished", True), ("crashed", True), ("new", True)]
)
def test_a_run_has_ended_when_no_engine_works_on_it(tmp_path, state, ended):
    assert snapshot(tmp_path, state=state).ended is ended
