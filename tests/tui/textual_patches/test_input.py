"""Lines to type into that hold any character and draw it safely."""

from __future__ import annotations

import pytest
from support.screens import control_characters, painted
from textual import events
from textual.app import App, ComposeResult
from textual.widgets import Input

from lstmtui.tui.textual_patches.input import SafeInput
from lstmtui.tui.textual_patches.invisible_characters import is_invisible

UNSAFE = "می\u200c \x1b[31m\u202e\n"


class Line(App[None]):
    """One line to type into."""

    def __init__(self, kind: type[Input], value: str = "") -> None:
        super().__init__()
        self.kind, self.value = kind, value

    def compose(self) -> ComposeResult:
        yield self.kind(self.value)


async def typed(kind: type[Input], text: str) -> str:
    """Return what is in the line after the keys of `text`."""
    async with Line(kind).run_test() as pilot:
        line = pilot.app.query_one(Input)
        line.focus()
        await pilot.pause()
        for character in text:
            line.post_message(events.Key("x", character))
        await pilot.pause()
        return line.value


async def test_plain_textual_still_draws_control_characters() -> None:
    async with Line(Input, UNSAFE).run_test() as pilot:
        await pilot.pause()
        assert control_characters(painted(pilot.app)) != set()


async def test_plain_textual_still_ignores_invisible_characters() -> None:
    assert await typed(Input, "10\u00a0€") == "10€"


@pytest.mark.parametrize("text", ["می\u200cخواهم", "क्\u200dष", "👨\u200d👩\u200d👧\u200d👦", "10\u00a0000\u202f€"])
async def test_invisible_characters_can_be_typed(text: str) -> None:
    assert await typed(SafeInput, text) == text


async def test_any_value_is_kept_and_drawn_safely() -> None:
    async with Line(SafeInput, UNSAFE).run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        assert pilot.app.query_one(SafeInput).value == UNSAFE
        assert control_characters(painted(pilot.app)) == set()
        assert "می\u200c ␛[31m" in painted(pilot.app)


@pytest.mark.parametrize(
    ("character", "invisible"), [("\u200d", True), ("\u00a0", True), ("a", False), ("\x1b", False)]
)
def test_invisible_characters_belong_to_a_text_and_control_characters_do_not(character: str, invisible: bool) -> None:
    assert is_invisible(character) is invisible
