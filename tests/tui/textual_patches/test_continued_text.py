"""Text areas whose rows continue in grey."""

from __future__ import annotations

from support.screens import painted
from textual.app import App, ComposeResult
from textual.widgets import TextArea

from lstmtui.tui.textual_patches.continued_text import ContinuedTextArea

LONG = "one two three four five six seven eight nine ten eleven twelve"


class AreaApp(App[None]):
    """One text area."""

    def __init__(self, area: TextArea) -> None:
        super().__init__()
        self.area = area

    def compose(self) -> ComposeResult:
        yield self.area


async def test_plain_textual_still_cuts_a_suggestion_at_the_edge() -> None:
    area = TextArea("", compact=True)
    async with AreaApp(area).run_test(size=(20, 8)) as pilot:
        area.suggestion = LONG
        await pilot.pause()
        assert "twelve" not in painted(pilot.app)


async def test_continuations_are_wrapped_with_the_text() -> None:
    area = ContinuedTextArea("zero\nnext", compact=True)
    async with AreaApp(area).run_test(size=(20, 12)) as pilot:
        area.continuations = (f" {LONG}", "", "more")
        await pilot.pause()
        rows = [row.strip() for row in painted(pilot.app).splitlines() if row.strip()]
        assert rows[0] == "zero one two"
        assert rows[-2:] == ["next", "more"]
        assert " ".join(rows[:-2]) == f"zero {LONG}"
        assert area.virtual_size.height == len(rows)


async def test_the_cursor_stays_in_the_text() -> None:
    area = ContinuedTextArea("zero\nnext", compact=True)
    async with AreaApp(area).run_test(size=(20, 12)) as pilot:
        area.continuations = (f" {LONG}", " one", "more")
        for keys, location in (
            (("end",), (0, 4)), (("down",), (1, 4)), (("down",), (1, 4)), (("right",), (1, 4)), (("up",), (0, 4)),
            (("right",), (1, 0)), (("left",), (0, 4)), (("pagedown",), (1, 0)), (("home", "enter"), (2, 0)),
        ):  # fmt: skip
            await pilot.press(*keys)
            assert area.cursor_location == location, keys
        assert area.text == "zero\n\nnext"
        await pilot.press("ctrl+z")
        assert area.text == "zero\nnext"
        await pilot.click(area, offset=(3, 9))
        assert area.cursor_location[0] == 1


async def test_rows_may_come_and_go() -> None:
    area = ContinuedTextArea("", compact=True)
    async with AreaApp(area).run_test(size=(20, 12)) as pilot:
        area.continuations = (LONG, LONG, "last")
        await pilot.press("a", "enter", "b", "enter", "c", "enter", "d")
        area.continuations = area.continuations
        await pilot.pause()
        assert area.text == "a\nb\nc\nd"
        area.load_text("")
        area.continuations = ("\x1b[31m", "x")
        await pilot.pause()
        assert area.virtual_size.height == 2
        assert "\x1b" not in painted(pilot.app)
