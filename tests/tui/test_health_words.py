"""Health of a run in words."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from support.prepared_run import make_run

from lstmtui.reports import health
from lstmtui.runs.reader import RunReader
from lstmtui.tui import health_words, wording


def test_a_sick_run_that_has_finished_is_told_what_to_change(tmp_path: Path) -> None:
    run = RunReader(make_run(tmp_path, state="finished", status={"vocabulary": 64, "saturated": {"i": 1.0}})).refresh()
    train = tuple(dataclasses.replace(point, loss=30.0) for point in run.train)
    text = wording.notice(dataclasses.replace(run, train=train))
    assert text.startswith("Finished. It does not learn: its loss of 30.00 is above 4.16")
    assert text.endswith("To change: a lower learning rate (0.006 now; --lr 0.0006).")
    assert len(text) <= 3 * 76  # three lines at 80 columns


def test_each_level_has_a_glyph_of_its_own_and_a_good_run_no_sentence(tmp_path: Path) -> None:
    levels = (health.UNKNOWN, health.GOOD, health.DOUBTFUL, health.SICK)
    assert len({health_words.GLYPHS[level] for level in levels}) == len(levels) == len(health_words.COLOURS)
    good = RunReader(make_run(tmp_path, state="finished")).refresh()
    assert health_words.sentences(good) == ""
    assert health_words.label(health.judge(good)) == "✓ healthy"
