import dataclasses
from pathlib import Path

import pytest
from support import tiny

from lstmtui.runs.folder import RunFolder
from lstmtui.runs.snapshot import RunSnapshot, TrainPoint, ValidPoint
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


def sick(**settings) -> RunSnapshot:
    """Return a run with a learning rate of 10, as its figures were after 50 steps."""
    train = tuple(
        TrainPoint(
            step=10 * n, tokens=1, seconds=1, loss=30.0, lr=10, grad_norm=4, clipped=0.0, tokens_per_second=1,
            memory_mb=1,
        )
        for n in range(1, 6)
    )  # fmt: skip
    valid = (ValidPoint(step=50, seconds=1, best=True, figures={"nll": 28.0, "perplexity": 1.0}),)
    told = {"vocabulary": 64, "unigram_nll": 3.3, "step": 50, "saturated": dict.fromkeys("ifgo", 1.0)}
    chosen = tiny.run_settings(lr=10.0, **settings)
    return RunSnapshot(
        run=RunFolder(Path("run")), state="training", train=train, valid=valid, status=told, settings=chosen
    )


def test_a_run_that_does_not_learn_has_no_figure_that_is_called_healthy():
    rows = {label: (value, remark) for label, value, remark in rows_of(sick(clip=1e9))}
    assert rows["health"] == ("✗ lr too high", "")
    assert rows["gap"][1] == "valid - train"
    assert rows["saturated"] == ("100%", "usual 5 to 80 %")
    assert rows["gradient"][1] == "0% clipped to 1e+09"


def test_busy_processors_stand_beside_the_memory_where_they_were_measured():
    run = sick()
    measured = dataclasses.replace(run, train=(*run.train[:-1], dataclasses.replace(run.train[-1], processors=1.86)))
    rows = rows_of(measured)
    at = [label for label, _, _ in rows].index("processor")
    assert rows[at - 1][0] == "memory"
    assert run.settings is not None
    threads = run.settings.run.threads
    assert rows[at][1:] == ("1.9", f"busy, of {threads} thread{'s' * (threads != 1)}")
    assert "processor" not in [label for label, _, _ in rows_of(run)]


def test_captions_have_the_scores_of_words():
    figures = {"nll": 0.4, "perplexity": 1.5, "f1": 0.875, "exact": 0.125}
    valid = ValidPoint(step=50, seconds=1, best=True, figures=figures)
    rows = {label: rest for label, *rest in rows_of(dataclasses.replace(sick(), valid=(valid,)))}
    assert rows["word F1"] == ["87.5%", "exact 12.5%"]
    assert rows["best"][1] == "F1 87.5%"
