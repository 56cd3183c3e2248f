"""The compare screen over prepared runs: curves, results, differences, every size and key."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from support.fake_inspector import flow, measured
from support.prepared_run import make_run
from support.screens import control_characters, painted, until
from textual.pilot import Pilot

from lstmtui import config
from lstmtui.recipe.search_space import Choices
from lstmtui.reports import search as searching
from lstmtui.runs.folder import RunFolder
from lstmtui.tui.app import LstmtuiApp
from lstmtui.tui.screens import compare
from lstmtui.tui.screens.compare import CompareScreen

SIZES = ((80, 24), (120, 40), (200, 60), (40, 12), (20, 5), (1, 1))
Open = Callable[..., LstmtuiApp]


@pytest.fixture(autouse=True)
def _quick_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compare, "INTERVAL", 0.1)


def some_runs(root: Path) -> list[Path]:
    result = [{"valid": {"nll": n, "perplexity": 4.5, "bits_per_char": b}} for n, b in ((1.2, 1.73), (1.3, 1.88))]
    lstm = make_run(root, "text-lstm", state="finished", lr=0.01, status={"result": result[0]})
    rnn = make_run(root, "text-rnn", state="finished", cell="rnn", lr=0.002, status={"result": result[1]}, step=900)
    measured(lstm, flow(100, decay=0.95))
    measured(rnn, flow(100, cell="rnn", decay=0.5))
    return [lstm.path, rnn.path]


async def opened(pilot: Pilot[None], paths: list[Path]) -> CompareScreen:
    screen = CompareScreen(paths)
    pilot.app.push_screen(screen)
    await until(pilot, lambda: pilot.app.screen is screen and len(screen.entries) == len(paths))
    await pilot.pause()
    return screen


async def test_results_differences_and_curves(tmp_path: Path, open_app: Open) -> None:
    async with open_app().run_test(size=(120, 40)) as pilot:
        await opened(pilot, some_runs(tmp_path))
        text = painted(pilot.app)
        assert "Validation loss, nats per char" in text
        rows = [line for line in text.splitlines() if "text-lstm" in line or "text-rnn" in line]
        assert "A  text-lstm  ● 1.730" in rows[0]
        assert "B  text-rnn     1.880" in rows[1]
        assert "Settings that differ" in text
        assert "0.01" in text
        assert "0.002" in text
        assert "with one seed each" in text
        chart = "\n".join(text.splitlines()[:20])
        assert chart.count("A") >= 2
        assert chart.count("B") >= 2


async def test_keys_change_chart_axis_and_table(tmp_path: Path, open_app: Open) -> None:
    async with open_app().run_test(size=(80, 24)) as pilot:
        screen = await opened(pilot, some_runs(tmp_path))
        assert "Settings that differ" not in painted(pilot.app)
        await pilot.press("right_square_bracket")
        await until(pilot, lambda: "Settings that differ" in painted(pilot.app))
        await pilot.press("a")
        await until(pilot, lambda: "by tokens read" in painted(pilot.app))
        await pilot.press("a")
        await until(pilot, lambda: "by seconds of training" in painted(pilot.app))
        await pilot.press("v")
        await until(pilot, lambda: "Training loss" in painted(pilot.app))
        await pilot.press("v")
        await until(pilot, lambda: "Norm of dL/dh by lag, top layer" in painted(pilot.app))
        before = screen.log_scale
        await pilot.press("y")
        assert screen.log_scale is not before
        await pilot.press("escape")
        await until(pilot, lambda: pilot.app.screen is not screen)


async def test_every_size(tmp_path: Path, open_app: Open) -> None:
    paths = some_runs(tmp_path)
    async with open_app().run_test(size=(200, 60)) as pilot:
        await opened(pilot, paths)
        for size in SIZES:
            await pilot.resize_terminal(*size)
            await pilot.press("a", "v")
            text = painted(pilot.app)
            assert len(text.splitlines()) == size[1]
            if size[0] >= 40:
                assert "● 1.730" in text
            elif size[0] >= 20:
                assert "text-lstm" in text


async def test_runs_in_every_condition(tmp_path: Path, open_app: Open) -> None:
    nasty = make_run(
        tmp_path, "nasty", state="failed", message="\x1b[2J", corpus=("/tmp/\x1b[31m[b]\u202e",), points=False
    )
    never = make_run(tmp_path, "never", state=None)
    broken = make_run(tmp_path, "broken", state="stopped")
    broken.config.write_text("format = 99\n")
    paths = [nasty.path, never.path, broken.path, RunFolder(tmp_path / "gone").path, *some_runs(tmp_path)]
    async with open_app().run_test(size=(120, 40)) as pilot:
        await opened(pilot, paths)
        text = painted(pilot.app)
        assert control_characters(text) == set()
        for name in ("nasty", "never", "broken", "gone", "text-lstm"):
            assert name in text


async def test_no_runs_and_too_many(tmp_path: Path, open_app: Open) -> None:
    path = make_run(tmp_path, "a", state="stopped").path
    async with open_app().run_test(size=(80, 24)) as pilot:
        screen = CompareScreen([])
        pilot.app.push_screen(screen)
        await until(pilot, lambda: "No runs were chosen" in painted(pilot.app) or "Reading" in painted(pilot.app))
        many = CompareScreen([path] * 30)
        pilot.app.push_screen(many)
        await until(pilot, lambda: len(many.entries) == 26)


async def test_trials_of_a_search_join_as_they_begin(tmp_path: Path, open_app: Open) -> None:
    given = config.Settings(corpus=("/x.txt",), steps=10, threads=1)
    search = searching.new_search(tmp_path, "s", given, (Choices("cell", ("lstm", "rnn")),), trials=3, size=1)
    searching.store_search(search)
    for name, bits, cell in (("s-001", 1.9, "lstm"), ("s-002", 1.7, "rnn")):
        result = {"valid": {"nll": 1.2, "perplexity": 4.5, "bits_per_char": bits}}
        make_run(tmp_path, name, state="finished", cell=cell, status={"result": result})
    async with open_app().run_test(size=(120, 40)) as pilot:
        screen = await opened(pilot, [tmp_path / "s-001", tmp_path / "s-002"])
        text = " ".join(painted(pilot.app).split())
        assert "Search s: 2 of 3 trials begun, 2 finished; s-002 is the best with 1.700 bits per character." in text
        assert "s-002 ● 1.700" in text
        make_run(tmp_path, "s-003", state="stopped", points=False)
        await until(pilot, lambda: len(screen.entries) == 3)
        await pilot.pause()
        assert "3 of 3 trials begun, 2 finished, 1 stopped" in " ".join(painted(pilot.app).split())


async def test_runs_of_speech_have_error_rates(tmp_path: Path, open_app: Open) -> None:
    rates = ({"nll": 0.1, "wer": 0.031, "cer": 0.01}, {"nll": 0.2, "wer": 0.12, "cer": 0.05})
    paths = [
        make_run(tmp_path, f"voice-{n}", state="finished", status={"result": {"valid": r}}).path
        for n, r in enumerate(rates)
    ]
    async with open_app().run_test(size=(120, 40)) as pilot:
        await opened(pilot, paths)
        text = painted(pilot.app)
        assert "WER" in text
        assert "voice-0  ● 3.1%" in text
        assert "voice-1    12.0%" in text


def test_a_table_of_settings_that_is_too_wide_is_in_parts() -> None:
    parts = compare.table_in_parts(["A", "B", "C"], ["cell", "lr"], [["lstm", "gru", "rnn"], ["0.01", "2", "3"]], 16)
    assert parts.plain.splitlines() == [
        "      A     B  ",
        "cell  lstm  gru",
        "lr    0.01  2  ",
        "",
        "      C  ",
        "cell  rnn",
        "lr    3  ",
    ]
    assert parts.no_wrap
    cut = compare.table_in_parts(["A", "B"], ["corpus", "seed"], [["a-long-name.txt", "b.txt"], ["1", "12345.25"]], 26)
    assert cut.plain.splitlines() == [
        "        A         B       ",
        "corpus  a-long-…  b.txt   ",
        "seed    1         12345.25",
    ]
    assert len(compare.table_in_parts(["A", "B"], ["cell"], [["lstm", "gru"]], 4).plain.splitlines()) == 5
