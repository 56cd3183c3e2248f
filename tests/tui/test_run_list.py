"""The list of runs as functions."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.prepared_run import make_run

from lstmtui.runs.reader import RunReader
from lstmtui.runs.snapshot import RunSnapshot
from lstmtui.tui import run_list


@pytest.fixture
def runs(tmp_path: Path) -> list[RunSnapshot]:
    made = [
        make_run(tmp_path, "b", state="finished", step=900),
        make_run(tmp_path, "a", state="stopped", status={"parameters": 5_000_000}),
    ]
    return [RunReader(run).refresh() for run in made]


@pytest.mark.parametrize(("order", "first"), [("newest", "b"), ("name", "a"), ("steps", "a"), ("parameters", "a")])
def test_orders(runs: list[RunSnapshot], order: str, first: str) -> None:
    assert order in run_list.ORDERS
    assert run_list.listed(runs, "", order)[0].run.name == first


def test_a_pattern_that_is_no_expression_is_looked_for_as_it_stands(runs: list[RunSnapshot]) -> None:
    assert [run.run.name for run in run_list.listed(runs, "^b|stop+ed", "name")] == ["a", "b"]
    assert run_list.listed(runs, "[x(", "name") == ()


def test_the_question_names_every_run(runs: list[RunSnapshot]) -> None:
    one, both = run_list.question_before_deletion(runs[:1]), run_list.question_before_deletion(runs)
    assert one.startswith("Delete 'b' (lstm 2×48, step 900, ")
    assert both.startswith("Delete 2 runs")
    assert "'a' (" in both
    assert "'b' (" in both
    many = run_list.question_before_deletion(runs * 6)
    assert many.splitlines()[-1].count("'a'") == many.splitlines()[-1].count("'b'") == 6
