"""How states and figures are said."""

from __future__ import annotations

import math
import os
from pathlib import Path

import pytest
from support.prepared_run import NOW, alive, make_run

from lstmtui.runs.folder import STATES
from lstmtui.runs.reader import RunReader
from lstmtui.tui import wording
from lstmtui.tui.widgets.figures import rows_of


@pytest.mark.parametrize(("value", "said"), [(950, "950"), (48_213, "48.2k"), (1_250_000, "1.25M"), (3e9, "3.00G")])
def test_short(value: float, said: str) -> None:
    assert wording.short(value) == said


def test_a_figure_of_a_part_of_the_validation_text_is_told_from_one_of_all_of_it(tmp_path: Path):
    told = {"valid_tokens": 40_000, "result": {"valid": {"nll": 1.9, "perplexity": 6.7, "bits_per_char": 2.74}}}
    ended = RunReader(make_run(tmp_path, "a", state="finished", eval_tokens=20_000, status=told)).refresh()
    assert wording.quality(ended, ended.result) == "2.740 bpc"
    assert wording.quality(ended, ended.best).startswith("~2.2")
    assert "validation 1.900 nats per char on all of its text" in wording.notice(ended)
    rows = {label: (value, remark) for label, value, remark in rows_of(ended)}
    assert rows["valid"][1] == "nats, on a part"
    assert rows["final"] == ("1.900", "nats, all of it")
    whole = RunReader(make_run(tmp_path, "b", eval_tokens=0, status=told)).refresh()
    assert wording.quality(whole, whole.best).startswith("2.2")


def test_a_figure_that_is_no_number_is_a_dash() -> None:
    assert [wording.figure(v) for v in (1.5, math.nan, math.inf, 123456.0)] == ["1.500", "–", "–", "1.23e+05"]


def test_every_state_has_a_glyph() -> None:
    assert set(wording.GLYPHS) == {*STATES, "new", "crashed"}


@pytest.mark.parametrize(
    ("state", "living", "said"),
    [
        ("paused", True, "space continues"),
        ("finished", False, "t types"),
        ("stopped", False, "r resumes exactly"),
        ("training", False, "died at step 1,240"),
        ("failed", False, "r tries again"),
        ("diverged", False, "infinite or not a number"),
        ("training", True, ""),
    ],
)
def test_notice(tmp_path: Path, state: str, living: bool, said: str) -> None:
    run = make_run(tmp_path, state=state)
    if living:
        with alive(run):
            seen = RunReader(run).refresh()
    else:
        seen = RunReader(run).refresh()
    notice = wording.notice(seen)
    assert said in notice if said else notice == ""


@pytest.mark.parametrize(
    ("log", "events", "why", "how"),
    [
        (
            None,
            [],
            "(it left no message; was it killed, or the machine restarted?).",
            "r starts it again from the beginning.",
        ),
        ("began\nSegmentation fault\n", [], "(Segmentation fault).", "r starts it again from the beginning."),
        (
            "",
            [{"event": "saved", "step": 900}, {"event": "saved", "step": 1200}],
            "no message",
            "resumes from step 1,200",
        ),
    ],
)
def test_a_dead_engine_is_told_with_its_last_words_and_how_to_go_on(
    tmp_path: Path, log: str | None, events: list[dict[str, object]], why: str, how: str
) -> None:
    run = make_run(tmp_path, events=events)
    if log is not None:
        run.log.write_text(log)
    notice = wording.notice(RunReader(run).refresh())
    assert why in notice
    assert how in notice


def test_a_line_of_the_log_from_before_the_last_report_is_no_last_word(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    run.log.write_text("a warning of yesterday")
    os.utime(run.log, (NOW, NOW))
    assert "no message" in wording.notice(RunReader(run).refresh())


def test_a_silent_engine_is_said_to_be_silent(tmp_path: Path) -> None:
    run = make_run(tmp_path, beat=NOW)
    with alive(run):
        seen = RunReader(run).refresh()
    assert wording.notice(seen, now=NOW + 5) == ""
    assert "not reported for 40 s" in wording.notice(seen, now=NOW + 40)


@pytest.mark.parametrize(
    ("status", "said"),
    [
        ({}, "for this processor."),
        ({"compiling_kernels": 24, "compiling_done": 0.292}, "processor: 7 of 24 kernels are done."),
        ({"compiling_kernels": "24", "compiling_done": 0.292}, "for this processor."),
        ({"compiling_kernels": 24, "compiling_done": 7.0}, "for this processor."),
    ],
)
def test_compiling_tells_how_many_kernels_are_done(tmp_path: Path, status: dict[str, object], said: str) -> None:
    with alive(make_run(tmp_path, state="compiling", status=status)) as run:
        seen = RunReader(run).refresh()
    assert said in wording.notice(seen)  # above the curve of a run that was resumed
    assert said in wording.waiting(seen).replace(":\n", ": ")  # in the chart's place before
    assert "minute" not in wording.notice(seen) + wording.waiting(seen)


@pytest.mark.parametrize(("tokens", "said"), [("chars", "bpc"), ("words", "ppl")])
def test_quality_is_told_as_people_compare_it(tmp_path: Path, tokens: str, said: str) -> None:
    seen = RunReader(make_run(tmp_path, tokens=tokens)).refresh()
    assert said in wording.quality(seen, seen.best)
    assert wording.quality(seen, None) == "–"


def test_a_memory_task_has_its_own_units_and_no_typing(tmp_path: Path) -> None:
    run = make_run(tmp_path, state="finished", purpose="memory", corpus=("adding",), memory_length=200)
    snapshot = RunReader(run).refresh()
    assert (wording.unit(snapshot), wording.loss_unit(snapshot)) == ("sequence", "mean per answer")
    assert "t types" not in wording.notice(snapshot)
    assert wording.why_not(snapshot, "type").startswith("A model of a memory task cannot be typed with")
