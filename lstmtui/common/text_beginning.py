"""A few characters that a text of some kind may begin with: an example to complete, in the text's own script."""

from __future__ import annotations

import unicodedata

from lstmtui.common.terminal_text import safe

MAX_LENGTH = 24
"""Characters of a beginning, at most."""
MAX_UNSPACED_LENGTH = 10
"""Characters of a beginning without a space: Chinese, music, bases of a genome."""
_AWKWARD = frozenset("\"'$`\\!")
"""Characters that a shell has to be guarded against."""


def example_prompt(text: str) -> str:
    """Return the first words of a line in `text`, with the space after them; nothing where no line is fit to be shown.

    A line that needs no quoting is preferred, and one behind the first, which may have been cut.
    """
    first, *others = text.splitlines() or [""]
    lines = [line.strip() for line in (*others, first)]
    usable = [line for line in lines if len(line) > 3 and _fit(line)]
    return _cut(next((line for line in usable if not _AWKWARD & set(line[:MAX_LENGTH])), usable[0])) if usable else ""


def _fit(line: str) -> bool:
    return not line.startswith("-") and safe(line) == line and any(map(str.isalnum, line[:MAX_LENGTH]))


def _cut(line: str) -> str:
    end = line.rfind(" ", 1, MAX_LENGTH) + 1
    if end:
        return line[:end]
    end = min(len(line), MAX_UNSPACED_LENGTH)
    while end < len(line) and unicodedata.category(line[end]).startswith("M"):  # a mark belongs to what it stands on
        end += 1
    return line[:end]
