"""Text areas that hold any character and draw it safely."""

from __future__ import annotations

import pytest
from support.screens import control_characters, painted
from textual import events
from textual.app import App, ComposeResult
from textual.document._document import Document
from textual.widgets import TextArea

from lstmtui.tui.textual_patches.text_area import MAX_PASTE, SafeTextArea
from lstmtui.tui.widgets.typing_area import TypingArea


class AreaApp(App[None]):
    """One text area."""

    def __init__(self, area: TextArea | None = None) -> None:
        super().__init__()
        self.area = area or TypingArea()

    def compose(self) -> ComposeResult:
        yield self.area


def test_plain_textual_still_splits_lines_at_every_separator_of_unicode() -> None:
    assert Document("one\u2028two\x0bthree").line_count > 1


async def test_plain_textual_still_draws_control_characters() -> None:
    async with AreaApp(TextArea("a\x1b[31mb")).run_test() as pilot:
        await pilot.pause()
        assert control_characters(painted(pilot.app)) != set()


async def test_plain_textual_still_ignores_invisible_characters() -> None:
    assert await typed(TextArea(), "10\u00a0€") == "10€"


async def test_plain_textual_still_raises_when_an_undo_removes_the_scrollbar() -> None:
    with pytest.raises(ValueError, match=r"."):
        await undone(TextArea())


async def test_an_undo_may_remove_the_scrollbar() -> None:
    assert await undone(SafeTextArea()) == ""


async def undone(area: TextArea) -> str:
    """Return the text after a long paste was undone."""
    async with AreaApp(area).run_test(size=(20, 5)) as pilot:
        area.focus()
        pilot.app.post_message(events.Paste("line\n" * 20))
        await pilot.pause()
        area.action_undo()
        await pilot.pause()
        return area.text


async def typed(area: TextArea, text: str) -> str:
    """Return the text after the keys of `text`."""
    async with AreaApp(area).run_test() as pilot:
        area.focus()
        await pilot.pause()
        for character in text:
            area.post_message(events.Key("x", character))
        await pilot.pause()
        return area.text


TEXTS = {
    "Persian": "می\u200cخواهم",
    "Hindi": "क्\u200dष",
    "a family": "👨\u200d👩\u200d👧\u200d👦",
    "soft hyphens": "Donau\u00addampf",
    "marks of direction": "\u200fשלום\u200e \u2067x\u2069 \u202eabc\u202c",
    "spaces": "10\u00a0000\u202f€\u3000\ufeffx",
    "separators": "one\u2028two\u2029three\x85four\x0bfive\x0csix\x1cseven",
    "escapes": "one \x1b[31mtwo\x1b[0m\x07\x9b2J",
    "tabs": "a\tb\n\tc",
    "a long line": "some words of a line " * 1000 + "x" * 5001 + "\nend",
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
async def test_any_text_is_kept_and_drawn_safely(text: str) -> None:
    app = AreaApp()
    async with app.run_test(size=(80, 24)) as pilot:
        area = app.query_one(TypingArea)
        area.focus()
        app.post_message(events.Paste(text))
        await pilot.pause()
        assert area.text == text
        assert area.before == text
        assert control_characters(painted(app)) == set()
        area.action_undo()
        assert area.text == ""
        area.action_redo()
        assert area.text == text
        area.load_text("")
        area.insert_candidate(text.rstrip())
        assert area.text.rstrip() == text.rstrip()
        area.load_text(text)
        assert area.text == text
        area.select_all()
        assert area.selected_text == text
        await pilot.pause()
        assert control_characters(painted(app)) == set()


@pytest.mark.parametrize("text", [TEXTS["Persian"], TEXTS["Hindi"], TEXTS["a family"], TEXTS["spaces"]])
async def test_invisible_characters_can_be_typed(text: str) -> None:
    assert await typed(SafeTextArea(), text) == text


async def test_a_paste_that_is_too_long_is_cut_with_a_message(monkeypatch: pytest.MonkeyPatch) -> None:
    app, told = AreaApp(), list[str]()
    # A notification may be over before a slow machine has drawn so long a text.
    monkeypatch.setattr(app, "notify", lambda message, **_: told.append(message))
    async with app.run_test() as pilot:
        app.post_message(events.Paste("line\n" * 250_000))
        await pilot.pause()
        assert len(app.area.text) == MAX_PASTE
        assert any("too long" in message for message in told)
