"""The learning rate that would follow."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from support.prepared_run import make_run

from lstmtui.common.schedule import lr_factor
from lstmtui.runs.reader import RunReader
from lstmtui.tui.expected_rate import expected_rate


def test_half_the_peak_is_half_the_rate_along_the_same_schedule(tmp_path: Path) -> None:
    run = RunReader(make_run(tmp_path, state="stopped", status={"live": {"lr": 0.006}})).refresh()
    assert run.settings is not None
    same, half = expected_rate(run, 0.006), expected_rate(run, 0.003)
    assert same[0] == (1240, pytest.approx(run.train[-1].lr))
    assert [rate for _, rate in half] == [pytest.approx(rate / 2) for _, rate in same]
    o = run.settings.optimisation
    curve = [lr_factor(s, steps=2900, warmup=o.warmup, kind=o.schedule, end=o.lr_end) for s in (1240, 2900)]
    assert same[-1][0] == 2900
    assert same[-1][1] / same[0][1] == pytest.approx(curve[1] / curve[0])


def test_nothing_follows_where_it_is_unknown(tmp_path: Path) -> None:
    run = RunReader(make_run(tmp_path, state="stopped")).refresh()
    assert expected_rate(dataclasses.replace(run, train=()), 0.1) == ()
    assert expected_rate(dataclasses.replace(run, settings=None), 0.1) == ()
