"""The list of passages."""

from __future__ import annotations

from support.fake_transcriber import SEGMENTS
from support.screens import painted
from textual.app import App, ComposeResult

from lstmtui.client.transcriber import Segment, Word
from lstmtui.tui.widgets.passages import PassageList, lines


class Passages(App[None]):
    def compose(self) -> ComposeResult:
        yield PassageList()


def plain(segment: Segment, width: int, *, chosen: bool) -> list[str]:
    return [line.plain.rstrip() for line in lines(segment, width, chosen=chosen)]


def test_a_chosen_passage_has_its_words_with_times_and_confidence() -> None:
    assert plain(SEGMENTS[0], 60, chosen=False) == ["   0.50 s   open it"]
    words = "   open 0.50–0.90 98%   it 1.00–1.25 75%"
    assert plain(SEGMENTS[0], 60, chosen=True) == ["▸  0.50 s   open it", words]


def test_long_lines_are_broken_between_words() -> None:
    assert plain(SEGMENTS[0], 24, chosen=True)[1:] == ["   open 0.50–0.90 98%", "   it 1.00–1.25 75%"]
    long = Segment(0, 9, "one two three four five six", ())
    assert plain(long, 26, chosen=False) == ["   0.00 s   one two three", "            four five six"]


def test_an_unsure_word_has_a_question_mark() -> None:
    unsure = Segment(0, 1, "now", (Word("now", 0.0, 1.0, 0.3),))
    assert plain(unsure, 60, chosen=True)[1] == "   now? 0.00–1.00 30%"
    assert plain(Segment(0, 1, "", ()), 60, chosen=True) == ["▸  0.00 s   (nothing)"]


async def test_passages_come_and_go() -> None:
    app = Passages()
    async with app.run_test(size=(60, 8)) as pilot:
        listed = app.query_one(PassageList)
        listed.say("None yet.")
        await pilot.pause()
        assert "None yet." in painted(app)
        listed.show(list(SEGMENTS), 1)
        await pilot.pause()
        assert [line.split() for line in painted(app).splitlines()[:2]] == [
            ["0.50", "s", "open", "it"], ["▸", "4.00", "s", "now"]
        ]  # fmt: skip
        listed.show([SEGMENTS[1]], 0)
        await pilot.pause()
        assert painted(app).splitlines()[0].split() == ["▸", "4.00", "s", "now"]
        assert "open" not in painted(app)
        listed.clear()
        await pilot.pause()
        assert "None yet." in painted(app)
