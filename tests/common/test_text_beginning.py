import pytest

from lstmtui.common import text_beginning


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("f the cut line\nThe cat sat on the mat and slept.\n", "The cat sat on the mat "),
        ("The cat.", "The "),
        ("天地玄黄\n宇宙洪荒日月盈昃辰宿列张寒来暑往\n", "宇宙洪荒日月盈昃辰宿"),
        ("GATTACA\nACGTACGTACGTACGTACGTACGT\n", "ACGTACGTAC"),
        ("x\n|: G2 A2 B2 c2 | d4 d4 :|\n", "|: G2 A2 B2 c2 | d4 d4 "),
        ('x\n"No," he said.\nNothing to quote here.\n', "Nothing to quote here."[:17]),
        ("x\n'Tis all that is here\n", "'Tis all that is here"[:17]),
        ("x\n- a list of things\nplain line of words\n", "plain line of "),
        ("x\nสวัสดีครับทุกคนที่นี่\n", "สวัสดีครับ"),
        ("x\na\x1b[31mred line\n", ""),
        ("\n\n  \n", ""),
        ("", ""),
    ],
)
def test_the_first_words_of_a_line_without_quoting_are_preferred(text, expected):
    assert text_beginning.example_prompt(text) == expected


def test_a_combining_mark_is_not_cut_off():
    assert text_beginning.example_prompt("x\n" + "e\u0301" * 8)[-1] == "\u0301"
    assert text_beginning.example_prompt("x\n" + "a" * 9 + "e\u0301\u0302bcd") == "a" * 9 + "e\u0301\u0302"
