"""Poorer character sets: nothing left that a terminal cannot show, and as many cells as before."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from rich.cells import cell_len
from support.prepared_run import alive, make_run
from support.screens import FakeForecaster, FakeModel, painted, until
from textual.pilot import Pilot

import lstmtui.tui
from lstmtui.tui.app import LstmtuiApp
from lstmtui.tui.charset import CharsetFilter, choose
from lstmtui.tui.preferences import Preferences
from lstmtui.tui.services import Services
from lstmtui.tui.widgets import shades

TEXT = "⠁⡇⣿⠒ ░▒▓█ ╭─┤│ ▁▂█ ▶‖✓■✗◌○◆ é ñ 日本 ☃ ‹…› ½ ×"


@pytest.mark.parametrize("charset", ["braille", "block", "ascii"])
def test_as_wide_as_before(charset: str) -> None:
    plain = CharsetFilter(charset).plain
    for character in TEXT:
        assert cell_len(plain(character)) == cell_len(character), character


def test_what_remains() -> None:
    assert CharsetFilter("braille").enabled is False
    assert CharsetFilter("ascii").plain(TEXT).isascii()
    blocks = CharsetFilter("block").plain(TEXT)
    assert not any(0x2800 <= ord(c) < 0x2900 for c in blocks)
    assert blocks.startswith("▘▌█▀ ░▒▓█ ╭─")


@pytest.mark.parametrize("charset", ["block", "ascii"])
def test_a_curve_has_no_characters_of_values_below_zero(charset: str) -> None:
    plain = CharsetFilter(charset).plain
    drawn = {plain(chr(0x2800 + mask)) for mask in range(256)}
    assert not drawn & set("≡%=·-")


@pytest.mark.parametrize(("charset", "below"), [("braille", "⠂⠒⠶⠿"), ("block", ".:-="), ("ascii", ".:-=")])
async def test_values_below_zero_are_drawn_as_the_terminal_can(charset: str, below: str) -> None:
    app = LstmtuiApp(preferences=Preferences(charset=charset))
    async with app.run_test(size=(80, 24)):
        found = [shades.glyph(value, shades.dots(app.screen)) for value in (-0.1, -0.3, -0.6, -0.9)]
        assert "".join(found) == below
        assert shades.without_braille(app.screen, "dots ⠂⠒⠶⠿ below") == f"dots {below} below"


def test_dots_keep_their_place() -> None:
    ascii_, block = CharsetFilter("ascii").plain, CharsetFilter("block").plain
    assert [ascii_(c) for c in "⠉⣀⡇⢸⡈⢁⣿"] == ['"', "_", "|", "|", "/", "\\", "#"]
    assert [block(c) for c in "⠉⣀⡇⢸⣿⠀"] == ["▀", "▄", "▌", "▐", "█", " "]


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"LANG": "en_US.UTF-8", "TERM": "xterm-256color"}, "braille"),
        ({"LANG": "C.utf8", "TERM": "tmux"}, "braille"),
        ({"LANG": "C", "LC_ALL": "de_DE.UTF-8"}, "braille"),
        ({"LANG": "en_US.UTF-8", "LC_ALL": "C"}, "ascii"),
        ({"TERM": "xterm"}, "ascii"),
        ({"LANG": "en_US.UTF-8", "TERM": "vt100"}, "ascii"),
        ({"LANG": "en_US.UTF-8", "TERM": "linux"}, "block"),
    ],
)
def test_chosen_by_the_terminals_ability(environ: dict[str, str], expected: str) -> None:
    assert choose("auto", environ) == expected
    assert choose("ascii", environ) == "ascii"


async def shown(pilot: Pilot[None]) -> str:
    await until(pilot, lambda: "1,240" in painted(pilot.app))
    await pilot.pause(0.1)
    return painted(pilot.app)


@pytest.mark.parametrize("charset", ["block", "ascii"])
@pytest.mark.parametrize("screen", ["live", "runs", "new", "steer"])
async def test_every_screen_in_every_charset(tmp_path: Path, charset: str, screen: str) -> None:
    run = make_run(tmp_path, samples=("naïve 日本 …",))
    services = Services(
        root=tmp_path, open_model=lambda run: FakeModel(), start=lambda run: None, forecaster=FakeForecaster
    )
    app = LstmtuiApp(
        None if screen in ("runs", "new") else run,
        screen="live",
        services=services,
        preferences=Preferences(charset=charset),
    )
    with alive(run) if screen != "runs" else contextlib.nullcontext():
        async with app.run_test(size=(120, 40)) as pilot:
            await until(pilot, lambda: "diary" in painted(app))
            await pilot.pause(0.2)
            for key in {"new": ["n"], "steer": ["v", "v", "e"], "live": ["v", "v", "l"]}.get(screen, []):
                await pilot.press(key)
            await pilot.pause(0.2)
            text = painted(app)
            if charset == "ascii":
                assert text.isascii(), sorted({c for c in text if not c.isascii()})
            assert not any(0x2800 <= ord(c) < 0x2900 for c in text)


def test_whatever_the_screens_draw_has_a_plain_form() -> None:
    plain = CharsetFilter("ascii").plain
    sources = [path for path in Path(lstmtui.tui.__file__).parent.rglob("*.py") if path.name != "keys.py"]
    assert len(sources) > 30
    drawn = set("".join(path.read_text() for path in sources))
    assert not {character for character in drawn if "?" in plain(character)} - {"?"}
