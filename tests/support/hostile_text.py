"""Strings that a terminal, a markup parser or a layout could obey or fail on."""

from __future__ import annotations

import random

PIECES = (
    "\x1b]0;owned\x07", "\x1b[31m", "\x1b[2J", "\x9b2J", "\x1bP1$r\x1b\\", "\x1b(0",
    "[red]", "[/]", "[bold", "[@click=app.quit]x[/]", "]", "[", "\\[",
    "\u202e", "\u200b", "\u2028", "\ufeff", "\ud800", "\x00", "\x7f", "\r\n", "\n", "\t", "\x85", "\U000e0041",
    "日本語", "\U0001f469\u200d\U0001f467", "e\u0301\u0302\u0303", "\u0301", "\ufdfa", "\U0001d518", "한", "¿",
    "abc", " ", "…", "a" * 300, "\U0001f1e9\U0001f1ea",
)  # fmt: skip


def strings(seed: int, count: int) -> list[str]:
    """Return `count` such strings, the same for one seed."""
    source = random.Random(seed)
    found = []
    for _ in range(count):
        parts = [source.choice(PIECES) for _ in range(source.randint(1, 8))]
        parts += [chr(source.choice((source.randrange(0x20), source.randrange(0x300), source.randrange(0x110000))))]
        found.append("".join(source.sample(parts, len(parts))))
    return found
