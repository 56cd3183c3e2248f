"""Recordings of any length to text, with the times and confidences of words.

    samples > resampled > log-mel frames > pieces, cut where it is quiet > network > search > words

A recording is read, and written, piece by piece: memory does not grow with it. `Transcriber.stream` (`speech_stream`)
takes samples as they come.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from lstmtui.config.resolved import SpeechSettings
from lstmtui.data.audio import Sound, clipped_samples, is_clipped, open_audio
from lstmtui.data.augmentation import Statistics, prepare
from lstmtui.data.log_mel import SHIFT_MS, LogMel
from lstmtui.data.resampling import Resampler
from lstmtui.data.tokens import Tokenizer
from lstmtui.data.utterances import banned_labels
from lstmtui.engine.inference.ctc_search import DEFAULT, IMPOSSIBLE, Fusion, SearchOptions, align, search
from lstmtui.engine.inference.speech_pieces import Piece, Pieces, is_speech, trimmed
from lstmtui.engine.inference.timed_words import Word, timed_words
from lstmtui.engine.nn.linear import Compute
from lstmtui.engine.nn.params import Arena
from lstmtui.engine.nn.speech_buckets import SpeechBuckets
from lstmtui.engine.nn.speech_model import SpeechSizes

Array = np.ndarray[Any, Any]

BLOCK_SECONDS = 5
"""Of a recording that are read at once."""
MIN_PIECE, MAX_PIECE = 2.0, 30.0
"""Seconds of the longest piece: as long as the recordings that were trained on, within these bounds."""


@dataclass(frozen=True, slots=True)
class Segment:
    """What was heard in a part of a recording."""

    start: float
    end: float
    """In seconds from the beginning of the recording."""
    words: tuple[Word, ...] = ()
    log_probability: float = 0.0
    frames: Array | None = field(default=None, compare=False, repr=False)
    """The log-mel frames that were read (n, mel)."""
    log_p: Array | None = field(default=None, compare=False, repr=False)
    """The log probability of each label at each step (T, V)."""

    @property
    def text(self) -> str:
        """The words, with spaces between them."""
        return " ".join(word.text for word in self.words)


class FrameReader:
    """Samples of one rate to the log-mel frames of a run, as they come."""

    def __init__(self, rate: int, speech: SpeechSettings) -> None:
        """`rate` is that of the samples."""
        self._resampler = None if rate == speech.sample_rate else Resampler(rate, speech.sample_rate)
        self._log_mel = LogMel(speech.sample_rate, speech.mel)

    def feed(self, samples: Array) -> Array:
        """Return the frames (n, mel) that the samples (N,) complete."""
        return self._log_mel.feed(samples if self._resampler is None else self._resampler.feed(samples))

    def finish(self) -> Array:
        """Return the last frames."""
        found = [] if self._resampler is None else [self._log_mel.feed(self._resampler.finish())]
        return np.concatenate([*found, self._log_mel.finish()])


class _Clipping:
    """How many samples of a recording are at the highest level."""

    def __init__(self) -> None:
        self._clipped = self._samples = 0

    def count(self, samples: Array) -> None:
        """Count the next samples (N,)."""
        self._clipped += clipped_samples(samples)
        self._samples += len(samples)

    @property
    def is_clipped(self) -> bool:
        """Whether the samples so far are overdriven."""
        return is_clipped(self._clipped, self._samples)


class Transcriber:
    """A model with what it needs to read recordings; the weights are those of the processor."""

    def __init__(
        self, speech: SpeechSettings, sizes: SpeechSizes, weights: Arena, tokenizer: Tokenizer, compute: Compute, *,
        statistics: Statistics | None, longest: float = MAX_PIECE,
    ) -> None:  # fmt: skip
        """`statistics` are those of the training recordings, None where a run of both directions has none; `longest` is
        the seconds of the longest of them."""
        self.speech, self.sizes, self.weights, self.tokenizer, self.compute = speech, sizes, weights, tokenizer, compute
        self._statistics, self._model = statistics, SpeechBuckets(sizes, weights, compute=compute)
        self.max_frames = int(min(max(longest, MIN_PIECE), MAX_PIECE) * 1000 / SHIFT_MS)
        """Frames of a piece at most."""
        self._banned = banned_labels(tokenizer)

    @property
    def step_seconds(self) -> float:
        """The time from one step of the network to the next."""
        return self.speech.stack * SHIFT_MS / 1000

    def transcribe(
        self,
        source: Path | BinaryIO,
        options: SearchOptions = DEFAULT,
        fusion: Fusion | None = None,
        *,
        name: str = "",
        progress: Callable[[float, float | None, bool], None] = lambda done, total, clipped: None,
    ) -> Iterator[Segment]:
        """Yield the parts of a recording, a file or a stream called `name`; those without speech are left out.

        progress   called with the seconds that are done, those of the whole recording, None where unknown, and whether
                   what was read is overdriven (clipped); may raise
        Raises AudioError for what is no recording.
        """
        with open_audio(source, name) as sound:
            total = None if sound.frames is None else sound.frames / sound.rate
            progress(0.0, total, False)
            clipping = _Clipping()
            for piece in self._pieces(sound, clipping):
                end = piece.first + len(piece.frames)
                is_whole = piece.first == 0 and (total is None or end >= int(total * 1000 / SHIFT_MS))
                yield from self.recognise(piece if is_whole else trimmed(piece), options, fusion)
                progress(end * SHIFT_MS / 1000, total, clipping.is_clipped)

    def _pieces(self, sound: Sound, clipping: _Clipping) -> Iterator[Piece]:
        reader, pieces = FrameReader(sound.rate, self.speech), Pieces(self.max_frames, self.speech.mel)
        while len(samples := sound.read(BLOCK_SECONDS * sound.rate)):
            clipping.count(samples)
            yield from pieces.feed(reader.feed(samples))
        yield from pieces.feed(reader.finish())
        yield from pieces.finish()

    def recognise(
        self, piece: Piece, options: SearchOptions = DEFAULT, fusion: Fusion | None = None
    ) -> Iterator[Segment]:
        """Yield what was heard in a piece; nothing where there is no speech."""
        if len(piece.frames) < self.speech.stack or not is_speech(piece.frames):
            return
        segment = self.segment(piece, self.log_probabilities(piece.frames), options, fusion)
        if segment.words:
            yield segment

    def log_probabilities(self, frames: Array) -> Array:
        """Return the log probability of each label at each step (T, V) of log-mel frames (n, mel)."""
        inputs = prepare(frames, self.speech, None, self._statistics)
        return self.allow(self._model.recognise(inputs[:, None], np.array([len(inputs)], np.int32))[:, 0])

    def allow(self, log_p: Array) -> Array:
        """Set the log probabilities of labels that are no text to what is impossible, and return them."""
        log_p[:, self._banned] = IMPOSSIBLE
        return log_p

    def normalised(self, frames: Array) -> Array:
        """Return what a model of one direction reads of the next frames of a stream, a multiple of the stack."""
        return prepare(frames, self.speech, None, self._statistics)

    def segment(
        self, piece: Piece, log_p: Array, options: SearchOptions = DEFAULT, fusion: Fusion | None = None
    ) -> Segment:
        """Return what a search finds in the steps (T, V) of a piece."""
        best = search(log_p, options, fusion)[0]
        return self.worded(piece, log_p, best.labels, best.log_probability)

    def worded(self, piece: Piece, log_p: Array, labels: tuple[int, ...], log_probability: float) -> Segment:
        """Return the segment of labels that a search has found."""
        start = piece.first * SHIFT_MS / 1000
        words = timed_words(labels, align(log_p, labels), self.tokenizer, start=start, step=self.step_seconds)
        end = (piece.first + len(piece.frames)) * SHIFT_MS / 1000
        return Segment(start, end, tuple(words), log_probability, piece.frames, log_p)
