"""Captions of words and their times."""

from lstmtui.client.transcriber import Word
from lstmtui.reports.subtitles import LINE_CHARACTERS, captions, srt


def spoken(texts, *, seconds=0.3, gap=0.1):
    """Return words one after the other."""
    return [Word(text, n * (seconds + gap), n * (seconds + gap) + seconds, 1.0) for n, text in enumerate(texts)]


def test_words_stand_together_until_a_pause():
    words = [Word("open", 1.0, 1.4, 1.0), Word("it", 1.5, 2.2, 1.0), Word("now", 3.1, 4.5, 1.0)]
    assert [(one.start, one.end, one.text) for one in captions(words)] == [(1.0, 2.2, "open it"), (3.1, 4.5, "now")]


def test_a_short_caption_stays_until_the_next_one_but_a_second_at_most():
    words = [Word("a", 0.0, 0.1, 1.0), Word("b", 0.95, 1.0, 1.0), Word("c", 9.0, 9.1, 1.0)]
    assert [one.end for one in captions(words)] == [0.95, 1.95, 10.0]


def test_a_caption_has_at_most_two_lines_and_seven_seconds():
    found = captions(spoken(["wonderful"] * 40))
    assert all(len(line) <= LINE_CHARACTERS + 9 for one in found for line in one.text.split("\n"))
    assert {one.text.count("\n") for one in found} <= {0, 1}
    assert all(one.end - one.start <= 7 for one in found)
    assert sum(one.text.split().count("wonderful") for one in found) == 40
    slow = captions(spoken(["one"] * 10, seconds=2.0))
    assert max(one.end - one.start for one in slow) <= 7


def test_the_form_is_subrip():
    words = [Word("late", 3599.9996, 3725.25, 1.0)]
    assert srt(captions(words), 7) == "7\n01:00:00,000 --> 01:02:05,250\nlate\n\n"
    assert srt(captions([])) == ""
