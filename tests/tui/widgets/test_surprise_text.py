"""Samples coloured by surprise."""

from __future__ import annotations

import pytest
from support.screens import painted
from textual.app import App, ComposeResult

from lstmtui.reports.surprise import WITHOUT_COLOURS
from lstmtui.runs.snapshot import Sample
from lstmtui.tui.widgets import surprise_text
from lstmtui.tui.widgets.panels import SamplePanel

SAMPLE = Sample(
    step=7, temperature=0.8, prompt="A", text="the cat?", copied=(2, 4), usual=3.0,
    surprise=((3, 0.5), (1, 1.0), (1, 4.0), (2, 6.5), (1, 2.9)),
)  # fmt: skip
OLD = Sample(step=7, temperature=0.8, prompt="A", text="the cat?")


def spans(sample: Sample) -> list[tuple[str, str]]:
    content = surprise_text.content(sample, ("0", "1", "2", "3"))
    return [(content.plain[span.start : span.end], str(span.style)) for span in content.spans]


def test_each_token_has_the_style_of_its_bits_and_the_copied_passage_is_underlined() -> None:
    assert spans(SAMPLE) == [
        ("A", "bold"), ("th", "0"), ("e", "0 underline"), (" ", "1 underline"), ("c", "2 underline"),
        ("a", "3 underline"), ("t", "3"), ("?", "1"),
    ]  # fmt: skip


def test_an_older_sample_is_plain() -> None:
    assert surprise_text.content(OLD, ("0", "1", "2", "3")).plain == "Athe cat?"
    assert spans(OLD)[1:] == []
    assert surprise_text.legend(OLD, WITHOUT_COLOURS).plain == ""
    assert surprise_text.copied_words(OLD) == ""


class Samples(App[None]):
    def compose(self) -> ComposeResult:
        panel = SamplePanel()
        panel.styles.border = ("round", "white")
        yield panel


@pytest.mark.parametrize(
    ("width", "bottom"), [(60, " <1  1–3  3–6  >6  bits  temperature 0.8 "), (40, " <1  1–3  3–6  >6  bits ")]
)
async def test_the_panel_has_a_legend_and_says_in_words_what_is_copied(width: int, bottom: str) -> None:
    app = Samples()
    async with app.run_test(size=(width, 10)) as pilot:
        app.query_one(SamplePanel).samples = (SAMPLE,)
        await pilot.pause()
        screen = painted(app)
        assert bottom in screen.splitlines()[-1]
        assert "Underlined: the longest passage of" in screen
        app.query_one(SamplePanel).samples = (OLD,)
        await pilot.pause()
        assert "Underlined" not in painted(app)
        assert "bits" not in painted(app)
