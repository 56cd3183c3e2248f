from __future__ import annotations

import pytest
from support.bare_run import train_point

from lstmtui.common import files
from lstmtui.common.files import to_json
from lstmtui.errors import UnreadableError
from lstmtui.runs.metrics import read_points, read_samples


def write(path, records):
    path.write_text("".join(f"{line if isinstance(line, str) else to_json(line)}\n" for line in records))


def test_all_points_are_read_in_blocks_and_damaged_lines_are_skipped(run, monkeypatch):
    monkeypatch.setattr(files.read_json_lines, "__defaults__", (0, 1000))
    valid = {"split": "valid", "step": 7, "seconds": 2.0, "nll": 1.5, "best": True}
    write(run.metrics, [*map(train_point, range(1, 40)), "{broken", {"split": "train", "step": 1}, valid])
    points = list(read_points(run))
    assert [point.step for point in points] == [*range(1, 40), 7]
    assert points[-1].value == 1.5


def test_an_incomplete_last_line_is_left_out(run):
    run.metrics.write_text(to_json(train_point(1)) + "\n" + to_json(train_point(2)))
    assert [point.step for point in read_points(run)] == [1]


def test_a_run_without_metrics_has_none(run):
    assert list(read_points(run)) == list(read_samples(run)) == []


def test_samples_are_read(run):
    write(run.samples, [{"step": n, "temperature": 0.8, "prompt": "", "text": f"text {n}"} for n in range(60)])
    assert [sample.text for sample in read_samples(run)] == [f"text {n}" for n in range(60)]


def test_what_cannot_be_read_is_named(run):
    run.metrics.mkdir()
    with pytest.raises(UnreadableError, match=r"metrics\.jsonl cannot be read"):
        list(read_points(run))
