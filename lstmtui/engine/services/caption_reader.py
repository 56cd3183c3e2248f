"""Reads pictures and their captions with a caption model, for `unit_inspector`.

A line of the text is the path of a picture, or that, a tab and a caption; without a caption, the model writes it.
Layers along rows and columns read the patches, those of the decoder the captions: the end first, then each token, whose
surprise is that of the prediction before it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from lstmtui import config
from lstmtui.data.caption_batches import CaptionBatch
from lstmtui.data.caption_examples import CaptionExamples
from lstmtui.data.pair_batches import decoder_rows
from lstmtui.data.pairs import encode_lines
from lstmtui.data.picture_augmentation import prepare
from lstmtui.data.picture_features import read_vectors
from lstmtui.data.pictures import read_picture
from lstmtui.data.tokens import load as load_tokenizer
from lstmtui.engine.analysis.caption_flow import CaptionFlow
from lstmtui.engine.analysis.caption_layers import named_layers
from lstmtui.engine.analysis.translation_layers import TARGET
from lstmtui.engine.backend import CPU
from lstmtui.engine.inference.best_weights import load_best_weights, require_checkpoint
from lstmtui.engine.inference.captioner import Captioner
from lstmtui.engine.inference.loaded_captioner import LONGEST, USUAL_LONGEST, identity_of, sizes_of
from lstmtui.engine.nn.caption_buckets import CaptionBuckets
from lstmtui.engine.nn.caption_model import CaptionSizes, parameters
from lstmtui.engine.nn.linear import Compute
from lstmtui.engine.nn.picture_encoder import ROWS
from lstmtui.engine.services.encoder_decoder_reader import EncoderDecoderReader
from lstmtui.engine.services.reading import DEFAULT_TOKENS, MAX_TOKENS, Layer, Reading, Side, parts_of
from lstmtui.engine.tasks.run_captions import load_captions
from lstmtui.reports.gradient_flow import Flow
from lstmtui.runs.folder import RunFolder
from lstmtui.runs.reader import status_number

Array = np.ndarray[Any, Any]

PICTURE, CAPTION = "picture", "caption"
"""The sides of a reading."""
INK = " ░▒▓█"
"""What a patch is drawn as, by its mean ink."""
LINE_END = "\n"


class _Described(NamedTuple):
    """A picture with its caption."""

    name: str
    vectors: Array
    """(S, D)"""
    caption: str


class CaptionReader(EncoderDecoderReader):
    """Reads with the best checkpoint of one run; a `Reader`."""

    ways = 4  # both directions along rows, and along columns
    _sizes: CaptionSizes

    def __init__(self, run: RunFolder) -> None:
        """Load the run. Raises UsageError for a run without a checkpoint, CorruptError for a damaged one."""
        self._settings = s = config.load(run.config)
        self._tokenizer = load_tokenizer(run.tokenizer)
        require_checkpoint(run)
        self._sizes = sizes_of(s, self._tokenizer)
        identity = identity_of(s, self._tokenizer)
        self.step, self._weights = load_best_weights(run, s, parameters(self._sizes), identity)
        self._compute = Compute(CPU.resolve_precision(s.run.precision, np.float32), s.run.threads)
        self._model = CaptionBuckets(self._sizes, self._weights, compute=self._compute)
        self._longest = int(status_number(run, LONGEST, USUAL_LONGEST))
        self._validation: CaptionExamples | None = None

    def flow(self, lags: int) -> Flow:
        """Return the gradient flow on the run's validation pictures. Raises UsageError."""
        s = self._settings
        flow = CaptionFlow(
            self._sizes, self._weights, self._examples(), s.pictures, lags=lags, threads=s.run.threads
        )  # fmt: skip
        return flow.measure(self.step)

    # --- pictures -------------------------------------------------------------------------------------------------

    def read(self, text: str) -> Reading:
        """Read lines of text; without any, the run's first validation pictures. Raises UsageError."""
        rows = [line for line in text.splitlines() if line.strip()]
        shown = max(1, (MAX_TOKENS if rows else DEFAULT_TOKENS) // self._sizes.grid.positions)
        described = self._given(rows[:shown]) if rows else self._validation_pictures(shown)
        ids = encode_lines([each.caption for each in described], self._tokenizer)
        inputs, targets = decoder_rows(ids)
        numbers = np.arange(len(described))
        batch = CaptionBatch(np.stack([each.vectors for each in described], 1), inputs, targets, numbers, numbers)
        nll = self._model.evaluate(batch)
        sides = {PICTURE: self._picture_side(described), CAPTION: self._caption_side(ids, nll)}
        lines = "".join(f"{each.name}\t{each.caption}\n" for each in described)
        layers = self._layers_of(batch, [len(caption) for caption in ids])
        return Reading(text, sides, layers, cut=shown < len(rows), lines=lines)

    def _given(self, rows: Sequence[str]) -> list[_Described]:
        """Return the pictures of lines, with captions of the model where they have none."""
        names, _, captions = zip(*(row.partition("\t") for row in rows), strict=True)
        vectors = [self._read_file(Path(name.strip()).expanduser()) for name in names]
        missing = [n for n, caption in enumerate(captions) if not caption.strip()]
        written = list(captions)
        if missing:
            captioner = Captioner(
                self._settings.pictures, self._sizes, self._weights, self._tokenizer, self._compute,
                longest=self._longest,
            )  # fmt: skip
            for n, (best, *_) in zip(missing, captioner.caption([vectors[n] for n in missing]), strict=True):
                written[n] = best.text
        return [_Described(*each) for each in zip(names, vectors, written, strict=True)]

    def _read_file(self, path: Path) -> Array:
        pictures = self._settings.pictures
        if self._settings.data.features:
            return read_vectors(path, (pictures.vectors, pictures.vector_size))
        return prepare(read_picture(path, pictures.side).pixels, pictures)

    def _examples(self) -> CaptionExamples:
        """Return the run's validation pictures, or its training pictures without any. Raises UsageError."""
        if self._validation is None:
            data = load_captions(self._settings)
            self._validation = data.train if data.valid is None else data.valid
        return self._validation

    def _validation_pictures(self, count: int) -> list[_Described]:
        """Return the first pictures, with their first captions."""
        examples = self._examples()
        of = examples.captions
        return [
            _Described(str(of.pictures[n]), examples.vectors(n, self._settings.pictures), of.references[n][0])
            for n in range(min(count, examples.pictures))
        ]

    # --- reading --------------------------------------------------------------------------------------------------

    def _layers_of(self, batch: CaptionBatch, lengths: Sequence[int]) -> list[Layer]:
        """Return what every layer computed over the pictures and captions of the batch that was read last.

        lengths  of the captions, their ends included
        """
        model, count, parts = self._model.model(batch), len(lengths), parts_of(self.cell)
        (rows, columns), B, found = self._sizes.grid, model.encoder.B, []
        for layer in named_layers(model):
            by_part = layer.values
            stacked = np.stack([by_part[part] for part in parts], axis=0).astype(np.float16)  # (P, steps, N, H)
            if layer.side == TARGET:
                values = np.concatenate([stacked[:, : lengths[b], b] for b in range(count)], axis=1)
                found.append(Layer(CAPTION, values, layer.name))
                continue
            if layer.is_backward:
                stacked = stacked[:, ::-1]
            lines = stacked.reshape(len(parts), stacked.shape[1], -1, B, self.units)
            grid = lines.swapaxes(1, 2) if layer.side == ROWS else lines  # (P, rows, columns, B, H)
            ordered = grid[:, :, :, :count].transpose(0, 3, 1, 2, 4)
            found.append(Layer(PICTURE, ordered.reshape(len(parts), count * rows * columns, -1), layer.name))
        return found

    def _picture_side(self, described: Sequence[_Described]) -> Side:
        """Return the patches of all pictures, each row a line and an empty one behind a picture."""
        (rows, columns), pieces = self._sizes.grid, []
        for each in described:
            ink = np.abs(each.vectors).mean(axis=1)
            shades = (ink / max(float(ink.max()), 1e-9) * (len(INK) - 1)).round().astype(int)
            for n, shade in enumerate(shades):
                last = (n + 1) % columns == 0
                pieces.append(2 * INK[shade] + (LINE_END if last else "") + (LINE_END if n + 1 == len(shades) else ""))
        numbers = np.tile(np.arange(rows * columns, dtype=np.int32), len(described))
        return Side(numbers, pieces, [None] * len(pieces), lambda n: f"{n // columns + 1},{n % columns + 1}")

    def _caption_side(self, ids: Sequence[Array], nll: Array) -> Side:
        """Return what the decoder reads of all captions: the end of the one before, then the tokens."""
        tokens, pieces, last = [], [], None
        bits: list[float | None] = []
        for b, caption in enumerate(ids):
            tokens += [caption[-1:], caption[:-1]]
            pieces += [LINE_END, *(self._text_of(int(token)) + self._joiner for token in caption[:-1])]
            surprise = [round(float(x) / math.log(2), 3) for x in nll[: len(caption), b]]
            bits += [last, *surprise[:-1]]
            last = surprise[-1]
        return Side(np.concatenate(tokens), pieces, bits, self._text_of)

    @property
    def _joiner(self) -> str:
        return self._tokenizer.joiner.decode()

    def _text_of(self, token: int) -> str:
        return self._tokenizer.token_bytes(token).decode("utf-8", "replace")
