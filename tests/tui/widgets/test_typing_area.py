from __future__ import annotations

import pytest
from support.screens import control_characters, painted
from textual import events
from textual.app import App, ComposeResult

from lstmtui.tui.widgets.fields import Entry
from lstmtui.tui.widgets.typing_area import LONGEST_PASTE, TypingArea


class _Alone(App[None]):
    said = ""

    def compose(self) -> ComposeResult:
        yield TypingArea()
        yield Entry("")

    def show_message(self, message: str, *, error: bool = False) -> None:
        self.said = message


@pytest.mark.parametrize(
    ("before", "taken", "typed", "text"),
    [
        ("a ", "word", ".", "a word."),
        ("a ", "word", "x", "a word x"),
        ("", "हिन्दी", "म", "हिन्दी म"),
        ("हिन्", "दी", "।", "हिन्दी।"),
        ("द", "ी", "म", "दी म"),  # the vowel sign alone is no letter
        ("", "کتاب", "؟", "کتاب؟"),
        ("你", "好", "。", "你好。"),
        ("你", "好", "x", "你好x"),
        ("สวัส", "ดี", "ค", "สวัสดีค"),
        ("“a ", "word", "”", "“a word”"),
        ("a ", "word", "…", "a word…"),
        ("« a ", "word", "»", "« a word»"),
        ("a ", "word", "—", "a word —"),
        ("a ", "word.", "x", "a word.x"),
    ],
)
async def test_a_candidate_brings_the_space_of_its_script(before: str, taken: str, typed: str, text: str) -> None:
    app = _Alone()
    async with app.run_test() as pilot:
        area = app.query_one(TypingArea)
        area.insert(before)
        area.take(taken)
        area.focus()
        await pilot.pause()
        area.post_message(events.Key("x", typed))
        await pilot.pause()
        assert area.text == text


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
async def test_text_is_kept_as_it_comes_and_drawn_safely(text: str) -> None:
    app = _Alone()
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
        area.take(text.rstrip())
        assert area.text.rstrip() == text.rstrip()
        area.load_text(text)
        assert area.text == text
        area.select_all()
        assert area.selected_text == text
        await pilot.pause()
        assert control_characters(painted(app)) == set()


@pytest.mark.parametrize("text", [TEXTS["Persian"], TEXTS["Hindi"], TEXTS["a family"], TEXTS["spaces"]])
async def test_invisible_characters_can_be_typed(text: str) -> None:
    app = _Alone()
    async with app.run_test() as pilot:
        area, entry = app.query_one(TypingArea), app.query_one(Entry)
        for widget in (area, entry):
            widget.focus()
            await pilot.pause()
            for character in text:
                widget.post_message(events.Key("x", character))
            await pilot.pause()
        assert area.text == text
        assert entry.value == text


async def test_a_line_to_type_into_keeps_what_it_holds_and_draws_it_safely() -> None:
    app = _Alone()
    async with app.run_test(size=(80, 24)) as pilot:
        entry = app.query_one(Entry)
        entry.value = "می\u200c \x1b[31m\u202e\n"
        await pilot.pause()
        assert entry.value == "می\u200c \x1b[31m\u202e\n"
        assert control_characters(painted(app)) == set()
        assert "می\u200c ␛[31m" in painted(app)


async def test_a_paste_that_is_too_long_is_cut_and_that_is_said() -> None:
    app = _Alone()
    async with app.run_test() as pilot:
        area = app.query_one(TypingArea)
        app.post_message(events.Paste("line\n" * 250_000))
        await pilot.pause()
        assert len(area.text) == LONGEST_PASTE
        assert "too long" in app.said


async def test_saved_keys_are_those_of_what_still_stands() -> None:
    app = _Alone()
    async with app.run_test() as pilot:
        area = app.query_one(TypingArea)
        area.focus()
        area.insert("a")
        area.take("ction is\ncalled")
        assert area.text == "action is\ncalled "
        assert area.typed.keys_saved == len("ction is") + len("called ") - 1
        await pilot.press("backspace", "backspace")
        assert area.typed.keys_saved == len("ction is") + len("calle") - 1
        area.move_cursor((0, 4))
        await pilot.press("enter", "x")  # typed into the middle of it
        assert area.text == "acti\nxon is\ncalle"
        assert area.typed.keys_saved == len("ction is") + len("calle") - 1
        area.move_cursor(area.document.end)
        area.take("r")  # and its space
        assert area.typed.keys_saved == len("ction is") + len("calle") - 1 + len("r ") - 1
        area.delete((0, 0), (1, 3))
        assert area.text == " is\ncaller "
        area.clear()
        assert area.typed.keys_saved == 0
        area.action_undo()
        assert area.typed.keys_saved <= len(area.text)
