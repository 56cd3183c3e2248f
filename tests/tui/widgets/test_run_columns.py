"""Columns of the list of runs."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from support.prepared_run import make_run

from lstmtui.runs.reader import RunReader
from lstmtui.runs.snapshot import RunSnapshot
from lstmtui.tui.widgets.run_columns import Column, RunCells, columns, row


def fitted(width: int, runs: list[RunSnapshot]) -> tuple[tuple[Column, ...], list[list[str]]]:
    cells = RunCells().of(runs)
    wanted = columns(width, cells)
    return wanted, [[text.plain for text in row(run, of, wanted, {})] for run, of in zip(runs, cells, strict=True)]


@pytest.mark.parametrize("width", [40, 60, 80, 100, 120, 160, 200, 400])
def test_a_number_is_never_cut(tmp_path: Path, width: int) -> None:
    large = RunReader(make_run(tmp_path, "a", cell="peephole", hidden=1024, layers=12)).refresh()
    worst = tuple(
        dataclasses.replace(p, figures={**p.figures, "nll": 14.6, "bits_per_char": 1021.132}) for p in large.valid
    )
    runs = [dataclasses.replace(large, valid=worst), RunReader(make_run(tmp_path, "b")).refresh()]
    wanted, rows = fitted(width, runs)
    whole = {"cell": "peephole 12×1024", "best": "1021.132 bpc", "steps": "1.24k/2.90k", "parameters": "812k"}
    for column, text in zip(wanted, rows[0], strict=True):
        assert text == whole.get(column.name, text)
        assert len(text) <= column.width
    assert sum(column.width + 2 for column in wanted) + 1 <= max(width, 3 + 4 + 3)
    assert width < 80 or {"state", "best", "health"} <= {column.name for column in wanted}


def test_a_long_name_is_cut_and_has_the_room_that_is_left(tmp_path: Path) -> None:
    wanted, ((_, name, *_),) = fitted(80, [RunReader(make_run(tmp_path, "x" * 60)).refresh()])
    assert name.endswith("…")
    assert len(name) == wanted[1].width >= 14


def test_cells_of_a_run_that_has_not_changed_are_not_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, known = RunReader(make_run(tmp_path)).refresh(), RunCells()
    (first,) = known.of([run])
    monkeypatch.setattr("lstmtui.tui.widgets.run_columns._CELLS", {})
    assert known.of([run])[0] == first
    assert "state" not in known.of([dataclasses.replace(run)])[0]
