"""Translation: predict each token of a sentence from its source and the tokens before it.

The files of the corpus are one table of source, tab and target, or two files of lines. A batch has as many pairs as fit
into `batch * bptt` positions. Each layer of the encoder reads in both directions; the decoder has a layer below its
attention and one above.
"""

from __future__ import annotations

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
from lstmtui.engine.nn.optimizer import Optimizer
from lstmtui.engine.nn.params import Arena, Mirror
from lstmtui.engine.nn.translation_buckets import TranslationBuckets
from lstmtui.engine.nn.translation_model import parameters
from lstmtui.engine.tasks.encoder_decoder_task import EncoderDecoderTask, labelled
from lstmtui.engine.tasks.example_task import PartName
from lstmtui.engine.tasks.run_pairs import run_pairs
from lstmtui.engine.tasks.task import Figures, Live, Sample
from lstmtui.engine.tasks.translation_probes import TranslationProbes, flow_of

Array = np.ndarray[Any, Any]

MAX_TOKENS = 250
"""Of a sentence that is trained on."""
VALID_TRANSLATIONS, FINAL_TRANSLATIONS = 200, 1000
"""Pairs that BLEU is of, on the way and at the end, at most."""
GREEDY = SearchOptions(beam=1)
SHOWN_PAIRS = 3
"""Validation pairs of a sample."""


class TranslationTask(EncoderDecoderTask[PairBatch]):
    """Trains a translation model on batches of pairs of like length."""

    model: TranslationBuckets
    evaluated: TranslationBuckets

    # --- prepare --------------------------------------------------------------------------------------------------

    def read_data(self) -> dict[str, Any]:
        """Read and clean the pairs, and train the vocabularies."""
        s, positions = self.settings, self._positions
        rules = Rules(max_tokens=min(MAX_TOKENS, positions - 1))
        self.data = data = run_pairs(s, rules, self.writer.run, self.report)
        self.batches = PairBatches(data.train, positions, s.run.seed)
        self.note([data.counts.describe(rules)])
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
        compute = self.compute(dev)
        gradients = Arena(self.weights.layout, device=dev)
        self.optimizer = Optimizer(s, self.weights, s.run.threads)
        self.model = TranslationBuckets(self.sizes, self.weights, compute=compute, gradients=gradients)
        self.evaluated = TranslationBuckets(
            self.sizes, self.optimizer.evaluated, compute=compute, memory=self.model.memory
        )
        self._on_host = Mirror(self.optimizer.evaluated)
        self._translator = Translator(self.sizes, self._on_host.host, data.tokenizers, self.compute())
        self._valid, self._test = (
            None if part is None else PairBatches(part.tokens, max(self._positions, _longest(part)), None)
            for part in (data.valid, data.test)
        )
        self._probes = TranslationProbes(self.evaluated, data)
        self._trained_on_host = Mirror(self.weights)
        self._flow = flow_of(self.sizes, self._trained_on_host.host, data, s.run.threads)

    @property
    def training_tokens(self) -> Array:
        """All target tokens that are trained on."""
        return self.data.train.target.flat

    def exercise(self) -> None:
        """Evaluate a batch, and translate a word of it."""
        batch = self.batches.batch(0, 0)
        self.evaluated.evaluate(batch)
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

    # --- observe --------------------------------------------------------------------------------------------------

    def targets(self, part: PartName) -> int:
        """Return the number of target tokens in a part of the data."""
        if part == "train":
            return len(self.training_tokens)
        found = self.data.valid if part == "valid" else self.data.test
        return 0 if found is None else len(found.tokens.target.flat)

    def evaluate(self) -> Figures | None:
        """Evaluate the validation pairs, and translate some of them greedily."""
        if self._valid is None or self.data.valid is None:
            return None
        bleu = self._bleu(self.data.valid, VALID_TRANSLATIONS, GREEDY)
        return Figures({**self.likelihood(self._valid), "bleu": bleu}, self.evaluated_tokens)

    def _bleu(self, part: Part, count: int, options: SearchOptions) -> float:
        """Return the BLEU of the translations of up to `count` pairs, evenly spaced."""
        pairs = part.pairs
        chosen = np.unique(np.linspace(0, len(pairs.source) - 1, count).astype(int))
        found = self.translate([pairs.source[n] for n in chosen], options)
        return corpus_bleu(found, [pairs.target[n] for n in chosen])

    def sample(self, live: Live, step: int, asked: Mapping[str, Any] | None = None) -> Sample | None:
        """Translate validation pairs that follow from the step, or what a person asks for."""
        source = " ".join(str((asked or {}).get("prompt") or "").split())
        if source:
            text = labelled(source=source, translation=self.translate([source])[0])
            return Sample({"temperature": 0.0, "prompt": "", "text": text})
        if self.data.valid is None:
            return None
        pairs = self.data.valid.pairs
        chosen = [(step + n * 7919) % len(pairs.source) for n in range(min(SHOWN_PAIRS, len(pairs.source)))]
        return Sample({"temperature": 0.0, "prompt": "", "text": self._side_by_side(pairs, chosen)})

    def _side_by_side(self, pairs: Pairs, chosen: list[int]) -> str:
        found = self.translate([pairs.source[n] for n in chosen])
        return "\n\n".join(
            labelled(source=pairs.source[n], translation=text, reference=pairs.target[n])
            for n, text in zip(chosen, found, strict=True)
        )

    def translate(self, lines: list[str], options: SearchOptions = DEFAULT) -> list[str]:
        """Return the best translation of each line by the evaluated weights."""
        self._on_host.refresh()
        self._translator.refresh()
        return [best.text for best, *_ in self._translator.translate(lines, options, check=self.check)]

    def probe_gates(self, step: int) -> None:
        """Write the saturation of the gates over the step's batch."""
        gates = CELLS[self.sizes.cell].gate_names
        self.writer.saturation(step, gates, **self._probes.saturation(self.batch(step)))

    def probe(self, step: int) -> None:
        """Write attention and gates over a validation pair, saturation over the step's batch, and gradient flow."""
        attention, window = self._probes.read_pair()
        self.writer.attention(step, **attention)
        self.writer.window(step, CELLS[self.sizes.cell].gate_names, **window)
        self.probe_gates(step)
        if self._flow is not None:
            self._trained_on_host.refresh()
            self.writer.gradient(**self._flow.measure(step).arrays())

    def results(self, live: Live, step: int, share: float) -> dict[str, Any]:
        """Return the figures of validation and test pairs; BLEU with the beam of a translation."""
        found: dict[str, Any] = {}
        for name, part, batches in (("valid", self.data.valid, self._valid), ("test", self.data.test, self._test)):
            if part is not None and batches is not None:
                found[name] = {**self.likelihood(batches), "bleu": self._bleu(part, FINAL_TRANSLATIONS, DEFAULT)}
        return found


def _longest(part: Part) -> int:
    return int(max(side.lengths.max() for side in (part.tokens.source, part.tokens.target)))
