"""Documents against an editor of the tests, which makes random edits and counts lines and columns in its own way."""

from __future__ import annotations

import random
import re
from types import SimpleNamespace as Object

import pytest

from lstmtui.editor.document import Document, split_lines

ALPHABET = [
    "a",
    "é",
    "e\u0301",
    "😀",
    "日本",
    "👩‍👩‍👧",
    "\n",
    "\r\n",
    "\r",
    "\f",
    "\u2028",
    "\x85",
    "\t",
    " ",
    "\ud83d",
]
CODECS = {"utf-8": "utf-8", "utf-16": "utf-16-le", "utf-32": "utf-32-le"}
WIDTH = {"utf-8": 1, "utf-16": 2, "utf-32": 4}


def place(text: str, offset: int, encoding: str) -> Object:
    """Return the position of an offset, counted from the whole text."""
    before = text[:offset]
    ends = [found.end() for found in re.finditer("\r\n|\r|\n", text) if found.end() <= offset]
    column = before[ends[-1] if ends else 0 :].encode(CODECS[encoding], "surrogatepass")
    return Object(line=len(ends), character=len(column) // WIDTH[encoding])


def offsets(text: str) -> list[int]:
    """Return the offsets that a position can name: none between the two characters of one line end."""
    return [at for at in range(len(text) + 1) if not (text[:at].endswith("\r") and text[at:].startswith("\n"))]


def change(text: str, start: Object | None = None, end: Object | None = None) -> Object:
    return Object(text=text, range=None if start is None else Object(start=start, end=end))


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8", "utf-32"])
def test_random_edits_never_drift(encoding):
    source = random.Random(7)
    text = "".join(source.choices(ALPHABET, k=60))
    document = Document(text, encoding=encoding)
    for n in range(1500):
        start, end = sorted(source.choices(offsets(text), k=2))
        if source.random() < 0.6:
            end = start
        new = "".join(source.choices(ALPHABET, k=source.choice([0, 1, 1, 3, 12])))
        if len(text) > 400 and source.random() < 0.5:
            end = source.choice([at for at in offsets(text) if at >= start])
        document.apply_change(change(new, place(text, start, encoding), place(text, end, encoding)))
        text = text[:start] + new + text[end:]
        assert document.source == text, n
        at = source.choice(offsets(text))
        assert document.text_before(place(text, at, encoding), 10_000) == text[:at]
        assert document.text_before(place(text, at, encoding), 7) == text[max(0, at - 7) : at]


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("", [""]),
        ("a", ["a"]),
        ("a\n", ["a\n", ""]),
        ("\r\r\n\n", ["\r", "\r\n", "\n", ""]),
        ("a\fb\u2028c\nd", ["a\fb\u2028c\n", "d"]),
    ],
)
def test_lines_end_as_the_protocol_has_it(text, lines):
    assert split_lines(text) == lines


@pytest.mark.parametrize(
    ("line", "character", "before"),
    [
        (0, 0, ""),
        (0, 2, "a"),
        (0, 3, "a😀"),
        (0, 99, "a😀b"),
        (1, 0, "a😀b\n"),
        (9, 9, "a😀b\nc"),
        (-1, 5, ""),
        (0, -2, ""),
    ],
)
def test_a_place_outside_the_text_or_inside_a_character_is_the_nearest_before(line, character, before):
    document = Document("a😀b\nc")
    found = document.text_before(Object(line=line, character=character), 100)
    assert found == ("a😀b" if line < 0 else before)


def test_a_range_that_is_the_wrong_way_round_is_turned():
    document = Document("abcd")
    document.apply_change(change("X", Object(line=0, character=3), Object(line=0, character=1)))
    assert document.source == "aXd"


def test_the_whole_text_can_be_replaced():
    document = Document("a\nb")
    document.apply_change(change("c\r\nd"))
    assert document.source == "c\r\nd"
    assert document.after(Object(line=0, character=0)) == "c"


def test_units():
    assert [Document("", encoding=name).units("a😀é") for name in ("utf-8", "utf-16", "utf-32")] == [7, 4, 3]
