"""Speech as it comes, from a microphone or a pipe: finished segments, and what is heard at present.

A model of one direction reads on from its states, and its search goes on with each step. A model of both directions
reads the present segment again whenever enough has been added. A segment ends at a pause, or where it is quietest
when it has become too long.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from lstmtui.engine.inference.ctc_search import BLANK, Fusion, PrefixBeam, SearchOptions
from lstmtui.engine.inference.speech_pieces import SHORTEST, Piece, is_speech, quietest, trimmed
from lstmtui.engine.inference.transcriber import FrameReader, Segment, Transcriber
from lstmtui.engine.nn.speech_model import SpeechModel

Array = np.ndarray[Any, Any]

PAUSE, LEAD, AGAIN = 70, 30, 20
"""Frames without a label that end a segment, those of them that begin the next one, and new frames after which a model
of both directions reads again: 0.7, 0.3 and 0.2 s."""
STEPS = 16
"""Steps that a model of one direction takes at once."""


class SpeechStream:
    """One stream of samples."""

    def __init__(
        self, transcriber: Transcriber, rate: int, options: SearchOptions, fusion: Fusion | None = None
    ) -> None:
        """`rate` is that of the samples; a `fusion` serves one stream at a time."""
        self._transcriber, self._options, self._fusion = transcriber, options, fusion
        self._reader, self._stack = FrameReader(rate, transcriber.speech), transcriber.speech.stack
        self._frames = np.zeros((0, transcriber.speech.mel), np.float32)
        self._first = 0
        """The number of the first of `_frames` in the stream."""
        self._log_p = np.zeros((0, transcriber.sizes.vocabulary), np.float32)
        """(T, V): log probabilities of the steps of `_frames` so far."""
        self._forward: SpeechModel | None = None
        if not transcriber.sizes.both:
            self._forward = SpeechModel(
                transcriber.sizes, transcriber.weights, (STEPS, 1, 1), compute=transcriber.compute
            )
            self._restart()

    @property
    def present(self) -> Segment:
        """What is heard at present; it may still change."""
        piece = Piece(self._first, self._frames)
        if not len(self._log_p) or not is_speech(self._frames):
            return self._transcriber.worded(piece, self._log_p, (), 0.0)
        if self._forward is not None:
            best = self._beam.best()[0]
            return self._transcriber.worded(piece, self._log_p, best.labels, best.log_probability)
        return self._transcriber.segment(piece, self._log_p, SearchOptions(beam=1))

    @property
    def present_log_probabilities(self) -> Array:
        """Those of the present segment's steps so far (T, V)."""
        return self._log_p

    def feed(self, samples: Array) -> tuple[list[Segment], Array]:
        """Take samples (N,) float32, from -1 to 1; return the segments that end in them, and the new frames."""
        return self._take(self._reader.feed(np.asarray(samples, np.float32)))

    def finish(self) -> tuple[list[Segment], Array]:
        """Return the last segment, if there is one, and the last frames."""
        found, frames = self._take(self._reader.finish())
        return [*found, *self._end(len(self._frames), 0)], frames

    def _take(self, frames: Array) -> tuple[list[Segment], Array]:
        self._frames = np.concatenate([self._frames, frames])
        self._read()
        found: list[Segment] = []
        longest = self._transcriber.max_frames
        while len(self._frames) > longest:
            at = quietest(self._frames[:longest], int(SHORTEST * longest))
            found += self._end(at - at % self._stack or self._stack, 0)
        steps = np.flatnonzero(self._log_p.argmax(axis=1) != BLANK) if len(self._log_p) else np.zeros(0, int)
        silent = (len(self._log_p) - 1 - steps[-1] if len(steps) else len(self._log_p)) * self._stack
        if silent >= PAUSE:
            found += self._end(len(self._log_p) * self._stack, LEAD)
        return found, frames

    def _read(self) -> None:
        """Compute the steps of new frames."""
        if self._forward is None:
            if len(self._frames) - len(self._log_p) * self._stack >= AGAIN:
                self._log_p = self._transcriber.log_probabilities(self._frames)
            return
        while (ready := (len(self._frames) // self._stack - len(self._log_p))) > 0:
            start = len(self._log_p) * self._stack
            part = self._frames[start : start + min(ready, STEPS) * self._stack]
            made = self._forward.advance(self._transcriber.normalised(part)[:, None])[:, 0]
            self._log_p = np.concatenate([self._log_p, self._transcriber.allow(made)])
            for y in np.asarray(made, np.float64):
                self._beam.read(y)

    def _end(self, at: int, lead: int) -> list[Segment]:
        """End the segment after `at` frames, and begin the next one `lead` frames before that."""
        piece = Piece(self._first, self._frames[:at])
        if self._forward is None:
            found = list(self._transcriber.recognise(trimmed(piece), self._options, self._fusion))
        else:
            segment = self.present if at >= len(self._log_p) * self._stack else self._searched(piece)
            found = [segment] if segment.words else []
        begin = max(0, at - lead)
        begin -= begin % self._stack
        self._frames, self._first, self._log_p = self._frames[begin:].copy(), self._first + begin, self._log_p[:0]
        if self._forward is not None:
            self._restart()
        self._read()
        return found

    def _searched(self, piece: Piece) -> Segment:
        """Return what a search finds in a piece from the present beginning on."""
        steps = len(piece.frames) // self._stack
        return self._transcriber.segment(piece, self._log_p[:steps], self._options, self._fusion)

    def _restart(self) -> None:
        assert self._forward is not None
        self._forward.begin()
        self._beam = PrefixBeam(self._options, self._fusion, self._transcriber.sizes.vocabulary)
