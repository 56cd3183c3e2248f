"""The log-mel picture and the posteriors below it."""

from __future__ import annotations

import numpy as np
import pytest
from support.fake_transcriber import SEGMENTS, FakeTranscriber, detailed
from support.screens import painted
from textual.app import App, ComposeResult

from lstmtui.tui.widgets.speech_picture import Heard, Scale, SpeechPicture, contrast, pooled


class Picture(App[None]):
    charset = "braille"

    def compose(self) -> ComposeResult:
        yield SpeechPicture()


def heard() -> tuple[Heard, Scale]:
    segment, about = detailed(SEGMENTS[0]), FakeTranscriber.about
    return Heard(0.5, segment.frames, segment.posteriors), Scale(tuple(about["labels"]), 4, about["step_seconds"])


async def shown(size: tuple[int, int], charset: str = "braille", **changes: object) -> list[str]:
    app = Picture()
    app.charset = charset
    async with app.run_test(size=size) as pilot:
        widget = app.query_one(SpeechPicture)
        widget.heard, widget.scale = heard()
        for name, value in changes.items():
            setattr(widget, name, value)
        await pilot.pause()
        return [line.rstrip() for line in painted(app).splitlines()]


async def test_labels_stand_below_the_picture_at_the_same_times() -> None:
    lines = await shown((60, 14))
    names = [line[:5].strip() for line in lines]
    assert names[:4] == ["high", "low", "heard", "o"]
    assert lines[0].count("▀") == 54
    assert "open" in lines[2]
    assert "it" in lines[2]
    assert lines[2].index("o") == lines[3].index("█")
    assert lines[-1] == "" or "s" in lines[-1]


async def test_without_colours_loudness_is_a_shade() -> None:
    lines = await shown((60, 14), charset="ascii")
    assert "▀" not in lines[0]
    assert lines[1].rstrip()[-1] == "█"  # the loudest comes last, in the lowest band


async def test_nothing_is_a_sentence() -> None:
    assert (await shown((60, 14), heard=Heard(), empty_text="Nothing yet."))[0] == " Nothing yet."


@pytest.mark.parametrize("size", [(1, 1), (5, 3), (20, 5), (200, 60)])
async def test_every_size_has_a_picture(size: tuple[int, int]) -> None:
    await shown(size)
    await shown(size, heard=Heard(0.0, b"\x01\x02\x03", b"\x01"))


def test_pooling_keeps_the_mean() -> None:
    frames = np.arange(24, dtype=np.uint8).reshape(6, 4)
    assert pooled(frames, 1, 1).tolist() == [[11.5]]
    assert pooled(frames, 3, 2)[0].tolist() == [2.5, 4.5]
    assert pooled(frames, 12, 8).shape == (12, 8)


def test_silence_is_not_drawn_as_speech() -> None:
    assert contrast(np.array([10.0, 12.0, 14.0])).max() < 0.1
    assert contrast(np.array([0.0, 128.0, 255.0])).max() == pytest.approx(1, abs=0.01)
