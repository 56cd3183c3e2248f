"""One table of keys: a key means the same on every screen, and the manual has the table."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest
from support.prepared_run import alive, make_run
from support.screens import live_screen, painted, until
from textual.binding import Binding
from textual.dom import DOMNode

from lstmtui import manual
from lstmtui.tui import app, keys, screens, widgets
from lstmtui.tui.app import LstmtuiApp
from lstmtui.tui.keys import ENTRIES, IN_A_FORM, KEYS, MOVE, OWN_MEANING, RUN
from lstmtui.tui.widgets.key_bar import KeyBar

Open = Callable[..., LstmtuiApp]
UNBOUND = {"enter", "escape", "tab"} | {
    key for entry in KEYS.values() if entry.group == MOVE for key in entry.keys.split(",")
}
"""Keys that a control may bind by itself: they move in it, choose in it and leave it."""
STOPPING = ("stop",)


def modules() -> Iterator[ModuleType]:
    yield app
    for package in (screens, widgets):
        for found in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
            yield importlib.import_module(found.name)


def bindings() -> Iterator[tuple[str, Binding]]:
    """Yield every binding of every screen and control of ours, with the name of its class."""
    for module in modules():
        for owner in vars(module).values():
            if isinstance(owner, type) and issubclass(owner, DOMNode) and owner.__module__ == module.__name__:
                for binding in owner.__dict__.get("BINDINGS", ()):
                    assert isinstance(binding, Binding)
                    yield owner.__name__, binding


def test_a_key_has_one_meaning_in_the_table() -> None:
    found: dict[str, str] = {}
    for name, entry in KEYS.items():
        if entry.group not in OWN_MEANING and name not in ("accept",):
            for key in entry.keys.split(","):
                assert found.setdefault(key, name) == name, key


def test_every_binding_of_every_screen_is_of_the_table() -> None:
    walked = list(bindings())
    assert len({owner for owner, _ in walked}) > 20
    for owner, binding in walked:
        pressed = set(binding.key.split(","))
        if (entry := ENTRIES.get(binding.id or "")) is not None:
            assert pressed <= set(KEYS[entry].keys.split(",")), (owner, binding)
        else:
            assert pressed <= UNBOUND, (owner, binding)


def test_no_plain_key_stops_a_run() -> None:
    for name in STOPPING:
        assert not [key for key in KEYS[name].keys.split(",") if keys.is_character(key)]
    assert any(ENTRIES.get(binding.id or "") == "stop" for _, binding in bindings())


def test_a_key_where_text_is_typed_is_no_character() -> None:
    assert keys.bind("pause", "pause", "Pause", "test.pause", "Pause", typing=True).key == "ctrl+t"
    del ENTRIES["test.pause"]


def test_the_manual_has_the_table() -> None:
    section = keys.manual_section()
    assert section in manual.read("watching")
    assert f"| **{RUN}** | |" in section
    assert f"| **{IN_A_FORM}** | |" in section


@pytest.mark.parametrize("width", [80, 120, 200])
async def test_the_last_line_is_filled_and_ends_with_the_palette_and_the_help(
    tmp_path: Path, open_app: Open, width: int
) -> None:
    with alive(make_run(tmp_path)) as run:
        async with open_app(run).run_test(size=(width, 24)) as pilot:
            await live_screen(pilot)
            bar = pilot.app.screen.query_one(KeyBar)
            labels = [shown.label for shown in bar.shown(width)]
            assert labels[-3:] == ["Runs", "Commands", "Help"]
            assert labels[:2] == ["Pause", "Steer"]
            used = sum(shown.width + 2 for shown in bar.shown(width))
            assert used <= width + 2
            assert used > width - 20 or width == 200


async def test_a_click_on_a_key_presses_it(tmp_path: Path, open_app: Open) -> None:
    make_run(tmp_path, state="stopped")
    async with open_app().run_test(size=(120, 30)) as pilot:
        await until(pilot, lambda: bool(pilot.app.screen.query(KeyBar)))
        bar = pilot.app.screen.query_one(KeyBar)
        await until(pilot, lambda: bool(bar._places))
        at = next(at for at, shown in bar._places if shown.label == "Commands")
        await pilot.click(KeyBar, offset=(at + 1, 0))
        await until(pilot, lambda: type(pilot.app.screen).__name__ == "Palette")


@pytest.mark.parametrize(
    ("state", "key", "reason"),
    [
        ("stopped", "space", "does not train now; r resumes it."),
        ("finished", "e", "does not train now."),
        ("finished", "r", "has finished; 'lstmtui resume"),
    ],
)
async def test_a_key_that_does_not_apply_says_why(
    tmp_path: Path, open_app: Open, state: str, key: str, reason: str
) -> None:
    async with open_app(make_run(tmp_path, state=state)).run_test(size=(80, 24)) as pilot:
        await live_screen(pilot)
        await pilot.press(key)
        await until(pilot, lambda: any(reason in n.message for n in pilot.app._notifications))
        assert len(pilot.app._notifications) == 1


async def test_keys_of_an_empty_list_say_why(open_app: Open) -> None:
    async with open_app().run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: pilot.app.screen.has_class("-first"))
        await pilot.press("d")
        await until(
            pilot, lambda: [n.message for n in pilot.app._notifications] == ["There are no runs yet; n makes one."]
        )


async def test_a_dialog_has_the_palette_and_the_help_too(tmp_path: Path, open_app: Open) -> None:
    with alive(make_run(tmp_path)) as run:
        async with open_app(run).run_test(size=(100, 30)) as pilot:
            await live_screen(pilot)
            await pilot.press("e")
            await until(pilot, lambda: type(pilot.app.screen).__name__ == "SteerScreen")
            labels = [shown.label for shown in pilot.app.screen.query_one(KeyBar).shown(100)]
            assert labels == ["Undo", "Pause", "Save", "Best", "Stop", "Back", "Commands", "Help"]
            await pilot.press("f1")
            await until(pilot, lambda: "steer.undo" in painted(pilot.app))
            await pilot.press("f1")
            await until(pilot, lambda: type(pilot.app.screen).__name__ == "ManualScreen")
