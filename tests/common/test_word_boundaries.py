"""Words, their places and their spaces, in scripts with and without spaces."""

from __future__ import annotations

import itertools
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lstmtui.common import word_boundaries as wb
from lstmtui.common.word_boundaries import CharKind

TEXTS = {
    "The cat's mat—don’t “go” … now": ["The", "cat's", "mat", "don’t", "go", "now"],
    "L'été naïf: «mot»\u00a0fin": ["L'été", "naïf", "mot", "fin"],
    "n\u0303o x_y 3.14": ["n\u0303o", "x_y", "3", "14"],
    "你好，世界。HTTP服务器": ["你", "好", "世", "界", "HTTP", "服", "务", "器"],
    "コンピュータとか。": ["コ", "ン", "ピ", "ュ", "ー", "タ", "と", "か"],
    "กินข้าวที่ร้าน": ["กิ", "น", "ข้", "า", "ว", "ที่", "ร้", "า", "น"],
    "ខ្ញុំ ລາວ": ["ខ្", "ញុំ", "ລ", "າ", "ວ"],
    "हिन्दी में लिखें।": ["हिन्दी", "में", "लिखें"],
    "می‌خواهم، کتاب؟": ["می‌خواهم", "کتاب"],
    "한국어 문장.": ["한국어", "문장"],
    "ok 🙂👍 col·lecció": ["ok", "🙂", "👍", "col·lecció"],
}


@pytest.mark.parametrize("text", TEXTS)
def test_words_are_those_of_the_script(text):
    data = text.encode()
    assert [word.decode() for word in wb.words_and_line_ends(data)] == TEXTS[text]
    assert [data[low:high].decode() for low, high in wb.word_spans(data)] == TEXTS[text]


@pytest.mark.parametrize(
    ("text", "begun"),
    [
        ("I’", "I’"), ("the mat—", ""), ("“Hel", "Hel"), ("go…", ""), ("«mo", "mo"), ("a\u00a0b", "b"), ("你好", ""),
        ("用HT", "HT"), ("กิ", ""), ("हिन्दी में लि", "लि"), ("می‌خو", "می‌خو"), ("naï", "naï"), ("", ""), ("x 🙂", ""),
    ],
)  # fmt: skip
def test_the_partial_word_ends_at_punctuation_of_any_script(text, begun):
    assert wb.partial_word(text.encode()).decode() == begun


def test_spaces_follow_the_script():
    spaced = ["word", "été", "हिन्दी", "में", "کتاب", "می‌خواهم", "한국어", "שלום", "don’t", "xy\u0301", "12"]
    close = ["你", "か", "タ", "ー", "ไทย", "ที่", "ລາວ", "ខ្ញុំ", "။", "。", "word.", "mat—", "”", "", " "]
    assert [text for text in spaced if not wb.takes_space_after(text)] == []
    assert [text for text in close if wb.takes_space_after(text)] == []


def test_closing_punctuation_is_that_of_every_script():
    assert "".join(c for c in "…—”»«“。、，！)।؟¿」「-—(’" if wb.is_closing_punctuation(c)) == "…”»。、，！)।؟」’"


def test_incomplete_characters_have_a_kind():
    assert wb.first_kind("—".encode()[:2]) is CharKind.OTHER
    assert wb.first_kind("中".encode()[:1]) is CharKind.UNIT
    assert wb.first_kind("é".encode()[1:]) is CharKind.PART
    assert wb.first_kind("é".encode()[:1]) is CharKind.WORD


def test_the_unspaced_fraction_counts_letters():
    assert wb.unspaced_fraction("plain text, 1984") == 0
    assert wb.unspaced_fraction("中文，文字。") == 1
    assert wb.unspaced_fraction("中文 ab") == 0.5
    assert wb.unspaced_fraction("हिन्दी में") == 0


@given(st.binary(max_size=60) | st.text(max_size=40).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_all_functions_agree_on_the_words_of_any_bytes(data):
    places = wb.word_spans(data)
    assert [data[low:high] for low, high in places] == [w for w in wb.words_and_line_ends(data) if w != b"\n"]
    assert [word for _, _, word in wb.word_and_line_spans(data)] == wb.words_and_line_ends(data)
    assert wb.has_word(data) == bool(places)
    assert data.endswith(wb.partial_word(data))
    assert all(stop <= start for (_, stop), (start, _) in itertools.pairwise(places))


@given(st.text(alphabet="ab' -—é中กิหि\u0301\u200d。\n", max_size=30))
def test_kinds_decide_where_words_continue(text):
    data = text.encode()
    starts = {low for low, _ in wb.word_spans(data)}
    inside = {at for low, high in wb.word_spans(data) for at in range(low + 1, high)}
    for at in range(1, len(data)):
        before, first = wb.last_kind(data[:at]), wb.first_kind(data[at:])
        if first is CharKind.PART or at in starts:
            continue
        assert wb.continues_word(before, first) == (at in inside or first is CharKind.EXTEND)


def test_ascii_text_loads_no_library():
    program = (
        "import sys; from lstmtui.common import word_boundaries as wb; "
        "wb.word_spans(b'a b'); wb.partial_word(b'a b'); wb.takes_space_after('a'); "
        "wb.is_closing_punctuation('.'); wb.char_kind('a'); "
        "sys.exit('regex' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
