"""Speech: write down what is said in recordings, without knowing when.

The data are recordings with their transcripts. A batch has recordings of like length, `batch` of them at most and as
many as fit into `batch * bptt` steps. Each recording is augmented anew in each pass.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from lstmtui.data.augmentation import prepare
from lstmtui.data.utterance_batches import UtteranceBatch, UtteranceBatches
from lstmtui.data.utterances import Utterances, decode_labels
from lstmtui.engine.analysis import gate_statistics
from lstmtui.engine.analysis.translation_layers import at_tokens
from lstmtui.engine.backend import Cell, device
from lstmtui.engine.inference.ctc_search import DEFAULT, greedy, search
from lstmtui.engine.inference.error_rates import character_errors, word_errors
from lstmtui.engine.inference.loaded_recogniser import LONGEST, identity_of, sizes_of
from lstmtui.engine.nn.bidirectional import DIRECTIONS
from lstmtui.engine.nn.linear import Compute
from lstmtui.engine.nn.optimizer import Optimizer
from lstmtui.engine.nn.params import Arena
from lstmtui.engine.nn.recurrent import Recurrent
from lstmtui.engine.nn.speech_buckets import SpeechBuckets
from lstmtui.engine.nn.speech_model import Forward, SpeechModel, parameters
from lstmtui.engine.tasks.example_task import ExampleTask, PartName
from lstmtui.engine.tasks.run_recordings import load_recordings, store_vocabulary
from lstmtui.engine.tasks.task import Figures, Live, Regularisers, Sample

Array = np.ndarray[Any, Any]

MAX_TRANSCRIPTS, FINAL_TRANSCRIPTS = 200, 1000
"""Recordings that the error rates are of, on the way and at the end, at most."""
SHOWN_RECORDINGS = 3
"""Validation recordings of a sample."""
MAX_SHOWN_LABELS = 48
"""Labels of a probe at most: the blank, and those that are the most probable at some step."""

MAX_WINDOW = 120
"""Frames of the recording of a probe whose gates are written."""
BLANK_PIECE = "·"
"""How the blank is named."""


class _Heard(NamedTuple):
    """What the model has made of one utterance."""

    number: int
    """The position of the utterance."""
    nll: float
    aligned: bool
    log_p: Array
    """(T, V)"""


class SpeechTask(ExampleTask[UtteranceBatch]):
    """Trains a speech model on batches of recordings of like length."""

    model: SpeechBuckets

    # --- prepare --------------------------------------------------------------------------------------------------

    def read_data(self) -> dict[str, Any]:
        """Read recordings and transcripts, compute features, and train the vocabulary."""
        self.data = data = load_recordings(self.settings, self.report)
        store_vocabulary(self.writer.run, data)
        self.batches = self._batches_of(data.train, self.settings.run.seed)
        self.note(data.notes)
        self._digest = data.digest()
        return {"recordings": len(data.train), "vocabulary": data.tokenizer.size}

    def _batches_of(self, utterances: Utterances, seed: int | None) -> UtteranceBatches:
        s = self.settings
        positions = s.length.batch * s.length.bptt
        if seed is None:  # a part that is not trained on may have longer recordings
            positions = max(positions, int(utterances.features.lengths.max()))
        return UtteranceBatches(utterances, s.speech, s.length.batch, positions, seed, self.data.statistics)

    def build(self) -> None:
        """Make weights, optimizer and models. Raises UsageError for an unusable device, MemoryError."""
        s, dev, data = self.settings, device(self.settings.run.device), self.data
        self.sizes = sizes_of(s, data.tokenizer)
        self.weights = Arena(parameters(self.sizes), device=dev)
        compute = Compute(dev.resolve_precision(s.run.precision, np.float32), s.run.threads)
        gradients = Arena(self.weights.layout, device=dev)
        self.optimizer = Optimizer(s, self.weights, s.run.threads)
        self.model = SpeechBuckets(self.sizes, self.weights, compute=compute, gradients=gradients)
        self._evaluated = SpeechBuckets(self.sizes, self.optimizer.evaluated, compute=compute)
        self._valid, self._test = (
            None if part is None else self._batches_of(part, None) for part in (data.valid, data.test)
        )

    def initialise(self) -> None:
        """Draw the weights."""
        self.weights.initialise(self.settings.run.seed)
        self.optimizer.reset()

    def exercise(self) -> None:
        """Evaluate a batch."""
        batch = self.batch(0)
        self._evaluated.evaluate(batch)
        self._evaluated.model(batch).log_probabilities(1, 1)

    @property
    def digest(self) -> str:
        """Digest of training features, labels and vocabulary."""
        return self._digest

    @property
    def status(self) -> dict[str, Any]:
        """The size of the vocabulary, and the seconds of the longest recording."""
        return {"vocabulary": self.data.tokenizer.size, LONGEST: max(self.data.train.recordings.seconds)}

    def identity(self) -> dict[str, Any]:
        """Return the settings that shape the weights, and the tokenizer's digest."""
        return identity_of(self.settings, self.data.tokenizer)

    # --- train ----------------------------------------------------------------------------------------------------

    def gradient(self, step: int, regularisers: Regularisers) -> float:
        """Train on the batch of the step."""
        return self.model.gradient(self.batch(step), regularisers.dropout)

    # --- observe --------------------------------------------------------------------------------------------------

    def targets(self, part: PartName) -> int:
        """Return the number of labels in a part of the data."""
        found = {"train": self.data.train, "valid": self.data.valid, "test": self.data.test}[part]
        return 0 if found is None else len(found.labels.flat)

    def evaluate(self) -> Figures | None:
        """Evaluate the validation recordings, and transcribe some of them greedily."""
        if self._valid is None or self.data.valid is None:
            return None
        return Figures(self._figures(self.data.valid, self._valid), self.evaluated_tokens)

    def _figures(self, part: Utterances, batches: UtteranceBatches, *, beam: bool = False) -> dict[str, float]:
        """Return the mean negative log-likelihood of a label in nats, and the error rates of words and characters.

        beam   whether the transcripts are those of a beam search, as the run will be used, and of more recordings
        """
        limit = FINAL_TRANSCRIPTS if beam else MAX_TRANSCRIPTS
        chosen = set(np.unique(np.linspace(0, len(part) - 1, limit).astype(int)).tolist())
        nll, labels, wanted, found = 0.0, 0, list[str](), list[str]()
        for heard in self._heard(batches):
            nll += heard.nll
            labels += int(part.labels.lengths[heard.number]) if heard.aligned else 0
            if heard.number in chosen:
                wanted.append(part.recordings.texts[heard.number])
                found.append(self._text(heard.log_p, beam=beam))
        errors = {"wer": word_errors(wanted, found), "cer": character_errors(wanted, found)}
        return {"nll": nll / max(1, labels), **{name: found.rate for name, found in errors.items()}}

    def _heard(self, batches: UtteranceBatches) -> Iterator[_Heard]:
        """Yield what the evaluated weights make of each utterance."""
        for k in range(batches.batches):
            batch = batches.batch(0, k)
            (t, b, _), (nll, aligned) = batch.frames.shape, self._evaluated.evaluate(batch)
            log_p = self._evaluated.model(batch).log_probabilities(t, b)
            for n, number in enumerate(batch.utterances.tolist()):
                yield _Heard(number, float(nll[n]), bool(aligned[n]), log_p[: batch.frame_lengths[n], n])
            self.check()

    def _text(self, log_p: Array, *, beam: bool = False) -> str:
        """Return the transcript of log probabilities (T, V)."""
        return decode_labels(search(log_p, DEFAULT)[0].labels if beam else greedy(log_p), self.data.tokenizer)

    def sample(self, live: Live, step: int, asked: Mapping[str, Any] | None = None) -> Sample | None:
        """Return the transcripts of a few validation recordings, others at each step, beside the true ones."""
        part = self.data.valid
        if part is None:
            return None
        chosen = [(step + n * 7919) % len(part) for n in range(min(SHOWN_RECORDINGS, len(part)))]
        texts = [
            f"reference   {part.recordings.texts[n]}\ntranscript  {self._text(self._log_probabilities(part, n))}"
            for n in chosen
        ]
        return Sample({"temperature": 0.0, "prompt": "", "text": "\n\n".join(texts)})

    def _log_probabilities(self, part: Utterances, n: int) -> Array:
        """Return what the evaluated weights make of utterance n (T, V)."""
        inputs = prepare(part.features[n], self.settings.speech, None, self.data.statistics)
        return self._evaluated.recognise(inputs[:, None], np.array([len(inputs)], np.int32))[:, 0]

    def probe_gates(self, step: int) -> None:
        """Write the saturation of gates on the batch of the step."""
        batch = self.batch(step)
        self._evaluated.evaluate(batch)
        gates = _Gates(self._evaluated.model(batch), batch.frame_lengths)
        saturation = gate_statistics.saturation(gates)
        self.writer.saturation(step, gates.cell.gate_names, **saturation, layer_names=gates.names)

    def probe(self, step: int) -> None:
        """Write the saturation of gates on the batch of the step, and what is heard in one validation recording."""
        self.probe_gates(step)
        if self.data.valid is not None:
            self._probe_posteriors(step, self.data.valid)

    def _probe_posteriors(self, step: int, part: Utterances) -> None:
        """Write the posteriors of the recording of middle length, always the same, and the gates over its frames."""
        n = int(np.argsort(part.features.lengths, kind="stable")[len(part) // 2])
        log_p, tokenizer = self._log_probabilities(part, n), self.data.tokenizer
        peaks = log_p.max(axis=0)
        peaks[0] = np.inf
        shown = np.sort(np.argsort(-peaks, kind="stable")[:MAX_SHOWN_LABELS])
        names = ["", *(tokenizer.token_bytes(int(label) - 1).decode("utf-8", "replace") for label in shown[1:])]
        self.writer.posteriors(
            step, np.exp(log_p[:, shown]).astype(np.float16), names, part.recordings.texts[n], self._text(log_p)
        )
        pieces = [names[k] or BLANK_PIECE for k in log_p[:MAX_WINDOW, shown].argmax(axis=1)]
        gates = _Gates(self._evaluated.reader(len(log_p), 1), np.array([len(log_p)]))
        self.writer.window(step, gates.cell.gate_names, **gates.window(pieces))

    def results(self, live: Live, step: int, share: float) -> dict[str, Any]:
        """Return the figures of validation and test recordings, with the beam of a transcription."""
        return {
            name: self._figures(part, batches, beam=True)
            for name, part, batches in (("valid", self.data.valid, self._valid), ("test", self.data.test, self._test))
            if part is not None and batches is not None
        }


class _Gates:
    """The gates of all layers and directions at the frames of utterances, from the lowest to the highest, as they read
    last."""

    def __init__(self, model: SpeechModel, lengths: Array) -> None:
        """`lengths` (b,) are the frames of the utterances; what is padded behind them has no gates here."""
        encoder, self._lengths = model.encoder, lengths
        self._parts: list[Recurrent] = (
            [encoder.recurrent] if isinstance(encoder, Forward) else [part for pair in encoder.layers for part in pair]
        )
        layers = range(1, model.sizes.layers + 1)
        directions = [f" {name}" for name in DIRECTIONS] if model.sizes.both else [""]
        self.names = [f"encoder {k}{direction}" for k in layers for direction in directions]
        """Of the layers."""

    @property
    def cell(self) -> Cell:
        """The recurrent cell."""
        return self._parts[0].cell

    def gates(self) -> list[Array]:
        """Return each layer's gates (frames, 1, G, H), in host memory."""
        return [at_tokens(gates, self._lengths)[:, None] for part in self._parts for gates in part.gates()]

    def window(self, pieces: list[str]) -> dict[str, Any]:
        """Return the gates over the first frames of one utterance, as arrays of a window.

        pieces   what is heard at each of them
        """
        steps, values = len(pieces), []
        for name, gates in zip(self.names, self.gates(), strict=True):
            in_time = gates[::-1] if name.endswith(DIRECTIONS[1]) else gates
            values.append(in_time[:steps, 0].transpose(1, 0, 2).astype(np.float16))
        return {"values": np.stack(values), "layer_names": self.names, "pieces": [pieces] * len(values)}
