from __future__ import annotations

import pytest
from textual import events
from textual.app import App, ComposeResult

from lstmtui.tui.widgets.typing_area import TypingArea


class TypingApp(App[None]):
    """A typing area and nothing else."""

    def compose(self) -> ComposeResult:
        yield TypingArea()


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
    app = TypingApp()
    async with app.run_test() as pilot:
        area = app.query_one(TypingArea)
        area.insert(before)
        area.insert_candidate(taken)
        area.focus()
        await pilot.pause()
        area.post_message(events.Key("x", typed))
        await pilot.pause()
        assert area.text == text


async def test_saved_keys_are_those_of_what_still_stands() -> None:
    app = TypingApp()
    async with app.run_test() as pilot:
        area = app.query_one(TypingArea)
        area.focus()
        area.insert("a")
        area.insert_candidate("ction is\ncalled")
        assert area.text == "action is\ncalled "
        assert area.typed.keys_saved == len("ction is") + len("called ") - 1
        await pilot.press("backspace", "backspace")
        assert area.typed.keys_saved == len("ction is") + len("calle") - 1
        area.move_cursor((0, 4))
        await pilot.press("enter", "x")  # typed into the middle of it
        assert area.text == "acti\nxon is\ncalle"
        assert area.typed.keys_saved == len("ction is") + len("calle") - 1
        area.move_cursor(area.document.end)
        area.insert_candidate("r")  # and its space
        assert area.typed.keys_saved == len("ction is") + len("calle") - 1 + len("r ") - 1
        area.delete((0, 0), (1, 3))
        assert area.text == " is\ncaller "
        area.clear()
        assert area.typed.keys_saved == 0
        area.action_undo()
        assert area.typed.keys_saved <= len(area.text)
