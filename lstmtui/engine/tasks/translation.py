"""Translation: predict each token of a sentence from its source and the tokens before it.

The files of the corpus are one table of source, tab and target, or two files of lines. A batch has as many pairs as fit
into `batch * bptt` positions. Each layer of the encoder reads in both directions; the decoder has a layer below its
attention and one above.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from lstmtui.data.pair_batches import PairBatch, PairBatches
from lstmtui.data.pair_files import Part
from lstmtui.data.pairs import Pairs, Rules
from lstmtui.engine.backend import CELLS, device
from lstmtui.engine.inference.beam_search import DEFAULT, SearchOptions
from lstmtui.engine.inference.bleu import corpus_bleu
from lstmtui.engine.inference.loaded_translator import identity_of, sizes_of
from lstmtui.engine.inference.translator import Translator
from lstmtui.engine.nn.linear import Compute
from lstmtui.engine.nn.optimizer import Optimizer
from lstmtui.engine.nn.params import Arena, Mirror, log_frequencies
from lstmtui.engine.nn.recurrent import Dropout
from lstmtui.engine.nn.translation_buckets import TranslationBuckets
from lstmtui.engine.nn.translation_decoder import TranslationDropout
from lstmtui.engine.nn.translation_model import parameters
from lstmtui.engine.tasks.run_pairs import run_pairs
from lstmtui.engine.tasks.task import Figures, Live, Regularisers, Sample, Task
from lstmtui.engine.tasks.translation_probes import TranslationProbes, flow_of

Array = np.ndarray[Any, Any]

MAX_TOKENS = 250
"""Of a sentence that is trained on."""
VALID_TRANSLATIONS, FINAL_TRANSLATIONS = 200, 1000
"""Pairs that BLEU is of, on the way and at the end, at most."""
GREEDY = SearchOptions(beam=1)
SHOWN_PAIRS = 3
"""Validation pairs of a sample."""


class TranslationTask(Task):
    """Trains a translation model on batches of pairs of like length."""

    decides = "nll"
    live = ("weight_decay", "lr", "clip", "dropout", "dropout_in", "weight_drop")
    model: TranslationBuckets

    # --- prepare --------------------------------------------------------------------------------------------------

    def read_data(self) -> dict[str, Any]:
        """Read and clean the pairs, and train the vocabularies."""
        s, positions = self.settings, self._positions
        rules = Rules(max_tokens=min(MAX_TOKENS, positions - 1))
        self.data = data = run_pairs(s, rules, self.writer, self.check)
        self.batches = PairBatches(data.train, positions, s.run.seed)
        self.writer.event("noted", message=data.counts.describe(rules))
        return {"pairs": len(data.train), "vocabulary": data.tokenizers.target.size}

    @property
    def _positions(self) -> int:
        """Positions of either side of a batch at most."""
        return self.settings.length.batch * self.settings.length.bptt

    def build(self) -> None:
        """Make weights, optimizer and models. Raises UsageError for an unusable device, MemoryError."""
        s, dev, data = self.settings, device(self.settings.run.device), self.data
        self.sizes = sizes_of(s, data.tokenizers)
        self.weights = Arena(parameters(self.sizes), device=dev)
        compute = Compute(dev.resolve_precision(s.run.precision, np.float32), s.run.threads)
        gradients = Arena(self.weights.layout, device=dev)
        self.optimizer = Optimizer(s, self.weights, s.run.threads)
        self.model = TranslationBuckets(self.sizes, self.weights, compute=compute, gradients=gradients)
        self._evaluated = TranslationBuckets(
            self.sizes, self.optimizer.evaluated, compute=compute, memory=self.model.memory
        )
        self._on_host = Mirror(self.optimizer.evaluated)
        cpu = Compute(device("cpu").resolve_precision(s.run.precision, np.float32), s.run.threads)
        self._translator = Translator(self.sizes, self._on_host.host, data.tokenizers, cpu)
        self._valid, self._test = (
            None if part is None else PairBatches(part.tokens, max(self._positions, _longest(part)), None)
            for part in (data.valid, data.test)
        )
        self._probes = TranslationProbes(self._evaluated, data)
        self._trained_on_host = Mirror(self.weights)
        self._flow = flow_of(self.sizes, self._trained_on_host.host, data, s.run.threads)

    def initialise(self) -> None:
        """Draw the weights; the initial bias of the softmax is the log frequency of the target tokens."""
        self.weights.initialise(self.settings.run.seed)
        with self.weights.on_host() as views:
            views["softmax.b"][...] = log_frequencies(self.data.train.target.flat, self.sizes.target_vocabulary)
        self.optimizer.reset()

    def exercise(self) -> None:
        """Evaluate a batch, and translate a word of it."""
        batch = self.batches.batch(0, 0)
        self._evaluated.evaluate(batch)
        line = self.data.tokenizers.source.text(self.data.train.source[0][:-1])
        for options in (SearchOptions(max_length=2), SearchOptions(beam=1, max_length=2)):
            self.translate([line], options)

    @property
    def digest(self) -> str:
        """Digest of training pairs and vocabularies."""
        return self.data.digest

    @property
    def status(self) -> dict[str, Any]:
        """The size of the target vocabulary."""
        return {"vocabulary": self.sizes.target_vocabulary}

    def identity(self) -> dict[str, Any]:
        """Return the settings that shape the weights, and the tokenizers' digests."""
        return identity_of(self.settings, self.data.tokenizers)

    # --- train ----------------------------------------------------------------------------------------------------

    @property
    def steps_per_epoch(self) -> int:
        """Number of batches of all pairs."""
        return self.batches.batches

    @property
    def tokens_per_step(self) -> int:
        """Mean number of target tokens of a batch."""
        return max(1, len(self.data.train.target.flat) // self.batches.batches)

    def epoch(self, step: int) -> int:
        """Return the pass over the pairs that the step belongs to."""
        return self.batches.position(step).epoch

    def gradient(self, step: int, regularisers: Regularisers) -> float:
        """Train on the batch of the step."""
        return self.model.gradient(
            self._batch(step), _dropout(regularisers.dropout), self.settings.translation.label_smoothing
        )

    def _batch(self, step: int) -> PairBatch:
        return self.batches.batch(*self.batches.position(step))

    # --- observe --------------------------------------------------------------------------------------------------

    @property
    def evaluated_tokens(self) -> int:
        """Number of validation targets."""
        return _count(self.data.valid)

    @property
    def final_tokens(self) -> int:
        """Number of validation and test targets."""
        return _count(self.data.valid) + _count(self.data.test)

    def evaluate(self) -> Figures | None:
        """Evaluate the validation pairs, and translate some of them greedily."""
        if self._valid is None or self.data.valid is None:
            return None
        bleu = self._bleu(self.data.valid, VALID_TRANSLATIONS, GREEDY)
        return Figures({**self._figures(self._valid), "bleu": bleu}, self.evaluated_tokens)

    def _bleu(self, part: Part, count: int, options: SearchOptions) -> float:
        """Return the BLEU of the translations of up to `count` pairs, evenly spaced."""
        pairs = part.pairs
        chosen = np.unique(np.linspace(0, len(pairs.source) - 1, count).astype(int))
        found = self.translate([pairs.source[n] for n in chosen], options)
        return corpus_bleu(found, [pairs.target[n] for n in chosen])

    def _figures(self, batches: PairBatches) -> dict[str, float]:
        """Return the mean negative log-likelihood of a target in nats, without label smoothing, and its exponential."""
        total, count = 0.0, 0
        for k in range(batches.batches):
            batch = batches.batch(0, k)
            total += float(self._evaluated.evaluate(batch).sum(dtype=np.float64))
            count += batch.predictions
            self.check()
        return {"nll": total / count, "perplexity": math.exp(min(700.0, total / count))}

    def sample(self, live: Live, step: int, asked: Mapping[str, Any] | None = None) -> Sample | None:
        """Translate validation pairs that follow from the step, or what a person asks for."""
        source = " ".join(str((asked or {}).get("prompt") or "").split())
        if source:
            text = _labelled(source=source, translation=self.translate([source])[0])
            return Sample({"temperature": 0.0, "prompt": "", "text": text})
        if self.data.valid is None:
            return None
        pairs = self.data.valid.pairs
        chosen = [(step + n * 7919) % len(pairs.source) for n in range(min(SHOWN_PAIRS, len(pairs.source)))]
        return Sample({"temperature": 0.0, "prompt": "", "text": self._side_by_side(pairs, chosen)})

    def _side_by_side(self, pairs: Pairs, chosen: list[int]) -> str:
        found = self.translate([pairs.source[n] for n in chosen])
        return "\n\n".join(
            _labelled(source=pairs.source[n], translation=text, reference=pairs.target[n])
            for n, text in zip(chosen, found, strict=True)
        )

    def translate(self, lines: list[str], options: SearchOptions = DEFAULT) -> list[str]:
        """Return the best translation of each line by the evaluated weights."""
        self._on_host.refresh()
        self._translator.refresh()
        return [best.text for best, *_ in self._translator.translate(lines, options, check=self.check)]

    def probe(self, step: int) -> None:
        """Write attention and gates over a validation pair, saturation over the step's batch, and gradient flow."""
        gates = CELLS[self.sizes.cell].gate_names
        attention, window = self._probes.read_pair()
        self.writer.attention(step, **attention)
        self.writer.window(step, gates, **window)
        self.writer.saturation(step, gates, **self._probes.saturation(self._batch(step)))
        if self._flow is not None:
            self._trained_on_host.refresh()
            self.writer.gradient(**self._flow.measure(step).arrays())

    def results(self, live: Live, step: int, share: float) -> dict[str, Any]:
        """Return the figures of validation and test pairs; BLEU with the beam of a translation."""
        found: dict[str, Any] = {}
        for name, part, batches in (("valid", self.data.valid, self._valid), ("test", self.data.test, self._test)):
            if part is not None and batches is not None:
                found[name] = {**self._figures(batches), "bleu": self._bleu(part, FINAL_TRANSLATIONS, DEFAULT)}
        return found


def _labelled(**texts: str) -> str:
    """Return texts on a line each, after their names."""
    return "\n".join(f"{name:<11}  {text or '(nothing)'}" for name, text in texts.items())


def _dropout(drop: Dropout) -> TranslationDropout:
    """Return the rates of a step; those of layers apply to contexts and outputs, as to the outputs of layers."""
    return TranslationDropout(
        embeddings=drop.inputs, context=drop.layers, outputs=drop.layers, weights=drop.weights, key=drop.key
    )


def _longest(part: Part) -> int:
    return int(max(side.lengths.max() for side in (part.tokens.source, part.tokens.target)))


def _count(part: Part | None) -> int:
    return 0 if part is None else len(part.tokens.target.flat)
