"""Captions: describe pictures in words.

The data are pictures with one or more captions. A batch has `batch` pictures with captions of like length. Each picture
is augmented anew in each pass.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from lstmtui.data.caption_batches import CaptionBatch, CaptionBatches
from lstmtui.data.caption_examples import CaptionExamples
from lstmtui.data.pair_batches import decoder_rows
from lstmtui.data.picture_file import StoredPictures
from lstmtui.engine.analysis import gate_statistics
from lstmtui.engine.analysis.caption_flow import CaptionFlow
from lstmtui.engine.analysis.caption_layers import CaptionGates
from lstmtui.engine.backend import CELLS, device
from lstmtui.engine.inference.beam_search import DEFAULT, SearchOptions
from lstmtui.engine.inference.captioner import Captioner
from lstmtui.engine.inference.loaded_captioner import LONGEST, identity_of, sizes_of
from lstmtui.engine.nn.caption_buckets import CaptionBuckets
from lstmtui.engine.nn.caption_model import parameters
from lstmtui.engine.nn.optimizer import Optimizer
from lstmtui.engine.nn.params import Arena, Mirror
from lstmtui.engine.tasks.encoder_decoder_task import EncoderDecoderTask, labelled
from lstmtui.engine.tasks.example_task import PartName
from lstmtui.engine.tasks.run_captions import load_captions, store_vocabulary
from lstmtui.engine.tasks.task import Figures, Live, Sample
from lstmtui.errors import UsageError
from lstmtui.reports.caption_scores import caption_scores

Array = np.ndarray[Any, Any]

MAX_CAPTIONED, FINAL_CAPTIONED = 250, 2000
"""Pictures that the scores are of, on the way and at the end, at most."""
GREEDY = SearchOptions(beam=1)
END = "</s>"
"""How the end of a caption is named."""
SHOWN_PICTURES = 4
"""Validation pictures of a sample, always the same ones."""


class CaptionTask(EncoderDecoderTask[CaptionBatch]):
    """Trains a caption model on batches of pictures with captions of like length."""

    # Captions still get better when the loss of validation rises, with pictures of what no training caption names.
    decides = "f1"
    model: CaptionBuckets
    evaluated: CaptionBuckets

    # --- prepare --------------------------------------------------------------------------------------------------

    def read_data(self) -> dict[str, Any]:
        """Read pictures and captions, and train the vocabulary."""
        self.data = data = load_captions(self.settings, self.report)
        store_vocabulary(self.writer.run, data)
        self.batches = self._batches_of(data.train, self.settings.run.seed)
        self.note(data.notes)
        self._digest = data.digest()
        return {"pictures": data.train.pictures, "vocabulary": data.tokenizer.size}

    def _batches_of(self, examples: CaptionExamples, seed: int | None) -> CaptionBatches:
        s = self.settings
        positions = s.length.batch * s.length.bptt
        if seed is None:  # a part that is not trained on may have longer captions
            positions = max(positions, int(examples.tokens.lengths.max()))
        return CaptionBatches(examples, s.pictures, s.length.batch, positions, seed)

    def build(self) -> None:
        """Make weights, optimizer and models. Raises UsageError for an unusable device, MemoryError."""
        s, dev, data = self.settings, device(self.settings.run.device), self.data
        self.sizes = sizes_of(s, data.tokenizer)
        self.weights = Arena(parameters(self.sizes), device=dev)
        compute, gradients = self.compute(dev), Arena(self.weights.layout, device=dev)
        self.optimizer = Optimizer(s, self.weights, s.run.threads)
        self.model = CaptionBuckets(self.sizes, self.weights, compute=compute, gradients=gradients)
        self.evaluated = CaptionBuckets(
            self.sizes, self.optimizer.evaluated, compute=compute, memory=self.model.memory
        )  # fmt: skip
        self._on_host, self._trained_on_host = Mirror(self.optimizer.evaluated), Mirror(self.weights)
        self._flow = self._make_flow()
        self._captioner = Captioner(
            s.pictures, self.sizes, self._on_host.host, data.tokenizer, self.compute(), longest=self._longest
        )
        self._valid, self._test = (
            None if part is None else self._batches_of(part, None) for part in (data.valid, data.test)
        )

    def _make_flow(self) -> CaptionFlow | None:
        """Return a measurement of gradient flow on validation pictures, or on training pictures without any; None
        where their captions are too short."""
        part, s = self.data.valid or self.data.train, self.settings
        try:
            return CaptionFlow(self.sizes, self._trained_on_host.host, part, s.pictures, threads=s.run.threads)
        except UsageError:
            return None

    @property
    def training_tokens(self) -> Array:
        """All tokens of captions that are trained on."""
        return self.data.train.tokens.flat

    def exercise(self) -> None:
        """Evaluate a batch, and caption a picture of it."""
        self.evaluated.evaluate(self.batch(0))
        for beam in (DEFAULT.beam, 1):
            self.caption(self.data.train, [0], SearchOptions(beam=beam, max_length=2))
        if self._flow is not None:
            self._flow.measure()

    @property
    def digest(self) -> str:
        """Digest of training pictures, captions and vocabulary."""
        return self._digest

    @property
    def status(self) -> dict[str, Any]:
        """The size of the vocabulary, and the tokens of the longest caption."""
        return {"vocabulary": self.data.tokenizer.size, LONGEST: self._longest}

    @property
    def _longest(self) -> int:
        return int(self.data.train.tokens.lengths.max())

    def identity(self) -> dict[str, Any]:
        """Return the settings that shape the weights, and the tokenizer's digest."""
        return identity_of(self.settings, self.data.tokenizer)

    # --- observe --------------------------------------------------------------------------------------------------

    def targets(self, part: PartName) -> int:
        """Return the number of tokens in a part of the data; but for training, those of first captions."""
        if part == "train":
            return len(self.training_tokens)
        found = self.data.valid if part == "valid" else self.data.test
        return 0 if found is None else int(found.tokens.lengths[found.first].sum())

    def evaluate(self) -> Figures | None:
        """Evaluate the validation pictures, and caption some of them greedily."""
        if self._valid is None or self.data.valid is None:
            return None
        scores = self._scores(self.data.valid, MAX_CAPTIONED, GREEDY)
        return Figures({**self.likelihood(self._valid), **scores}, self.evaluated_tokens)

    def _scores(self, part: CaptionExamples, count: int, options: SearchOptions) -> dict[str, float]:
        """Return the scores of the captions of up to `count` pictures, evenly spaced."""
        chosen = np.unique(np.linspace(0, part.pictures - 1, count).astype(int)).tolist()
        found, of = self.caption(part, chosen, options), part.captions
        return caption_scores(found, [of.references[n] for n in chosen], [of.concepts[n] for n in chosen])._asdict()

    def sample(self, live: Live, step: int, asked: Mapping[str, Any] | None = None) -> Sample | None:
        """Return the captions of a few validation pictures, always the same ones, beside the true ones."""
        part = self.data.valid
        if part is None:
            return None
        chosen = _shown(part)
        texts = [
            labelled(picture=str(part.captions.pictures[n]), caption=text, reference=part.captions.references[n][0])
            for n, text in zip(chosen, self.caption(part, chosen), strict=True)
        ]
        return Sample({"temperature": 0.0, "prompt": "", "text": "\n\n".join(texts)})

    def caption(self, part: CaptionExamples, chosen: Sequence[int], options: SearchOptions = DEFAULT) -> list[str]:
        """Return the best caption of some pictures of a part by the evaluated weights."""
        self._on_host.refresh()
        self._captioner.refresh()
        vectors = [part.vectors(n, self.settings.pictures) for n in chosen]
        return [best.text for best, *_ in self._captioner.caption(vectors, options, check=self.check)]

    def probe_gates(self, step: int) -> None:
        """Write the saturation of the gates over the batch of the step."""
        batch = self.batch(step)
        self.evaluated.evaluate(batch)
        found = CaptionGates(self.evaluated.model(batch), batch)
        gates = CELLS[self.sizes.cell].gate_names
        self.writer.saturation(step, gates, **gate_statistics.saturation(found), layer_names=found.names)

    def probe(self, step: int) -> None:
        """Write the pictures of the samples, attention and gates over the first, saturation, and gradient flow."""
        self.probe_gates(step)
        part = self.data.train if self.data.valid is None else self.data.valid
        shown = _shown(part)
        if isinstance(part.grids, StoredPictures):
            self.writer.pictures(np.stack([part.grids[n] for n in shown]))
        attention, window = self._read_picture(part, shown[0])
        self.writer.attention(step, **attention)
        self.writer.window(step, CELLS[self.sizes.cell].gate_names, **window)
        if self._flow is not None:
            self._trained_on_host.refresh()
            self.writer.gradient(**self._flow.measure(step).arrays())

    def _read_picture(self, part: CaptionExamples, shown: int) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the arrays of an `AttentionProbe` and of a window of gates, over a picture's first caption."""
        ids = part.tokens[int(part.first[shown])]
        inputs, targets = decoder_rows([ids])
        vectors = part.vectors(shown, self.settings.pictures)[:, None]
        batch = CaptionBatch(vectors, inputs, targets, np.array([shown]), part.first[shown : shown + 1])
        self.evaluated.evaluate(batch)
        model = self.evaluated.model(batch)
        weights = model.alignment()[: len(ids), 0]
        words = [self.data.tokenizer.token_bytes(int(token)).decode("utf-8", "replace") for token in ids[:-1]]
        rows, columns = self.sizes.grid
        places = [f"{r + 1},{c + 1}" for r in range(rows) for c in range(columns)]
        attention = {
            "source": places, "target": [*words, END], "weights": weights.astype(np.float16),
            "part": "training" if self.data.valid is None else "validation",
        }  # fmt: skip
        return attention, CaptionGates(model, batch).window([END, *words])

    def results(self, live: Live, step: int, share: float) -> dict[str, Any]:
        """Return the figures of validation and test pictures, with the beam of a caption."""
        return {
            name: {**self.likelihood(batches), **self._scores(part, FINAL_CAPTIONED, DEFAULT)}
            for name, part, batches in (("valid", self.data.valid, self._valid), ("test", self.data.test, self._test))
            if part is not None and batches is not None
        }


def _shown(part: CaptionExamples) -> list[int]:
    """Return the pictures of a part that are shown, evenly spaced."""
    chosen = (np.arange(SHOWN_PICTURES) + 0.5) * part.pictures // SHOWN_PICTURES
    return np.unique(chosen.astype(int)).tolist()
