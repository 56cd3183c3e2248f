"""Where Textual itself raises on a key that a person may press: the least that keeps the screens up.

Each guard says what Textual does and where, and has a test that fails without it; it goes when Textual mends it.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from textual.widgets import OptionList


def page_only_what_is_laid_out() -> None:
    """Let page up and page down do nothing in a list of options that has no line yet.

    `OptionList._move_page` looks the line of the highlighted option up without asking whether there is one (Textual
    8.2.8, widgets/_option_list.py). There is none before the first layout, or where a small terminal leaves the list no
    row: KeyError. The palette's list is one of Textual's own, so a subclass of ours would not do.
    """
    if getattr(OptionList, "_lstmtui_guarded", False):
        return
    move_page = OptionList._move_page

    def guarded(self: OptionList, direction: Any) -> None:
        with suppress(KeyError, IndexError):
            move_page(self, direction)

    OptionList._move_page = guarded  # type: ignore[method-assign]
    OptionList._lstmtui_guarded = True  # type: ignore[attr-defined]
