"""Keystrokes of references that are typed with help."""

from lstmtui.reports.translation_typing import keystrokes


def test_a_right_suggestion_costs_one_key_a_word():
    found = keystrokes(lambda lines, typed: ["der hund rennt"] * len(lines), ["the dog runs"], ["der hund rennt"])
    assert found == {"characters": 15, "keystrokes": 3, "saved": 0.8}


def test_without_help_each_character_is_typed():
    found = keystrokes(lambda lines, typed: [""] * len(lines), ["a", "b"], ["ein", "zwei x"])
    assert found == {"characters": 11, "keystrokes": 11, "saved": 0.0}


def test_prefixes_are_what_is_typed():
    seen = []

    def translate(lines, typed):
        seen.append(tuple(typed))
        return ["ab cd" if text == "a" else "zz" for text in typed]

    assert keystrokes(translate, ["s"], ["ab cd"])["keystrokes"] == 5
    assert seen == [("",), ("a",), ("ab ",), ("ab c",), ("ab cd",)]
