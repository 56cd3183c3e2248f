from __future__ import annotations

from lstmtui.tui.widgets.typing_area import LONGEST_LINE, broken


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
