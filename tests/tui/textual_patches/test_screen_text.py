"""Screenshots are saved as SVG and as text."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from support.prepared_run import make_run
from support.screens import live_screen

from lstmtui.tui.app import LstmtuiApp
from lstmtui.tui.textual_patches.screen_text import screen_text

Open = Callable[..., LstmtuiApp]


async def test_screenshots_are_saved_as_svg_and_text(tmp_path: Path, open_app: Open, monkeypatch) -> None:
    run = make_run(tmp_path, state="stopped")
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    async with open_app(run).run_test(size=(80, 24)) as pilot:
        await live_screen(pilot)
        app = pilot.app
        assert isinstance(app, LstmtuiApp)
        expected = screen_text(app)
        app.action_picture()
        app.action_text()
    (picture,) = (tmp_path / "here").glob("*.svg")
    (text,) = (tmp_path / "here").glob("*.txt")
    assert "<svg" in picture.read_text()
    assert text.read_text() == expected
    assert "◆" in expected
