"""The level of the microphone."""

from __future__ import annotations

import pytest
from support.screens import painted
from textual.app import App, ComposeResult

from lstmtui.tui.widgets.level_meter import LevelMeter, decibels, describe


class Meter(App[None]):
    def compose(self) -> ComposeResult:
        yield LevelMeter()


def test_decibels() -> None:
    assert decibels(1.0) == 0
    assert decibels(0.1) == pytest.approx(-20)
    assert decibels(0.0) == decibels(1e-9) == -60


@pytest.mark.parametrize(
    ("level", "peak", "word"),
    [(0.0, 0.0, "silent"), (0.002, 0.01, "quiet"), (0.1, 0.5, "good"), (0.3, 1.0, "too loud")],
)
def test_a_level_in_words(level: float, peak: float, word: str) -> None:
    assert describe(level, peak)[0] == word


async def test_the_bar_grows_with_the_level() -> None:
    app = Meter()
    async with app.run_test(size=(80, 1)) as pilot:
        bars = []
        for level in (0.0, 0.1, 1.0):
            app.query_one(LevelMeter).level = level
            await pilot.pause()
            bars.append(painted(app).count("█"))
    assert bars == [0, 16, 24]
