"""The alignment of a translation as lines of text: a row for each target token, a column for each source token."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

SHADES, PLAIN_SHADES = " ░▒▓█", " .:+#"
MAX_LABEL = 16
"""Characters of a token's name."""
CELL = 2
"""Columns of a cell."""


class Alignment(NamedTuple):
    """What each target token has read of each source token."""

    source: Sequence[str]
    target: Sequence[str]
    weights: Sequence[Sequence[float]]
    """(target, source), between 0 and 1."""


def picture(
    alignment: Alignment, width: int = 80, *, max_header: int = MAX_LABEL, max_label: int = MAX_LABEL,
    cell: int = CELL, plain: bool = False,
) -> list[str]:  # fmt: skip
    """Return the picture, in blocks side by side as wide as `width`; a long source continues in the next block.

    max_header  characters of the names of source tokens, which stand on end above their columns
    max_label   characters of the names of target tokens
    cell        columns of a weight
    plain       ASCII characters alone
    """
    labels = [name(token, max_label, plain=plain) for token in alignment.target]
    indent = max(map(len, labels), default=0) + 1
    columns = max(1, (width - indent) // cell)
    lines: list[str] = []
    for first in range(0, len(alignment.source), columns):
        chosen = slice(first, first + columns)
        names = [name(token, max_header, plain=plain) for token in alignment.source[chosen]]
        lines += [*([""] if lines else []), *_header(names, indent, cell)]
        for label, weights in zip(labels, alignment.weights, strict=True):
            cells = "".join(shade(weight, plain=plain) * cell for weight in weights[chosen])
            lines.append(f"{label:>{indent - 1}} {cells}".rstrip())
    return lines


def _header(names: Sequence[str], indent: int, cell: int) -> list[str]:
    """Return the names from top to bottom, each ending above its column."""
    height = max(map(len, names))
    rows = zip(*(one.rjust(height) for one in names), strict=True)
    return [(" " * indent + "".join(f"{letter:<{cell}}" for letter in row)).rstrip() for row in rows]


def shade(weight: float, *, plain: bool = False) -> str:
    """Return the character of a weight between 0 and 1."""
    shades = PLAIN_SHADES if plain else SHADES
    return shades[min(len(shades) - 1, int(weight * len(shades)))]


def name(token: str, length: int = MAX_LABEL, *, plain: bool = False) -> str:
    """Return how a token is named: without spaces around it, on one line, and cut where it is long."""
    shown = "".join(letter if letter.isprintable() else "?" for letter in token.strip()) or "_"
    if plain:
        shown = "".join(letter if letter.isascii() else "?" for letter in shown)
    if length == 1:
        return shown[:1]
    return shown if len(shown) <= length else f"{shown[: length - 1]}{'.' if plain else '…'}"


def tokens_read(weights: Sequence[Sequence[float]]) -> float:
    """Return how many source tokens a target token reads, from 1 to all: exp of the mean entropy of the rows."""
    entropies = [-sum(weight * math.log(weight) for weight in row if weight > 0) for row in weights]
    return math.exp(sum(entropies) / max(1, len(entropies)))
