"""Panels of the live screen: shown by number, sized by key and by mouse, and kept."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from support.prepared_run import make_run
from support.screens import live_screen, painted, until
from textual.pilot import Pilot

from lstmtui.tui import preferences
from lstmtui.tui.app import LstmtuiApp
from lstmtui.tui.screens.live import LiveScreen

Open = Callable[..., LstmtuiApp]


@pytest.fixture
def user_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "config.toml"
    monkeypatch.setenv("LSTMTUI_CONFIG", str(path))
    path.write_text("")
    return path


def width(screen: LiveScreen, panel: str) -> int:
    return screen.query_one(f"#{panel}").region.width


def height(screen: LiveScreen, panel: str) -> int:
    return screen.query_one(f"#{panel}").region.height


async def waited(pilot: Pilot[None], condition: Callable[[], bool]) -> None:
    await pilot.pause()
    await until(pilot, condition)


async def test_numbers_show_and_hide_panels_and_the_rest_fills_the_screen(
    tmp_path: Path, open_app: Open, user_file: Path
) -> None:
    run = make_run(tmp_path, state="stopped")
    async with open_app(run).run_test(size=(120, 40)) as pilot:
        screen = await live_screen(pilot)
        assert 0 < width(screen, "loss") < 70
        await pilot.press("4", "3")
        await waited(pilot, lambda: width(screen, "loss") == 120)
        await pilot.press("2")
        await waited(pilot, lambda: height(screen, "loss") > 30)
        await pilot.press("1")
        await until(pilot, lambda: any("last panel stays" in n.message for n in pilot.app._notifications))
        assert "Loss" in painted(pilot.app)
        await until(pilot, lambda: preferences.load(environ={}).layout.hidden == {2, 3, 4})
        await pilot.press("equals_sign")
        await waited(pilot, lambda: width(screen, "loss") < 70 and "Gates by" in painted(pilot.app))
        await until(pilot, lambda: preferences.load(environ={}).layout.hidden == frozenset())


async def test_keys_move_borders_and_the_next_start_has_them(tmp_path: Path, open_app: Open, user_file: Path) -> None:
    run = make_run(tmp_path, state="stopped")
    async with open_app(run).run_test(size=(120, 40)) as pilot:
        screen = await live_screen(pilot)
        before = width(screen, "loss"), height(screen, "sample")
        await pilot.press("ctrl+right", "ctrl+right")
        await waited(pilot, lambda: width(screen, "loss") >= before[0] + 10)
        await pilot.press("ctrl+down")  # the sample has the focus
        await waited(pilot, lambda: height(screen, "sample") > before[1])
        after = width(screen, "loss"), height(screen, "sample")
        await until(pilot, lambda: set(preferences.load(environ={}).layout.shares) == {"panels", "lower"})
    app = LstmtuiApp(run, screen="live", services=pilot.app.services, preferences=preferences.load(environ={}))
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await live_screen(pilot)
        await waited(pilot, lambda: (width(screen, "loss"), height(screen, "sample")) == after)


async def test_the_mouse_drags_a_border(tmp_path: Path, open_app: Open, user_file: Path) -> None:
    run = make_run(tmp_path, state="stopped")
    async with open_app(run).run_test(size=(120, 40)) as pilot:
        screen = await live_screen(pilot)
        border = screen.query_one("#upper").region.right
        await pilot.mouse_down(offset=(border, 20))
        await pilot.hover(offset=(border - 20, 20))
        await pilot.mouse_up(offset=(border - 20, 20))
        await waited(pilot, lambda: abs(screen.query_one("#upper").region.right - (border - 20)) <= 2)
        await until(pilot, lambda: "panels" in preferences.load(environ={}).layout.shares)


async def test_three_columns_where_there_is_room(tmp_path: Path, open_app: Open) -> None:
    run = make_run(tmp_path, state="stopped")
    async with open_app(run).run_test(size=(200, 60)) as pilot:
        screen = await live_screen(pilot)
        await waited(pilot, lambda: screen.has_class("-huge") and screen.query_one("#numbers").region.x > 60)
        lefts = [screen.query_one(f"#{name}").region.x for name in ("loss", "numbers", "sample", "gates")]
        assert lefts == sorted(lefts)
        assert lefts[2] == lefts[3]
        assert "evaluated at step" in painted(pilot.app)


async def test_a_panel_without_room_says_so(tmp_path: Path, open_app: Open, user_file: Path) -> None:
    run = make_run(tmp_path, state="stopped")
    async with open_app(run).run_test(size=(50, 24)) as pilot:
        await live_screen(pilot)
        await pilot.press("2", "2")
        await until(pilot, lambda: any("need a larger screen" in n.message for n in pilot.app._notifications))
