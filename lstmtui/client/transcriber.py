"""Ask a trained recogniser of speech, which lives in a process of its own.

with Transcriber(run) as transcriber:        # python -m lstmtui.engine.services.transcribe RUN_FOLDER
    transcriber.transcribe("a.wav").text
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lstmtui.client.process import LoadedRun, progress_to


@dataclass(frozen=True, slots=True)
class Word:
    """A word that was heard."""

    text: str
    start: float
    """In seconds from the beginning of the recording."""
    end: float
    confidence: float
    """From 0 to 1."""


@dataclass(frozen=True, slots=True)
class Segment:
    """What was heard in a part of a recording."""

    start: float
    end: float
    """In seconds from the beginning of the recording."""
    text: str
    words: tuple[Word, ...]
    frames: bytes = b""
    """With details: its log-mel frames (n, mel), a byte each, 255 the loudest."""
    posteriors: bytes = b""
    """With details: the probability of each label at each step (T, V), a byte each."""


@dataclass(frozen=True, slots=True)
class Transcript:
    """What was heard in a recording."""

    seconds: float
    """Of the recording."""
    segments: tuple[Segment, ...]
    clipped: bool = False
    """Whether it is overdriven: many of its samples are at the highest level."""

    @property
    def text(self) -> str:
        """All that was heard, with spaces between segments."""
        return " ".join(segment.text for segment in self.segments)

    @property
    def words(self) -> tuple[Word, ...]:
        """The words of all segments."""
        return tuple(word for segment in self.segments for word in segment.words)


@dataclass(frozen=True, slots=True)
class Heard:
    """What some samples of a stream have changed."""

    segments: tuple[Segment, ...]
    """Those that have ended."""
    present: Segment
    """What is heard at present; it may still change."""
    frames: bytes = b""
    """With details: the new log-mel frames (n, mel), a byte each, 255 the loudest."""
    posteriors: bytes = b""
    """With details: the probability of each label at each step of the present segment (T, V), a byte each."""


OnSegment = Callable[[Segment], object]
OnProgress = Callable[[float | None, float], object]
"""Called with the part that is done, None where unknown, and the seconds that are."""


class Transcriber(LoadedRun):
    """A trained run, loaded in a process of its own that answers one question at a time.

    Thread-safe: callers wait for each other. Raises the LstmtuiError that the process reports. Options of all methods
    are `beam`, `lm`: the folder of a language-model run, its `weight`, and the `bonus` of each label.
    """

    process_name, service = "The transcriber's process", "lstmtui.engine.services.transcribe"
    about: dict[str, Any]
    """What was loaded: `labels`, the first the blank; `streams`; `sample_rate`, `mel` and `step_seconds`."""

    def transcribe(
        self,
        file: str | Path,
        *,
        on_segment: OnSegment | None = None,
        on_progress: OnProgress | None = None,
        **options: Any,
    ) -> Transcript:
        """Return what is heard in a recording of any length; segments and progress are reported as they come.

        With the option `details=True` segments have their frames and posteriors. Raises UsageError for a file that is
        no recording.
        """
        segments: list[Segment] = []

        def interim(answer: dict[str, Any]) -> None:
            for found in answer.get("segments", ()):
                segments.append(_segment(found))
                if on_segment is not None:
                    on_segment(segments[-1])
            if on_progress is not None and "seconds" in answer:
                on_progress(answer.get("progress"), answer["seconds"])

        path = str(Path(file).absolute())
        answer = self._child.ask({"op": "transcribe", "file": path, **_plain(options)}, interim)
        return Transcript(answer["seconds"], tuple(segments), answer["clipped"])

    def evaluate(
        self, files: Sequence[str | Path], *, on_progress: Callable[[float], object] | None = None, **options: Any
    ) -> dict[str, Any]:
        """Return `wer` and `cer` of the recordings in folders or manifests, also by speaker, and their counts."""
        names = [str(Path(file).absolute()) for file in files]
        return self._child.ask({"op": "evaluate", "files": names, **_plain(options)}, progress_to(on_progress))

    def listen(self, rate: int, **options: Any) -> None:
        """Begin a stream of `rate` samples a second; an earlier one ends."""
        self._child.ask({"op": "listen", "rate": rate, **_plain(options)})

    def hear(self, samples: bytes, *, details: bool = False) -> Heard:
        """Give the next samples of the stream, 16-bit little-endian of one channel, and return what they change."""
        data = base64.b64encode(samples).decode("ascii")
        return _heard(self._child.ask({"op": "hear", "samples": data, "details": details}))

    def finish(self, *, details: bool = False) -> Heard:
        """End the stream, and return the last segment."""
        return _heard(self._child.ask({"op": "finish", "details": details}))


def _plain(options: dict[str, Any]) -> dict[str, Any]:
    """Return options for a message."""
    return {name: str(value) if isinstance(value, Path) else value for name, value in options.items()}


def _segment(answer: dict[str, Any]) -> Segment:
    words = tuple(Word(**word) for word in answer["words"])
    return Segment(answer["start"], answer["end"], answer["text"], words, **_details(answer))


def _details(answer: dict[str, Any]) -> dict[str, bytes]:
    return {name: base64.b64decode(answer.get(name, "")) for name in ("frames", "posteriors")}


def _heard(answer: dict[str, Any]) -> Heard:
    return Heard(tuple(map(_segment, answer["segments"])), _segment(answer["present"]), **_details(answer))
