"""An example of a prompt: a few characters of a text, in its own script."""

from __future__ import annotations

import unicodedata

from lstmtui.common.terminal_text import safe

MAX_LENGTH = 24
"""Characters of the longest prompt."""
MAX_UNSPACED_LENGTH = 10
"""Characters of the longest prompt without a space: Chinese, music, bases of a genome."""
_AWKWARD = frozenset("\"'$`\\!")
"""Characters that need quoting in a shell."""


def example_prompt(text: str) -> str:
    """Return the first words of a line of `text`, with the space after them; empty where no line is suitable.

    A line without characters that need quoting is preferred, and any line to the first, which may be incomplete.
    """
    first, *others = text.splitlines() or [""]
    lines = [line.strip() for line in (*others, first)]
    usable = [line for line in lines if len(line) > 3 and _is_suitable(line)]
    return _cut(next((line for line in usable if not _AWKWARD & set(line[:MAX_LENGTH])), usable[0])) if usable else ""


def _is_suitable(line: str) -> bool:
    return not line.startswith("-") and safe(line) == line and any(map(str.isalnum, line[:MAX_LENGTH]))


def _cut(line: str) -> str:
    end = line.rfind(" ", 1, MAX_LENGTH) + 1
    if end:
        return line[:end]
    end = min(len(line), MAX_UNSPACED_LENGTH)
    while end < len(line) and unicodedata.category(line[end]).startswith(
        "M"
    ):  # a combining mark belongs to the character before it
        end += 1
    return line[:end]
