"""Paging in a list of options that has no line yet."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from textual.app import App, ComposeResult
from textual.widgets import OptionList

from lstmtui.tui.app import LstmtuiApp
from lstmtui.tui.textual_patches import option_list


class Listed(App[None]):
    """A list that has no room."""

    CSS = "OptionList { height: 0; border: none; }"

    def compose(self) -> ComposeResult:
        yield OptionList("a", "b", "c")


async def test_plain_textual_still_raises_in_a_list_without_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    option_list.apply()
    monkeypatch.setattr(OptionList, "_move_page", OptionList._move_page.__wrapped__)  # type: ignore[attr-defined]
    async with Listed().run_test(size=(20, 5)) as pilot:
        found = pilot.app.query_one(OptionList)
        found.highlighted = 1
        with pytest.raises(KeyError):
            found.action_page_down()


@pytest.mark.parametrize("key", ["pageup", "pagedown"])
async def test_paging_in_a_list_without_a_line_does_nothing(key: str) -> None:
    option_list.apply()
    async with Listed().run_test(size=(20, 5)) as pilot:
        found = pilot.app.query_one(OptionList)
        found.highlighted = 1
        found.focus()
        await pilot.press(key)
        assert found.highlighted == 1
        found.styles.height = 3
        await pilot.pause()
        await pilot.press(key)
        assert found.highlighted == (2 if key == "pagedown" else 0)


@pytest.mark.parametrize("size", [(80, 24), (20, 2), (1, 1)])
async def test_paging_in_the_palette_before_it_is_laid_out(open_app: Callable[..., LstmtuiApp], size: tuple[int, int]):
    async with open_app().run_test(size=size) as pilot:
        pilot.app.action_command_palette()
        await pilot.press("down", "pagedown", "pageup", "pagedown", "escape")
        assert pilot.app.is_running
