from __future__ import annotations

import pytest
from textual import events
from textual.app import App, ComposeResult

from lstmtui.tui.widgets.typing_area import LONGEST_LINE, TypingArea, broken


def test_long_lines_are_broken_at_spaces_and_nothing_is_lost() -> None:
    words = "some words of a line " * 1000
    text = f"short\n{words}\n{'x' * 5001}\n\nend"
    shown = broken(text)
    assert all(len(line) <= LONGEST_LINE for line in shown.split("\n"))
    assert shown.replace("\n", "").replace(" ", "") == text.replace("\n", "").replace(" ", "")
    assert shown.startswith("short\nsome words")
    assert shown.endswith("x\n\nend")
    assert all(line.startswith(("some", "words", "of", "a", "line")) for line in shown.split("\n")[1:10])
    assert broken("a b\nc\n") == "a b\nc\n"


class _Alone(App[None]):
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
