"""A trained recogniser that answers requests: python -m lstmtui.engine.services.transcribe RUN_FOLDER.

One JSON object a line on standard input, one or more on standard output; the first line out says what was loaded, or
why the run cannot be loaded.

    {"op": "transcribe", "file": PATH, "details": false, OPTIONS}
        {"progress": 0.1, "seconds": 6.0, "segments": [SEGMENT, ...]} ...     as it goes on; progress null where unknown
        {"seconds": 60.0, "clipped": false}
         with details each segment also has "frames" and "posteriors", as below
    {"op": "evaluate", "files": [FOLDER or MANIFEST, ...], "encoding": "", OPTIONS}
        {"progress": 0.1} ...
        {"wer", "cer", "recordings", "words", "characters", "speakers": {NAME: {"wer", "cer", "recordings"}}, "notes",
         "examples": [{"file", "reference", "transcript"}, ...]}
    {"op": "listen", "rate": 16000, OPTIONS}                 begins a stream    {"listening": true}
    {"op": "hear", "samples": BASE64, "details": false}      16-bit little-endian samples of it, one channel
    {"op": "finish", "details": false}                       its end
        {"segments": [SEGMENT, ...], "present": SEGMENT}
         with details also "frames": BASE64 (n, mel), "posteriors": BASE64 (T, V) of the present segment, bytes

SEGMENT is {"start", "end", "text", "words": [{"text", "start", "end", "confidence"}, ...]}, times in seconds. OPTIONS
are "beam", "lm": the folder of a language-model run, "weight" of it and "bonus" of each label. A byte of "frames" is
255 at a log-mel value of MAX_LOG_MEL, and 0 at the least; one of "posteriors" is 255 at a probability of 1.

Errors and heartbeats: see `lstmtui.engine.answering`.
"""

from __future__ import annotations

import base64
import binascii
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np

from lstmtui.data.audio import AudioError
from lstmtui.data.log_mel import FLOOR
from lstmtui.data.recordings import open_rows, read_rows, rows_to_test
from lstmtui.engine.answering import Answer, Answering, Answers, Operation, dispatch, serve_run
from lstmtui.engine.inference import loaded_model, loaded_recogniser
from lstmtui.engine.inference.ctc_search import DEFAULT, Fusion, SearchOptions
from lstmtui.engine.inference.error_rates import Errors, character_errors, word_errors
from lstmtui.engine.inference.language_fusion import load_fusion
from lstmtui.engine.inference.speech_stream import SpeechStream
from lstmtui.engine.inference.transcriber import Segment, Transcriber
from lstmtui.errors import UsageError
from lstmtui.protocol import MAX_BEAM
from lstmtui.runs.folder import RunFolder

Array = np.ndarray[Any, Any]

MIN_RATE, MAX_RATE = 4_000, 192_000
"""Samples a second of a stream."""
MAX_LOG_MEL = 4.0
MAX_EXAMPLES = 5


class Service:
    """One loaded recogniser, its operations, and the stream that it listens to."""

    def __init__(self, transcriber: Transcriber) -> None:
        self._transcriber = transcriber
        self._fusions: dict[str, Fusion] = {}
        self._stream: SpeechStream | None = None

    def about(self) -> Answer:
        """Return what a client should know of the recogniser."""
        t = self._transcriber
        labels = [t.tokenizer.token_bytes(n).decode("utf-8", "replace") for n in range(t.tokenizer.size)]
        return {
            "ready": True, "labels": ["", *labels], "streams": not t.sizes.both, "sample_rate": t.speech.sample_rate,
            "mel": t.speech.mel, "step_seconds": t.step_seconds,
        }  # fmt: skip

    def answers(self, request: Any) -> Answers:
        """Yield the answers to one request. Raises LstmtuiError."""
        operations: dict[str, Operation] = {
            "transcribe": self._transcribe, "evaluate": self._evaluate, "listen": self._listen, "hear": self._hear,
            "finish": self._finish,
        }  # fmt: skip
        return dispatch(operations, request, "transcribe")

    def _transcribe(
        self, file: str, beam: int = DEFAULT.beam, lm: str | None = None, weight: float = DEFAULT.weight,
        bonus: float = DEFAULT.bonus, details: bool = False,
    ) -> Answers:  # fmt: skip
        options, fusion = _options(beam, weight, bonus), self._fusion(lm)
        position = _Position()
        for segment in self._transcriber.transcribe(Path(file), options, fusion, progress=position.set):
            yield {
                "progress": round(min(1.0, segment.end / position.total), 4) if position.total else None,
                "seconds": round(segment.end, 3),
                "segments": [_as_json(segment) | (_details(segment) if details else {})],
            }
        yield {"seconds": round(position.seconds, 3), "clipped": position.clipped}

    def _evaluate(
        self, files: list[str], encoding: str = "", beam: int = DEFAULT.beam, lm: str | None = None,
        weight: float = DEFAULT.weight, bonus: float = DEFAULT.bonus,
    ) -> Answers:  # fmt: skip
        options, fusion = _options(beam, weight, bonus), self._fusion(lm)
        rows, left_out = read_rows(files, encoding)
        rows, which = rows_to_test(rows)
        left_out.count = len(rows) + left_out.without_text
        recordings = open_rows(rows, left_out)
        if not len(recordings):
            raise UsageError(" ".join(["There is no recording to evaluate.", *left_out.notes()]))
        words, characters = defaultdict[str, Errors](Errors), defaultdict[str, Errors](Errors)
        counts, examples = defaultdict[str, int](int), list[Answer]()
        for n, (file, text, speaker) in enumerate(
            zip(recordings.files, recordings.texts, recordings.speakers, strict=True)
        ):
            try:
                heard = " ".join(segment.text for segment in self._transcriber.transcribe(file, options, fusion))
            except AudioError as error:
                left_out.unreadable.append(error)
                continue
            of_words, of_characters = word_errors([text], [heard]), character_errors([text], [heard])
            words[speaker] += of_words
            characters[speaker] += of_characters
            counts[speaker] += 1
            if of_words.edits and len(examples) < MAX_EXAMPLES:
                examples.append({"file": str(file), "reference": text, "transcript": heard})
            yield {"progress": round((n + 1) / len(recordings), 4)}
        total = sum(words.values(), Errors()), sum(characters.values(), Errors())
        yield {
            "wer": total[0].rate, "cer": total[1].rate, "recordings": sum(counts.values()), "words": total[0].length,
            "characters": total[1].length, "notes": [which] * bool(which) + left_out.notes(), "examples": examples,
            "speakers": {
                name: {"wer": words[name].rate, "cer": characters[name].rate, "recordings": counts[name]}
                for name in sorted(counts) if name
            },
        }  # fmt: skip

    # --- a stream -------------------------------------------------------------------------------------------------

    def _listen(
        self, rate: int, beam: int = DEFAULT.beam, lm: str | None = None, weight: float = DEFAULT.weight,
        bonus: float = DEFAULT.bonus,
    ) -> Answers:  # fmt: skip
        if not MIN_RATE <= rate <= MAX_RATE:
            raise UsageError(f"A stream has from {MIN_RATE:,} to {MAX_RATE:,} samples a second, not {rate:,}.")
        self._stream = SpeechStream(self._transcriber, rate, _options(beam, weight, bonus), self._fusion(lm))
        yield {"listening": True}

    def _hear(self, samples: str, details: bool = False) -> Answers:
        try:
            data = base64.b64decode(samples, validate=True)
        except binascii.Error:
            data = b"\0"
        if len(data) % 2:
            raise UsageError('"samples" must be the base64 form of 16-bit samples.')
        stream = self._listening()
        segments, frames = stream.feed(np.frombuffer(data, "<i2").astype(np.float32) / 32768)
        yield self._heard(stream, segments, frames, details=details)

    def _finish(self, details: bool = False) -> Answers:
        stream = self._listening()
        self._stream = None
        segments, frames = stream.finish()
        yield self._heard(stream, segments, frames, details=details)

    def _listening(self) -> SpeechStream:
        if self._stream is None:
            raise UsageError('No stream has begun; the operation "listen" begins one.')
        return self._stream

    def _heard(self, stream: SpeechStream, segments: list[Segment], frames: Array, *, details: bool) -> Answer:
        answer = {"segments": [_as_json(segment) for segment in segments], "present": _as_json(stream.present)}
        if details:
            answer["frames"] = _bytes_of(frames)
            answer["posteriors"] = _bytes(np.exp(stream.present_log_probabilities))
        return answer

    def _fusion(self, lm: str | None) -> Fusion | None:
        """Return the language model in the run folder `lm`, loaded once."""
        if lm is None:
            return None
        if lm not in self._fusions:
            self._fusions[lm] = load_fusion(loaded_model.load(RunFolder(Path(lm))), self._transcriber.tokenizer)
        return self._fusions[lm]


class _Position:
    """How far a recording has been read."""

    seconds = 0.0
    total: float | None = None
    clipped = False

    def set(self, seconds: float, total: float | None, clipped: bool) -> None:
        """Set the seconds that are done, those of the whole, and whether what was read is overdriven."""
        self.seconds, self.total, self.clipped = seconds, total, clipped


def _options(beam: int, weight: float, bonus: float) -> SearchOptions:
    if not 1 <= beam <= MAX_BEAM:
        raise UsageError(f"beam is from 1 to {MAX_BEAM}, not {beam}.")
    if weight < 0:
        raise UsageError("The weight of a language model is 0 or more.")
    return SearchOptions(beam=beam, weight=float(weight), bonus=float(bonus))


def _as_json(segment: Segment) -> Answer:
    return {
        "start": round(segment.start, 3), "end": round(segment.end, 3), "text": segment.text,
        "words": [
            {
                "text": word.text, "start": round(word.start, 3), "end": round(word.end, 3),
                "confidence": round(word.confidence, 4),
            }
            for word in segment.words
        ],
    }  # fmt: skip


def _details(segment: Segment) -> Answer:
    """Return what a segment was read from, and what was found probable in it, as a stream does."""
    if segment.frames is None or segment.log_p is None:
        return {}
    return {"frames": _bytes_of(segment.frames), "posteriors": _bytes(np.exp(segment.log_p))}


def _bytes_of(frames: Array) -> str:
    return _bytes((frames - FLOOR) / (MAX_LOG_MEL - FLOOR))


def _bytes(values: Array) -> str:
    """Return values from 0 to 1 as the base64 form of bytes."""
    return base64.b64encode((255 * np.clip(values, 0, 1)).round().astype(np.uint8).tobytes()).decode()


def main(arguments: list[str]) -> int:
    """Serve the run in the folder given until standard input ends."""

    def open_run(run: RunFolder) -> tuple[Answering, Answer]:
        service = Service(loaded_recogniser.load(run))
        return service.answers, service.about()

    return serve_run("lstmtui.engine.services.transcribe", arguments, open_run)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
