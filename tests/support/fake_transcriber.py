"""A transcriber without a process: recordings have two segments, streams one whose text is their number of samples."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from lstmtui.client.transcriber import Heard, Segment, Transcript, Word

SILENT = "silent"
"""In the name of a recording in which nothing is heard."""
CLIPPED = "clipped"
"""In the name of one that is overdriven."""
SEGMENTS = (
    Segment(0.5, 2.0, "open it", (Word("open", 0.5, 0.9, 0.98), Word("it", 1.0, 1.25, 0.75))),
    Segment(4.0, 5.0, "now", (Word("now", 4.125, 4.5, 0.5),)),
)
LABELS = " einoptw"
asked: list[dict[str, Any]] = []
"""What was asked since the last `clear`."""


def detailed(segment: Segment) -> Segment:
    """Return a segment with frames that grow louder, and its letters one after another."""
    frames, text = round(100 * (segment.end - segment.start)), segment.text
    steps = [bytearray([255, *bytes(len(LABELS))]) for _ in range(frames // 2)]
    for n, letter in enumerate(text):
        step = steps[5 + n * (len(steps) - 10) // len(text)]
        step[0], step[1 + LABELS.index(letter)] = 0, 255
    loud = bytes(255 * n // frames // (1 + band) for n in range(frames) for band in range(4))
    return dataclasses.replace(segment, frames=loud, posteriors=b"".join(map(bytes, steps)))


class FakeTranscriber:
    """Answers as `lstmtui.client.transcriber.Transcriber` does."""

    about: dict[str, Any] = {  # noqa: RUF012  never changed
        "sample_rate": 8000, "labels": ["", *LABELS], "mel": 4, "step_seconds": 0.02
    }  # fmt: skip
    alive = True

    def __init__(self, run: Any) -> None:
        self.run, self.samples = run, 0

    def __enter__(self) -> FakeTranscriber:
        return self

    def __exit__(self, *of_error: object) -> None:
        self.close()

    def close(self) -> None:
        """Do nothing."""

    def transcribe(self, file: Path, *, on_segment: Any = None, on_progress: Any = None, **options: Any) -> Transcript:
        """Return the segments, or none of a silent recording."""
        asked.append({"file": file, **options})
        segments = () if SILENT in str(file) else SEGMENTS
        for segment in segments:
            on_segment(detailed(segment) if options.get("details") else segment)
            on_progress(segment.end / 6, segment.end)
        return Transcript(6.0, segments, CLIPPED in str(file))

    def evaluate(self, files: Any, *, on_progress: Any = None, **options: Any) -> dict[str, Any]:
        """Return error rates of two speakers."""
        asked.append({"files": list(files), **options})
        on_progress(0.5)
        return {
            "wer": 0.125, "cer": 0.0512, "recordings": 3, "words": 16, "characters": 80, "notes": ["One was left out."],
            "speakers": {"ann": {"wer": 0.25, "cer": 0.1, "recordings": 1},
                         "bob": {"wer": 0.0, "cer": 0.0, "recordings": 2}},
            "examples": [{"file": "a.wav", "reference": "open the door", "transcript": "open a door"}],
        }  # fmt: skip

    def listen(self, rate: int, **options: Any) -> None:
        """Begin a stream."""
        asked.append({"rate": rate, **options})
        self.samples = 0

    def hear(self, samples: bytes, *, details: bool = False) -> Heard:
        """Count the samples."""
        self.samples += len(samples) // 2
        return (
            Heard((), self._segment(), frames=bytes(4 * len(samples) // 160)) if details else Heard((), self._segment())
        )

    def finish(self, *, details: bool = False) -> Heard:
        """Return their number."""
        return Heard((self._segment(),) if self.samples else (), self._segment())

    def _segment(self) -> Segment:
        return Segment(0.0, 1.0, f"{self.samples} samples", (Word(f"{self.samples}", 0.0, 1.0, 0.9),))
