"""The thread that transcribes."""

from __future__ import annotations

import queue
from pathlib import Path
from typing import Any

import pytest
from support.fake_microphone import FakeMicrophone
from support.fake_transcriber import FakeTranscriber

from lstmtui.errors import UsageError
from lstmtui.tui.workers.model_thread import ModelOpened
from lstmtui.tui.workers.transcription import NowHeard, Order, SegmentHeard, Transcribed, TranscriptionThread


class Asked:
    def __init__(self, microphone: Any = FakeMicrophone) -> None:
        self.messages: queue.Queue[Any] = queue.Queue()
        self.thread = TranscriptionThread(lambda: FakeTranscriber(None), microphone, self.messages.put)
        assert isinstance(self.next(), ModelOpened)

    def next(self) -> Any:
        return self.messages.get(timeout=10)


def test_segments_of_a_file_come_with_their_pictures() -> None:
    asked = Asked()
    asked.thread.ask(Order(3, Path("a.wav")))
    first, second, last = asked.next(), asked.next(), asked.next()
    assert isinstance(first, SegmentHeard)
    assert (first.number, first.passage.segment.text, first.part) == (3, "open it", pytest.approx(2 / 6))
    assert first.passage.heard.start == 0.5
    assert len(first.passage.heard.frames) == 150 * 4
    assert second.passage.segment.text == "now"
    assert (last.seconds, last.problem) == (6.0, "")
    asked.thread.close()


def test_listening_goes_on_until_it_is_stopped() -> None:
    asked = Asked()
    asked.thread.ask(Order(1, None))
    heard = asked.next()
    assert isinstance(heard, NowHeard)
    assert heard.level == heard.peak == pytest.approx(0.5)
    assert len(heard.passage.heard.frames) > 0
    asked.thread.stop()
    while isinstance(message := asked.next(), NowHeard):
        pass
    assert isinstance(message, SegmentHeard)
    assert isinstance(asked.next(), Transcribed)
    asked.thread.close()


def test_no_microphone_is_a_sentence() -> None:
    def none(rate: int) -> Any:
        raise UsageError("No microphone is found on this machine; connect one, or give a file.")

    asked = Asked(none)
    asked.thread.ask(Order(1, None))
    assert asked.next().problem.startswith("No microphone is found")
    asked.thread.ask(Order(2, Path("a.wav")))
    assert asked.next().number == 2
    asked.thread.close()


def test_a_microphone_that_goes_away_is_a_sentence() -> None:
    asked = Asked(lambda rate: FakeMicrophone(rate, blocks=1))
    asked.thread.ask(Order(1, None))
    assert isinstance(asked.next(), NowHeard)
    assert asked.next().problem.startswith("The microphone is gone")
    asked.thread.close()
