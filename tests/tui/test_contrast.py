"""Text can be read: a contrast of 4.5 to 1 at least (WCAG 2.1, level AA), in all themes with colours of their own."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.cells import cell_len
from textual.color import Color
from textual.theme import Theme

from lstmtui.tui.theme import THEMES
from lstmtui.tui.widgets import surprise_text

MIN_CONTRAST = 4.5
OWN = [theme for theme in THEMES if not theme.ansi]
"""The colours of the other one are those of the terminal."""
SECONDARY = 0.6
"""The share of the foreground in text that stands back, such as labels, axes and remarks."""
BEHIND = ("confirm", "corpus", "fork", "help", "manual", "sample", "steer")
"""Dialogs, which dim the screen behind them."""
STORED = sorted((Path(__file__).parent / "snapshots").glob("*.txt"))


def luminance(colour: Color) -> float:
    parts = [part / 255 for part in colour.rgb]
    r, g, b = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def contrast(text: Color, ground: Color) -> float:
    low, high = sorted((luminance(text), luminance(ground)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", OWN, ids=lambda theme: theme.name)
def test_text_of_each_theme_can_be_read_on_each_of_its_grounds(theme: Theme) -> None:
    names = ("primary", "secondary", "accent", "warning", "error", "success")
    for ground in (Color.parse(str(getattr(theme, name))) for name in ("background", "surface", "panel")):
        foreground = Color.parse(str(theme.foreground))
        texts = {name: Color.parse(str(getattr(theme, name))) for name in names}
        texts |= {"foreground": foreground, "text that stands back": ground.blend(foreground, SECONDARY)}
        found = {name: round(contrast(colour, ground), 2) for name, colour in texts.items()}
        assert {name: value for name, value in found.items() if value < MIN_CONTRAST} == {}


@pytest.mark.parametrize("theme", OWN, ids=lambda theme: theme.name)
def test_a_sample_can_be_read_on_each_level_of_surprise(theme: Theme) -> None:
    for style in surprise_text.coloured(dark=theme.dark):
        ink, _, ground = style.rpartition("on ")
        text = theme.background if ink else theme.foreground
        assert contrast(Color.parse(str(text)), Color.parse(ground or str(theme.background))) >= MIN_CONTRAST


def stored_texts(path: Path) -> Iterator[tuple[str, str, str]]:
    """Yield text, foreground and background of each run of one style on a stored screen."""
    height = int(path.stem.rpartition("x")[2])
    lines = path.read_text(encoding="utf-8").split("\n")
    rows = {int(found[1]): found[2].split() for found in map(_STYLES.fullmatch, lines[height:]) if found}
    legend = {found[1]: (found[2], found[3]) for found in map(_LEGEND.fullmatch, lines[height:]) if found}
    runs: list[str] = []
    for number, line in enumerate(lines[:height]):
        runs = rows.get(number, runs)
        cells = [cell for character in line for cell in (character, *[""] * (cell_len(character) - 1))]
        at = 0
        for run in runs:
            count, key = int(run[:-3]), run[-3:]
            yield ("".join(cells[at : at + count]), *legend[key])
            at += count


_STYLES = re.compile(r" *(\d+) ((?:\d+[a-z][a-z0-9]{2} ?)+)")
_LEGEND = re.compile(r"([a-z][a-z0-9]{2}) (\S+) on (\S+).*")


@pytest.mark.parametrize("path", [path for path in STORED if not path.name.startswith(BEHIND)], ids=lambda p: p.stem)
def test_every_text_on_a_screen_can_be_read(path: Path) -> None:
    texts = list(stored_texts(path))
    assert any(re.search("[a-z]{3}", text) for text, *_ in texts)
    faint = {
        text.strip(): round(value, 2)
        for text, foreground, ground in texts
        if re.search(r"[^\W_]", text) and foreground.startswith("#") and ground.startswith("#")
        and (value := contrast(Color.parse(foreground), Color.parse(ground))) < MIN_CONTRAST
    }  # fmt: skip
    assert dict(itertools.islice(faint.items(), 5)) == {}
