"""Page up and page down in a list of options that has no line yet.

`OptionList._move_page` of Textual 8.2.8 (widgets/_option_list.py) looks up the line of the highlighted option without
checking that there is one. Before the first layout, or in a terminal too small for the list, there is none: KeyError.
The palette's list is one of Textual's own, so the method is replaced rather than overridden.
"""

from __future__ import annotations

from contextlib import suppress
from functools import wraps
from typing import Any

from textual.widgets import OptionList

PRIVATE_NAMES = ("textual.widgets:OptionList._move_page",)


def apply() -> None:
    """Let page up and page down do nothing in a list that is not laid out."""
    move_page = OptionList._move_page
    if hasattr(move_page, "__wrapped__"):
        return

    @wraps(move_page)
    def move_page_if_laid_out(self: OptionList, direction: Any) -> None:
        with suppress(KeyError, IndexError):
            move_page(self, direction)

    OptionList._move_page = move_page_if_laid_out  # type: ignore[method-assign]
