"""The plan of a new run as rows."""

from __future__ import annotations

from pathlib import Path

from support import tiny
from support.pictures import caption_table
from support.screens import FakeForecaster
from support.speech_run import manifest

from lstmtui.config import Settings
from lstmtui.tui.run_plan import plan_rows, read, seconds_of


def test_how_long_a_run_takes() -> None:
    s = tiny.run_settings(batch=10, bptt=20)
    assert seconds_of(s.changed(minutes=2.0), 1000, 100.0) == 120
    assert seconds_of(s.changed(epochs=3.0), 1000, 100.0) == 30
    assert seconds_of(s.changed(steps=5), 1000, 100.0) == 10


def test_a_plan_that_is_not_measured_yet_says_so() -> None:
    s = tiny.run_settings(batch=10, bptt=20, layers=2, hidden=8, dropout=0.1, lr=0.01, minutes=1.0)
    first = {label: value for label, value, _ in plan_rows(s, {"bytes": 1000})}
    assert first["size"] == "…"
    known = {**FakeForecaster().ask(s), "bytes": 1000}
    second = {label: value for label, value, _ in plan_rows(s, known)}
    assert second["speed"] == "measuring …"
    assert "time" not in second


def test_a_plan_for_a_gpu_tells_the_memory_it_takes_there() -> None:
    s = tiny.run_settings(batch=10, bptt=20, layers=2, hidden=8, dropout=0.1, lr=0.01, minutes=1.0, device="cuda")
    rows = plan_rows(s, {**FakeForecaster().ask(s), "bytes": 1000, "gpu_memory_mb": 1234.0})
    assert ("memory", "1,234 MB", "on the GPU") in rows


def test_a_batch_is_counted_in_what_it_holds() -> None:
    s = tiny.run_settings(batch=10, bptt=20, layers=2, hidden=8, dropout=0.1, lr=0.01, minutes=1.0)
    assert ("windows", "10×20", "streams×steps") in plan_rows(s, {"bytes": 1000})
    rows = plan_rows(s.changed(purpose="translation"), {"pairs": 900, "valid_pairs": 100})
    assert ("batch", "200", "tokens per side") in rows
    assert ("pairs", "900", "and 100 to validate") in rows


def test_a_plan_of_speech_counts_recordings(tmp_path: Path) -> None:
    chosen, figures = read(Settings(corpus=(str(manifest(tmp_path)),), purpose="speech", minutes=3.0))
    rows = {label: (value, remark) for label, value, remark in plan_rows(chosen, figures)}
    assert rows["speech"][1] == f"in {figures['recordings']} recordings"
    assert figures["recordings"] + figures["valid"] == 48
    assert rows["features"] == ("40 log-mel", "at 8,000 Hz")
    assert rows["time"] == ("3 minutes", "in all")


def test_a_plan_of_captions_counts_pictures(tmp_path: Path) -> None:
    table = caption_table(tmp_path, ("valid", *["train"] * 3))
    given = Settings(corpus=(str(table),), purpose="captions", minutes=3.0, side=16, patch=8)
    chosen, figures = read(given)
    rows = {label: (value, remark) for label, value, remark in plan_rows(chosen, figures)}
    assert rows["pictures"][0] == str(figures["pictures"])
    assert figures["captions"] >= figures["pictures"] > figures["valid"] > 0
    assert rows["patches"] == ("2×2", "of 228 numbers")
    assert rows["batch"][1] == "captions of pictures"
    assert rows["time"] == ("3 minutes", "in all")
