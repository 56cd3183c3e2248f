"""Recordings and the microphone to text by one model, in a thread."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from textual.message import Message

from lstmtui.client.transcriber import Segment
from lstmtui.errors import LstmtuiError
from lstmtui.tui.services import Microphone, Transcriber
from lstmtui.tui.widgets.speech_picture import Heard
from lstmtui.tui.workers.model_thread import ModelThread

FRAME_SECONDS = 0.01


@dataclass(frozen=True, slots=True)
class Passage:
    """A segment, and what it was read from."""

    segment: Segment
    heard: Heard


class SegmentHeard(Message):
    """A segment of a recording, or of what the microphone gives, is done."""

    def __init__(self, number: int, passage: Passage, part: float | None) -> None:
        super().__init__()
        self.number, self.passage, self.part = number, passage, part


class NowHeard(Message):
    """What the microphone gives at present, and how loud it is, from 0 to 1."""

    def __init__(self, number: int, passage: Passage, level: float, peak: float) -> None:
        super().__init__()
        self.number, self.passage, self.level, self.peak = number, passage, level, peak

    def can_replace(self, message: Message) -> bool:
        return isinstance(message, NowHeard)


class Transcribed(Message):
    """A recording, or listening, has ended; `problem` says why where it failed."""

    def __init__(self, number: int, seconds: float, problem: str = "", *, clipped: bool = False) -> None:
        super().__init__()
        self.number, self.seconds, self.problem, self.clipped = number, seconds, problem, clipped


@dataclass(frozen=True, slots=True)
class Order:
    """What to transcribe: a file, or the microphone where there is none. Its number tells answers apart."""

    number: int
    file: Path | None


class TranscriptionThread(ModelThread[Transcriber, Order]):
    """Transcribes one thing at a time."""

    def __init__(
        self, open_model: Callable[[], Transcriber], open_microphone: Callable[[int], Microphone],
        post: Callable[[Message], object],
    ) -> None:  # fmt: skip
        self._waiting: Order | None = None
        self._listening = False
        self._open_microphone = open_microphone
        super().__init__(open_model, post)

    def ask(self, order: Order) -> None:
        """Request a transcription, in place of one that still waits; listening ends."""
        with self._changed:
            self._waiting, self._listening = order, False
            self._changed.notify()

    def stop(self) -> None:
        """End listening."""
        self._listening = False

    def close(self) -> None:
        """Drop everything and end the model's process; returns at once."""
        self._listening = False
        super().close()

    def _next_task(self) -> Order | None:
        order, self._waiting = self._waiting, None
        self._listening = order is not None and order.file is None
        return order

    def _run_task(self, model: Transcriber, task: Order) -> None:
        try:
            done = self._listen(model, task) if task.file is None else self._read(model, task, task.file)
        except LstmtuiError as error:
            if not getattr(model, "alive", True):
                raise
            self._post_message(Transcribed(task.number, 0.0, str(error)))
            return
        self._post_message(done)

    def _read(self, model: Transcriber, task: Order, file: Path) -> Transcribed:
        part: list[float | None] = [None]
        waiting: list[Segment] = []

        def progress(done: float | None, seconds: float) -> None:
            part[0] = done
            for segment in waiting:
                passage = Passage(segment, Heard(segment.start, segment.frames, segment.posteriors))
                self._post_message(SegmentHeard(task.number, passage, done))
            waiting.clear()

        found = model.transcribe(file, on_segment=waiting.append, on_progress=progress, details=True)
        progress(1.0, found.seconds)
        return Transcribed(task.number, found.seconds, clipped=found.clipped)

    def _listen(self, model: Transcriber, task: Order) -> Transcribed:
        import numpy as np

        seconds, total = 0.0, _Frames(int(model.about["mel"]))
        with self._open_microphone(int(model.about["sample_rate"])) as microphone:
            model.listen(microphone.rate)
            while self._listening:
                data = microphone.read()
                if not data:
                    continue
                samples = np.frombuffer(data, "<i2").astype(np.float32) / 32768
                seconds += len(samples) / microphone.rate
                answer = model.hear(data, details=True)
                total.add(answer.frames)
                self._post_ended(task, answer.segments, total)
                total.present = self._passage(answer.present, answer.posteriors, total)
                level, peak = float(np.sqrt(np.mean(samples**2))), float(np.abs(samples).max())
                self._post_message(NowHeard(task.number, total.present, level, peak))
        answer = model.finish(details=True)
        total.add(answer.frames)
        self._post_ended(task, answer.segments, total)
        return Transcribed(task.number, seconds)

    def _post_ended(self, task: Order, segments: tuple[Segment, ...], total: _Frames) -> None:
        """Post the segments that have ended; their picture is that which was shown last."""
        for segment in segments:
            heard = total.present.heard if total.present is not None else Heard(segment.start)
            self._post_message(SegmentHeard(task.number, Passage(segment, heard), None))

    def _passage(self, present: Segment, posteriors: bytes, total: _Frames) -> Passage:
        return Passage(present, Heard(present.start, total.since(present.start), posteriors))


class _Frames:
    """The last log-mel frames of a stream."""

    def __init__(self, mel: int) -> None:
        self._mel, self._data, self._first = mel, b"", 0
        self.present: Passage | None = None

    def add(self, frames: bytes) -> None:
        """Add frames, a byte each."""
        self._data += frames

    def since(self, start: float) -> bytes:
        """Return the frames from a time on, and forget those before it."""
        behind = max(0, round(start / FRAME_SECONDS) - self._first)
        self._data, self._first = self._data[behind * self._mel :], self._first + behind
        return self._data
