"""Captions of some pictures while a model trains."""

from __future__ import annotations

import numpy as np
import pytest
from textual.app import App, ComposeResult

from lstmtui.runs.snapshot import Sample
from lstmtui.tui.textual_patches.screen_text import screen_text
from lstmtui.tui.widgets.panels import SamplePanel
from lstmtui.tui.widgets.picture_samples import CaptionSample, caption_samples

TEXT = "\n\n".join(
    f"picture      {name}.png\ncaption      {caption}\nreference    a {name}"
    for name, caption in (("cat", "a cat"), ("dog", "a cat on a very long mat"), ("cow", ""))
)


class Samples(App[None]):
    charset = "braille"

    def compose(self) -> ComposeResult:
        yield SamplePanel()


def test_samples_are_read_from_their_text() -> None:
    assert caption_samples(TEXT)[1] == CaptionSample("dog.png", "a cat on a very long mat", "a dog")
    assert caption_samples("reference   a\ntranscript  b") == ()
    assert caption_samples("") == ()


@pytest.mark.parametrize("size", [(80, 20), (24, 20), (5, 4)])
async def test_pictures_stand_above_what_is_said_of_them(size: tuple[int, int]) -> None:
    app = Samples()
    async with app.run_test(size=size) as pilot:
        panel = app.query_one(SamplePanel)
        panel.purpose, panel.samples = "captions", (Sample(step=7, temperature=0.0, prompt="", text=TEXT),)
        panel.pictures = np.zeros((3, 8, 8, 3), np.uint8)
        await pilot.pause()
        shown = screen_text(app)
        if size == (80, 20):
            first = next(n for n, line in enumerate(shown.splitlines()) if "✓ a cat" in line)
            assert "▀" * 20 in shown.splitlines()[first - 1]
            assert "(nothing)" in shown.splitlines()[first]
            assert "a cat on a very long" in shown
            assert "a dog" in shown
            assert shown.count("a cow") == 1
        panel.pictures = None
        await pilot.pause()
        assert "▀" not in screen_text(app)


async def test_another_text_is_shown_as_it_is() -> None:
    app = Samples()
    async with app.run_test(size=(80, 20)) as pilot:
        panel = app.query_one(SamplePanel)
        panel.purpose, panel.samples = (
            "captions",
            (Sample(step=7, temperature=0.0, prompt="", text="no samples at all"),),
        )
        await pilot.pause()
        assert "no samples at all" in screen_text(app)
