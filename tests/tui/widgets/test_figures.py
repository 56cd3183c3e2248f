from pathlib import Path

import pytest

from lstmtui.runs.folder import RunFolder
from lstmtui.runs.snapshot import RunSnapshot
from lstmtui.tui.widgets.figures import rows_of


@pytest.mark.parametrize(
    ("characters", "usual", "said"),
    [(18, 21, "chars, usual 21"), (62, 31, "chars, usual 31: recites"), (18, None, "chars")],
)
def test_what_samples_repeat_stands_last_or_below_the_gap_when_they_recite(characters, usual, said):
    told = {"characters": characters, "text": "x", "usual": usual, "of": 400}
    rows = rows_of(RunSnapshot(run=RunFolder(Path("run")), state="training", status={"copied": told}))
    at = [label for label, _, _ in rows].index("copied")
    assert rows[at] == ("copied", str(characters), said)
    assert rows[at - 1][0] == ("gap" if "recites" in said else "speed")


def test_nothing_is_told_before_it_was_measured():
    rows = rows_of(RunSnapshot(run=RunFolder(Path("run")), state="training"))
    assert "copied" not in [label for label, _, _ in rows]
