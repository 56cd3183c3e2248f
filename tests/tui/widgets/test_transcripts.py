"""Transcripts on a screen."""

from __future__ import annotations

import pytest
from support.screens import painted
from textual.app import App, ComposeResult

from lstmtui.runs.snapshot import Sample
from lstmtui.tui.widgets.panels import SamplePanel

TEXT = "reference   two nine\ntranscript  too nine\n\nreference   five\ntranscript  five"


class Samples(App[None]):
    def compose(self) -> ComposeResult:
        yield SamplePanel()


@pytest.mark.parametrize("of_speech", [True, False])
async def test_samples_of_speech_have_marked_errors(of_speech: bool) -> None:
    app = Samples()
    async with app.run_test(size=(40, 8)) as pilot:
        panel = app.query_one(SamplePanel)
        panel.purpose = "speech" if of_speech else "text"
        panel.samples = (Sample(step=1, temperature=0.0, prompt="", text=TEXT),)
        await pilot.pause()
        lines = [line.rstrip() for line in painted(app).splitlines()]
        marked = ["✗ said   two nine", "  heard  too nine", "         ~~~", "✓ heard  five"]
        assert lines[:4] == (marked if of_speech else ["reference   two nine", *TEXT.splitlines()[1:4]])


async def test_another_text_of_a_speech_run_is_shown_as_it_is() -> None:
    app = Samples()
    async with app.run_test(size=(40, 8)) as pilot:
        panel = app.query_one(SamplePanel)
        panel.purpose = "speech"
        panel.samples = (Sample(step=1, temperature=0.0, prompt="", text="no\n\nsuch"),)
        await pilot.pause()
        assert painted(app).startswith("no ")
