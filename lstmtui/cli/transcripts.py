"""How `lstmtui transcribe` writes what is heard: text, JSON or subtitles."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from lstmtui.cli.output import write, write_json
from lstmtui.reports.subtitles import captions, srt

if TYPE_CHECKING:
    from lstmtui.client.transcriber import Segment, Transcript, Word


class Lines:
    """A line for each segment, as soon as it ends."""

    def segment(self, segment: Segment) -> None:
        """Write a segment that has ended."""
        write(segment.text)

    def end(self, name: str, transcript: Transcript) -> None:
        """Write what belongs to the end of a recording."""

    def failed(self, name: str, reason: str) -> None:
        """Write that a recording cannot be read, where the form has a place for it."""


class Rows(Lines):
    """A line for each recording: its name, a tab and the text."""

    def segment(self, segment: Segment) -> None:
        """Wait for the end."""

    def end(self, name: str, transcript: Transcript) -> None:
        """Write the line."""
        write(f"{name}\t{transcript.text}")


class Objects(Lines):
    """A JSON object for each recording."""

    def segment(self, segment: Segment) -> None:
        """Wait for the end."""

    def end(self, name: str, transcript: Transcript) -> None:
        """Write the object."""
        write_json(
            {
                "file": name,
                "seconds": transcript.seconds,
                "text": transcript.text,
                "words": [_word(word) for word in transcript.words],
                "segments": [_segment(segment) for segment in transcript.segments],
            }
        )

    def failed(self, name: str, reason: str) -> None:
        """Write the reason in place of a transcript."""
        write_json({"file": name, "error": reason})


class SegmentObjects(Lines):
    """A JSON object for each segment of a stream, as soon as it ends."""

    def segment(self, segment: Segment) -> None:
        """Write the object."""
        write_json({**_segment(segment), "words": [_word(word) for word in segment.words]})


class Subtitles(Lines):
    """Captions in the SubRip form, numbered through."""

    def __init__(self) -> None:
        self._count = 0

    def segment(self, segment: Segment) -> None:
        """Write the captions of a segment."""
        found = captions(segment.words)
        if found:
            write(srt(found, self._count + 1), end="")
            self._count += len(found)


def _word(word: Word) -> dict[str, Any]:
    return dataclasses.asdict(word)


def _segment(segment: Segment) -> dict[str, Any]:
    return {"start": segment.start, "end": segment.end, "text": segment.text}
