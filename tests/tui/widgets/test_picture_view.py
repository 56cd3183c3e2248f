"""A picture in the terminal, with and without colours."""

from __future__ import annotations

import numpy as np
import pytest
from support.styled_screen import styled_screen
from textual.app import App, ComposeResult

from lstmtui.tui.textual_patches.screen_text import screen_text
from lstmtui.tui.widgets.picture_view import PictureView


class Pictures(App[None]):
    charset = "braille"

    def compose(self) -> ComposeResult:
        yield PictureView()


def half_red() -> np.ndarray:
    found = np.full((8, 8, 3), 255, np.uint8)
    found[:, :4] = (255, 0, 0)
    return found


async def test_it_is_drawn_in_the_middle_in_its_colours() -> None:
    app = Pictures()
    async with app.run_test(size=(20, 6)) as pilot:
        view = app.query_one(PictureView)
        view.empty_text = "no picture"
        await pilot.pause()
        assert "no picture" in screen_text(app)
        view.pixels = half_red()
        await pilot.pause()
        assert [line.strip() for line in screen_text(app).splitlines()] == ["▀" * 12] * 6
        assert screen_text(app).splitlines()[0].index("▀") == 4
        assert "#ff0000 on #ff0000" in styled_screen(app)
        view.attention = [[0.0, 1.0]]
        await pilot.pause()
        assert "#ff0000 on #ff0000" not in styled_screen(app)  # the red half was not looked at
        assert "#ffffff on #ffffff" in styled_screen(app)


@pytest.mark.parametrize("charset", ["block", "ascii"])
async def test_without_colours_it_is_shades_of_ink(charset: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    app = Pictures()
    app.charset = charset
    async with app.run_test(size=(20, 6)) as pilot:
        app.query_one(PictureView).pixels = half_red()
        await pilot.pause()
        drawn = screen_text(app).splitlines()[0].strip()
        assert drawn == ("▓" * 6 if charset == "block" else ":" * 6) or drawn == (
            "▓" * 6 if charset == "block" else "+" * 6
        )
