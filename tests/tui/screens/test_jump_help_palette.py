"""Jump mode, help on the focused part, and the palette."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from support.prepared_run import alive, make_run
from support.screens import SIZES, painted, until
from textual.command import CommandPalette
from textual.pilot import Pilot

from lstmtui.common.files import read_json_lines
from lstmtui.tui.app import LstmtuiApp
from lstmtui.tui.screens.jump import JumpScreen
from lstmtui.tui.screens.live import LiveScreen
from lstmtui.tui.screens.new_run import NewRunScreen
from lstmtui.tui.textual_patches.screen_text import screen_text
from lstmtui.tui.widgets.loss_chart import LossChart

Open = Callable[..., LstmtuiApp]


async def live(pilot: Pilot[None]) -> LiveScreen:
    await until(pilot, lambda: isinstance(pilot.app.screen, LiveScreen) and pilot.app.screen.view is not None)
    await pilot.pause()
    screen = pilot.app.screen
    assert isinstance(screen, LiveScreen)
    return screen


async def test_a_letter_goes_to_its_part(tmp_path: Path, open_app: Open) -> None:
    run = make_run(tmp_path, state="stopped")
    async with open_app(run).run_test(size=(80, 24)) as pilot:
        screen = await live(pilot)
        assert not isinstance(screen.focused, LossChart)
        await pilot.press("ctrl+o")
        await until(pilot, lambda: isinstance(pilot.app.screen, JumpScreen))
        # The letters, and through them what lies below; a slow machine paints it a moment later.
        await until(pilot, lambda: all(sign in painted(pilot.app) for sign in (" a ", "Loss")))
        await pilot.press("a")
        await until(pilot, lambda: isinstance(screen.focused, LossChart))
        await pilot.press("ctrl+o", "ctrl+o")
        await live(pilot)


async def test_a_letter_of_nothing_stays(tmp_path: Path, open_app: Open) -> None:
    async with open_app().run_test(size=(80, 24)) as pilot:
        await pilot.press("n")
        await until(pilot, lambda: isinstance(pilot.app.screen, NewRunScreen))
        await pilot.press("ctrl+o", "m", "1")
        assert isinstance(pilot.app.screen, JumpScreen)
        await pilot.press("f")
        await until(pilot, lambda: pilot.app.focused is not None and pilot.app.focused.id == "cell")


async def test_help_begins_with_the_focused_part(tmp_path: Path, open_app: Open) -> None:
    run = make_run(tmp_path, state="stopped")
    async with open_app(run).run_test(size=(120, 60)) as pilot:
        screen = await live(pilot)
        screen.query_one(LossChart).focus()
        await pilot.press("f1")
        await until(pilot, lambda: "escape closes" in painted(pilot.app))
        text = painted(pilot.app)
        assert text.index("The chart has the focus") < text.index("thin line is training")
        assert text.index("chart.left") < text.index("live.resume")


async def test_help_at_every_size(tmp_path: Path, open_app: Open) -> None:
    run = make_run(tmp_path, state="stopped")
    async with open_app(run).run_test(size=(200, 60)) as pilot:
        await live(pilot)
        await pilot.press("f1")
        await until(pilot, lambda: "escape closes" in painted(pilot.app))
        for size in SIZES:
            await pilot.resize_terminal(*size)
            text = painted(pilot.app)
            assert len(text.splitlines()) == size[1]
            assert "focus" in text or size[0] < 20, size
            assert "thin line is training" in text or size[1] < 24, size


async def test_jumping_at_every_size(tmp_path: Path, open_app: Open) -> None:
    run = make_run(tmp_path, state="stopped")
    async with open_app(run).run_test(size=(200, 60)) as pilot:
        await live(pilot)
        await pilot.press("ctrl+o")
        await until(pilot, lambda: isinstance(pilot.app.screen, JumpScreen))
        for size in SIZES:  # whose letters lie where parts were, and must not be in the way of smaller ones
            await pilot.resize_terminal(*size)
            assert len(painted(pilot.app).splitlines()) == size[1]


async def test_the_palette_finds_actions_by_words(tmp_path: Path, open_app: Open) -> None:
    run = make_run(tmp_path)
    with alive(run):
        async with open_app(run).run_test(size=(80, 24)) as pilot:
            await live(pilot)
            await pilot.press("ctrl+p")
            await until(pilot, lambda: isinstance(pilot.app.screen, CommandPalette))
            await pilot.press(*"checkpoint now")
            await until(pilot, lambda: "Write a checkpoint now (s)" in painted(pilot.app))
            await pilot.press("enter")
            await pilot.pause(0.1)
            if isinstance(pilot.app.screen, CommandPalette):
                await pilot.press("enter")
            await until(pilot, lambda: [r["op"] for r in read_json_lines(run.requests)[0]] == ["save"])


async def test_pictures_of_the_screen(tmp_path: Path, open_app: Open, monkeypatch) -> None:
    run = make_run(tmp_path, state="stopped")
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    async with open_app(run).run_test(size=(80, 24)) as pilot:
        await live(pilot)
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
