"""How the screens look and what keys they have, from options, environment and configuration."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

import pytest
from support.prepared_run import alive, make_run
from support.screens import painted, until
from textual.binding import Binding
from textual.command import CommandPalette

from lstmtui import config
from lstmtui.common.files import read_json_lines
from lstmtui.errors import UsageError
from lstmtui.tui import preferences
from lstmtui.tui.app import LstmtuiApp
from lstmtui.tui.preferences import Preferences
from lstmtui.tui.screens.live import LiveScreen
from lstmtui.tui.screens.new_run import NewRunScreen
from lstmtui.tui.screens.runs import RunsScreen
from lstmtui.tui.services import Services
from lstmtui.tui.theme import THEMES

Open = Callable[..., LstmtuiApp]


@pytest.fixture
def user_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "config.toml"
    monkeypatch.setenv("LSTMTUI_CONFIG", str(path))
    path.write_text("")
    return path


def test_options_come_before_environment_before_configuration(user_file: Path) -> None:
    user_file.write_text('hidden = 64\n[screens]\ntheme = "a"\ncharset = "block"\n[screens.keys]\n"live.pause" = "p"\n')
    found = preferences.load(environ={})
    assert (found.theme, found.charset, found.keys) == ("a", "block", {"live.pause": "p"})
    found = preferences.load(charset="ascii", environ={"LSTMTUI_THEME": "b", "LSTMTUI_CHARSET": "braille"})
    assert (found.theme, found.charset) == ("b", "ascii")


def test_the_settings_of_runs_stay_apart(user_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    user_file.write_text('hidden = 64\n[screens]\ntheme = "a"\n')
    monkeypatch.setenv("LSTMTUI_THEME", "b")
    assert config.resolve({}, user_file=config.user_file()).hidden == 64


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("screens = 3", "must be a table"),
        ("[screens]\ncolour = 1", "unknown setting screens.colour"),
        ("[screens]\ntheme = 1", "screens.theme must be a text"),
        ('[screens]\ncharset = "sixel"', "braille, block, ascii"),
        ('[screens]\nkeys = ["p"]', "must name keys"),
        ('[screens.keys]\n"live.pause" = ""', "must name keys"),
        ("[screens", "not valid TOML"),
    ],
)
def test_what_cannot_be_is_refused(user_file: Path, text: str, said: str) -> None:
    user_file.write_text(text)
    with pytest.raises(UsageError, match=said):
        preferences.load(environ={})


def test_an_unknown_theme_is_refused_with_the_nearest() -> None:
    with pytest.raises(UsageError, match="did you mean 'lstmtui-light'"):
        preferences.check_choice("theme", "lstmtui-lihgt", [theme.name for theme in THEMES])


@pytest.mark.parametrize("theme", [theme.name for theme in THEMES])
async def test_every_theme(tmp_path: Path, services: Services, theme: str) -> None:
    run = make_run(tmp_path, state="stopped")
    app = LstmtuiApp(run, screen="live", services=services, preferences=Preferences(theme=theme, charset="braille"))
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: "1,240" in painted(app))
        assert app.theme == theme
        await pilot.press("v", "v", "v", "v", "f1", "escape", "escape")
        await until(pilot, lambda: isinstance(app.screen, RunsScreen) and "diary" in painted(app))


async def test_keys_can_be_moved(tmp_path: Path, services: Services) -> None:
    run = make_run(tmp_path)
    liked = Preferences(charset="braille", keys={"live.save": "f9,S"})
    with alive(run):
        async with LstmtuiApp(run, screen="live", services=services, preferences=liked).run_test(
            size=(80, 24)
        ) as pilot:
            await until(pilot, lambda: "1,240" in painted(pilot.app))
            await pilot.press("s")
            await pilot.pause(0.1)
            assert not run.requests.exists()
            await pilot.press("f9")
            await until(pilot, lambda: [r["op"] for r in read_json_lines(run.requests)[0]] == ["save"])


def test_each_binding_has_a_name_of_its_own() -> None:
    """Else one entry of the configuration would move two."""
    bindings = [
        binding
        for binding in itertools.chain(*(kind.BINDINGS for kind in (LstmtuiApp, RunsScreen, LiveScreen, NewRunScreen)))
        if isinstance(binding, Binding)
    ]
    names = [binding.id for binding in bindings]
    assert None not in names
    assert len(names) == len(set(names))


@pytest.mark.parametrize(
    ("text", "becomes"),
    [
        ("", '[screens]\ntheme = "b"\n'),
        ("hidden = 64  # mine", 'hidden = 64  # mine\n\n[screens]\ntheme = "b"\n'),
        ("[screens] # look\n\n[x]\ntheme = 'c'\n", "[screens] # look\ntheme = \"b\"\n\n[x]\ntheme = 'c'\n"),
        (
            "# top\n[screens]\ncharset = 'block'\n  theme='a'   # dark\n[screens.keys]\nx = 'y'",
            "# top\n[screens]\ncharset = 'block'\n  theme=\"b\"   # dark\n[screens.keys]\nx = 'y'",
        ),
        ("[screens.keys]\nx = 'y'\n", "[screens.keys]\nx = 'y'\n\n[screens]\ntheme = \"b\"\n"),
    ],
)
def test_a_theme_is_kept_and_nothing_else_changed(user_file: Path, text: str, becomes: str) -> None:
    user_file.write_text(text)
    assert preferences.save("theme", "b") == user_file.resolve()
    assert user_file.read_text() == becomes


@pytest.mark.parametrize("text", ["screens = {theme = 'a'}\n", "screens.theme = 'a'\n", "[screens\n"])
def test_a_file_that_one_line_cannot_change_is_left_alone(user_file: Path, text: str) -> None:
    user_file.write_text(text)
    with pytest.raises(UsageError, match="saved"):
        preferences.save("theme", "b")
    assert user_file.read_text() == text


async def test_a_theme_chosen_in_the_palette_is_there_the_next_time(user_file: Path, services: Services) -> None:
    link = user_file.with_name("link.toml")
    user_file.rename(link)
    user_file.symlink_to(link)
    async with LstmtuiApp(services=services).run_test(size=(80, 24)) as pilot:
        pilot.app.action_change_theme()
        await until(pilot, lambda: isinstance(pilot.app.screen, CommandPalette))
        await pilot.press(*"lstmtui-light")
        await until(pilot, lambda: "lstmtui-light" in painted(pilot.app) and "nord" not in painted(pilot.app))
        await pilot.press("enter")
        await pilot.pause(0.1)
        if isinstance(pilot.app.screen, CommandPalette):
            await pilot.press("enter")
        await until(pilot, lambda: pilot.app.theme == "lstmtui-light")
        await until(pilot, lambda: any("saved in" in n.message for n in pilot.app._notifications))
    assert user_file.is_symlink()
    assert preferences.load(environ={}).theme == "lstmtui-light"
