"""Only changed cells are written, and a terminal that receives them shows what it would show otherwise."""

from __future__ import annotations

import random
import re

import pytest
from rich.cells import cell_len
from rich.color import ColorSystem
from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from textual._compositor import ChopsUpdate, LayoutUpdate
from textual.geometry import Region, Size
from textual.strip import Strip

from lstmtui.tui.textual_patches.changed_cells import ChangedCells, DrawnCells

STYLES = [
    None,
    *map(
        Style.parse,
        ("bold", "red", "#102030 on #405060", "on #405060", "underline", "reverse blue", "bold red on color(9)"),
    ),
]
CONSOLE = Console(color_system="truecolor", force_terminal=True)
SEQUENCE = re.compile(r"\x1b\[([\d;]*)([HCm])|\x1b\]8;[^;]*;([^\x1b]*)\x1b\\|(\n)|(.)", re.DOTALL)


class Screen:
    """As much of a terminal as is needed: moves, SGR, links, and characters of one and two cells."""

    def __init__(self, width: int, height: int) -> None:
        self.cells = [[(" ", "")] * width for _ in range(height)]
        self._x = self._y = 0
        self._style: dict[str, str] = {}

    def feed(self, text: str) -> None:
        for parameters, command, link, line_end, character in SEQUENCE.findall(text):
            if command == "H":
                self._y, self._x = (int(n) - 1 for n in parameters.split(";"))
            elif command == "C":
                self._x += int(parameters or 1)
            elif command == "m":
                self._sgr(parameters)
            elif line_end:
                self._x, self._y = 0, self._y + 1
            elif character:
                self._put(character)
            else:
                self._style["link"] = link

    def _sgr(self, parameters: str) -> None:
        codes = parameters.split(";")
        while codes:
            code = codes.pop(0)
            if code in ("", "0"):
                self._style = {"link": self._style.get("link", "")}
            elif code in ("38", "48"):
                count = 2 if codes[0] == "5" else 4
                self._style[code] = ";".join(codes[:count])
                del codes[:count]
            elif code in ("39", "49"):
                self._style.pop("38" if code == "39" else "48", None)
            elif int(code) in (*range(30, 38), *range(90, 98)):
                self._style["38"] = code
            elif int(code) in (*range(40, 48), *range(100, 108)):
                self._style["48"] = code
            else:
                self._style["attributes"] = self._style.get("attributes", "") + f"{code},"

    def _put(self, character: str) -> None:
        style = dict(self._style)
        if character == " " and not {"4", "7"} & set(style.get("attributes", "").split(",")):
            style = {"48": style["48"]} if "48" in style else {}  # nothing else is seen of a blank
        shown = str(sorted((name, value) for name, value in style.items() if value))
        row = self.cells[self._y]
        size = cell_len(character)
        row[self._x : self._x + size] = [(character, shown), *[("", "")] * (size - 1)]
        self._x += size


def strip(source: random.Random, width: int, letters: str) -> Strip:
    pieces, left = [], width
    while left > 0:
        text = "".join(source.choices(letters, k=min(left, source.randint(1, 7))))
        while cell_len(text) > left:
            text = text[:-1] or " "
        pieces.append(Segment(text, source.choice(STYLES)))
        left -= cell_len(text)
    return Strip(pieces, width)


@pytest.mark.parametrize("letters", ["ab ", "ab 漢é⣿", "ab🔎"])
def test_a_terminal_shows_the_same_as_with_every_line_written(letters: str) -> None:
    source, width, height = random.Random(letters), 24, 6
    ours, textuals, drawn = Screen(width, height), Screen(width, height), DrawnCells()
    halves = [[strip(source, 10, letters), strip(source, width - 10, letters)] for _ in range(height)]
    layout = LayoutUpdate(halves, Region(0, 0, width, height))
    for turn in range(60):
        update: LayoutUpdate | ChopsUpdate = layout
        if turn:
            chops = [{0: strip(source, 10, letters), 10: strip(source, width - 10, letters)} for _ in range(height)]
            rows = source.sample(range(height), 2)
            spans = [(y, *source.choice([(0, 10), (10, width), (0, width)])) for y in sorted(rows)]
            update = ChopsUpdate(chops, spans, [[10, width]] * height)
        new, old = (u.render_segments(CONSOLE) for u in (ChangedCells(update, Size(width, height), drawn), update))
        ours.feed(new)
        textuals.feed(old)
        assert ours.cells == textuals.cells


def row(text: str, style: str = "#102030 on #405060") -> LayoutUpdate:
    return LayoutUpdate([[Strip([Segment(text, Style.parse(style))])]], Region(0, 0, len(text), 1))


def write(drawn: DrawnCells, update: LayoutUpdate) -> str:
    return ChangedCells(update, Size(update.region.width, 1), drawn).render_segments(CONSOLE)


def test_one_digit_of_a_clock_is_one_cell() -> None:
    drawn = DrawnCells()
    write(drawn, row("last heartbeat 1 s ago"))
    assert write(drawn, row("last heartbeat 1 s ago")) == ""
    assert write(drawn, row("last heartbeat 2 s ago")) == "\x1b[1;16H\x1b[38;2;16;32;48;48;2;64;80;96m2\x1b[m"


def test_plain_textual_still_writes_a_line_that_has_not_changed() -> None:
    assert row("as before").render_segments(CONSOLE) == row("as before").render_segments(CONSOLE) != ""


def test_everything_is_written_again_after_forgetting_and_in_another_size() -> None:
    drawn = DrawnCells()
    first = write(drawn, row("words"))
    drawn.forget()
    assert write(drawn, row("words")) == first
    assert "words more" in write(drawn, row("words more"))


def test_a_style_is_written_only_where_it_changes() -> None:
    cells = Strip([Segment(c, Style.parse("#102030 on #405060")) for c in "abc d"])
    spans = iter([(0, 0, cells)])
    assert (
        DrawnCells().write(spans, 5, 1, ColorSystem.TRUECOLOR)
        == "\x1b[1;1H\x1b[38;2;16;32;48;48;2;64;80;96mabc d\x1b[m"
    )


def test_after_a_character_of_unsure_width_the_next_says_its_place() -> None:
    drawn = DrawnCells()
    assert write(drawn, wide("🔎 words")) == "\x1b[1;1H🔎\x1b[1;3H words"
    assert write(drawn, wide("🔎 wordy")) == "\x1b[1;8Hy"
    assert write(drawn, wide("ab words")) == "\x1b[1;1Hab\x1b[5Cs"


def wide(text: str) -> LayoutUpdate:
    return LayoutUpdate([[Strip([Segment(text)])]], Region(0, 0, 8, 1))
