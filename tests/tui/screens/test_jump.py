"""Jump mode."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from support.prepared_run import make_run
from support.screens import SIZES, live_screen, painted, until

from lstmtui.tui.app import LstmtuiApp
from lstmtui.tui.screens.jump import JumpScreen
from lstmtui.tui.screens.new_run import NewRunScreen
from lstmtui.tui.widgets.loss_chart import LossChart

Open = Callable[..., LstmtuiApp]


async def test_a_letter_focuses_its_part(tmp_path: Path, open_app: Open) -> None:
    run = make_run(tmp_path, state="stopped")
    async with open_app(run).run_test(size=(80, 24)) as pilot:
        screen = await live_screen(pilot)
        assert not isinstance(screen.focused, LossChart)
        await pilot.press("ctrl+o")
        await until(pilot, lambda: isinstance(pilot.app.screen, JumpScreen))
        # The letters, and through them what lies below; a slow machine paints it a moment later.
        await until(pilot, lambda: all(sign in painted(pilot.app) for sign in (" a ", "Loss")))
        await pilot.press("a")
        await until(pilot, lambda: isinstance(screen.focused, LossChart))
        await pilot.press("ctrl+o", "ctrl+o")
        await live_screen(pilot)


async def test_an_unused_letter_changes_nothing(tmp_path: Path, open_app: Open) -> None:
    async with open_app().run_test(size=(80, 24)) as pilot:
        await pilot.press("n")
        await until(pilot, lambda: isinstance(pilot.app.screen, NewRunScreen))
        await pilot.press("ctrl+o", "m", "1")
        assert isinstance(pilot.app.screen, JumpScreen)
        await pilot.press("f")
        await until(pilot, lambda: pilot.app.focused is not None and pilot.app.focused.id == "cell")


async def test_jump_mode_fits_every_size(tmp_path: Path, open_app: Open) -> None:
    run = make_run(tmp_path, state="stopped")
    async with open_app(run).run_test(size=(200, 60)) as pilot:
        await live_screen(pilot)
        await pilot.press("ctrl+o")
        await until(pilot, lambda: isinstance(pilot.app.screen, JumpScreen))
        for size in SIZES:  # whose letters lie where parts were, and must not be in the way of smaller ones
            await pilot.resize_terminal(*size)
            assert len(painted(pilot.app).splitlines()) == size[1]
