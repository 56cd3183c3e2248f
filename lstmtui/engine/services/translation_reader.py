"""Reads pairs of sentences with a translation model, for `unit_inspector`.

A line of the text is a source, or a source, a tab and its target; without a target, the model translates the source.
Layers of the encoder read the sources, those of the decoder the targets: the sentence end first, then each token of the
target, whose surprise is that of the prediction before it.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from lstmtui import config
from lstmtui.data.pair_batches import make_batch
from lstmtui.data.pairs import Pairs, PairTokens, encode_pairs
from lstmtui.data.parallel_corpus import open_pairs
from lstmtui.data.tokens import Tokenizer
from lstmtui.engine.analysis.translation_flow import TranslationFlow
from lstmtui.engine.analysis.translation_layers import SOURCE, TARGET, lengths, named_layers, of_sentence
from lstmtui.engine.backend import CPU
from lstmtui.engine.inference.best_weights import load_best_weights, require_checkpoint
from lstmtui.engine.inference.loaded_translator import identity_of, load_tokenizers, sizes_of
from lstmtui.engine.inference.translator import Translator, surface_tokens
from lstmtui.engine.nn.linear import Compute
from lstmtui.engine.nn.translation_buckets import TranslationBuckets
from lstmtui.engine.nn.translation_model import TranslationSizes, parameters
from lstmtui.engine.services.encoder_decoder_reader import EncoderDecoderReader
from lstmtui.engine.services.reading import DEFAULT_TOKENS, MAX_TOKENS, Layer, Reading, Side, parts_of
from lstmtui.errors import UsageError
from lstmtui.reports.gradient_flow import Flow
from lstmtui.runs.folder import RunFolder

Array = np.ndarray[Any, Any]

BATCH = 16
"""Pairs that are read at once."""
LINE_END = "\n"


class TranslationReader(EncoderDecoderReader):
    """Reads with the best checkpoint of one run; a `Reader`."""

    ways = 2
    _sizes: TranslationSizes

    def __init__(self, run: RunFolder) -> None:
        """Load the run. Raises UsageError for a run without a checkpoint, CorruptError for a damaged one."""
        self._settings = s = config.load(run.config)
        self._tokenizers = load_tokenizers(run, s)
        require_checkpoint(run)
        self._sizes = sizes_of(s, self._tokenizers)
        layout = parameters(self._sizes)
        self.step, self._weights = load_best_weights(run, s, layout, identity_of(s, self._tokenizers))
        self._compute = Compute(CPU.resolve_precision(s.run.precision, np.float32), s.run.threads)
        self._model = TranslationBuckets(self._sizes, self._weights, compute=self._compute)
        self._validation: Pairs | None = None

    def flow(self, lags: int) -> Flow:
        """Return the gradient flow on the run's validation pairs. Raises UsageError."""
        pairs = encode_pairs(self._validation_pairs(), self._tokenizers)
        threads = self._settings.run.threads
        return TranslationFlow(self._sizes, self._weights, pairs, lags=lags, threads=threads).measure(self.step)

    # --- pairs ----------------------------------------------------------------------------------------------------

    def read(self, text: str) -> Reading:
        """Read lines of text; without any, the run's first validation pairs. Raises UsageError."""
        given = bool(text.strip())
        pairs = self._given_pairs(text) if given else self._validation_pairs()
        if not given:  # no more than can be shown; every sentence has a token
            pairs = Pairs(*(side[:DEFAULT_TOKENS] for side in (pairs.source, pairs.target)))
        tokens, count = _first(encode_pairs(pairs, self._tokenizers), MAX_TOKENS if given else DEFAULT_TOKENS)
        layers, nll = self._read(tokens)
        source, target = pairs.source[:count], pairs.target[:count]
        sides = {SOURCE: self._source_side(tokens, source), TARGET: self._target_side(tokens, target, nll)}
        lines = "".join(f"{of_source}\t{of_target}\n" for of_source, of_target in zip(source, target, strict=True))
        return Reading(text, sides, layers, cut=given and count < len(pairs.source), lines=lines)

    def _given_pairs(self, text: str) -> Pairs:
        """Return the pairs of lines, translated where they have no target."""
        rows = [line.partition("\t") for line in text.splitlines() if line.strip()]
        source = [before.strip() for before, _, _ in rows]
        target = [after.strip() for _, _, after in rows]
        missing = [n for n, line in enumerate(target) if not line]
        if missing:
            translator = Translator(self._sizes, self._weights, self._tokenizers, self._compute)
            for n, (best, *_) in zip(missing, translator.translate([source[n] for n in missing]), strict=True):
                target[n] = best.text
        return Pairs(tuple(source), tuple(target))

    def _validation_pairs(self) -> Pairs:
        """Return the run's validation pairs, or some of its training pairs without any. Raises UsageError."""
        if self._validation is None:
            corpus = open_pairs(self._settings.data)
            self._validation = Pairs((), ())
            for pairs in itertools.chain([corpus.valid], corpus.train.chunks()):
                rows = zip(pairs.source, pairs.target, strict=True)
                usable = np.array([bool(source.strip() and target.strip()) for source, target in rows], bool)
                if usable.any():
                    self._validation = pairs.select(usable)
                    break
        return self._validation

    # --- reading --------------------------------------------------------------------------------------------------

    def _read(self, pairs: PairTokens) -> tuple[list[Layer], list[Array]]:
        """Return what every layer computed over all pairs, and the negative log-likelihoods of each target."""
        values: list[list[Array]] = [[] for _ in range(self.layers)]
        nll: list[Array] = []
        for at in range(0, len(pairs), BATCH):
            batch = make_batch(pairs, np.arange(at, min(len(pairs), at + BATCH)))
            of_batch = self._model.evaluate(batch)
            layers = named_layers(self._model.model(batch))
            for layer, found in zip(layers, values, strict=True):
                by_part = layer.values
                stacked = np.stack([by_part[part] for part in parts_of(self.cell)], axis=2)  # (steps, B, P, H)
                found += [of_sentence(layer, stacked, batch, b).astype(np.float16) for b in range(len(batch.pairs))]
            nll += [of_batch[: int(count), b] for b, count in enumerate(lengths(batch, TARGET))]
        return [
            Layer(layer.side, np.concatenate(found).transpose(1, 0, 2), layer.name)
            for layer, found in zip(layers, values, strict=True)
        ], nll

    def _source_side(self, pairs: PairTokens, lines: Sequence[str]) -> Side:
        """Return the tokens of all sources, each with its end, which breaks the line."""
        tokenizer, pieces = self._tokenizers.source, []
        for n, line in enumerate(lines):
            pieces += [*_pieces(tokenizer, line, pairs.source[n][:-1]), LINE_END]
        return Side(pairs.source.flat, pieces, [None] * len(pieces), _text_of(tokenizer))

    def _target_side(self, pairs: PairTokens, lines: Sequence[str], nll: Sequence[Array]) -> Side:
        """Return what the decoder reads of all targets: the end of the sentence before, then the tokens."""
        tokenizer = self._tokenizers.target
        tokens, pieces, bits = [], [], []
        last: float | None = None
        for n, line in enumerate(lines):
            ids = pairs.target[n]
            tokens += [ids[-1:], ids[:-1]]
            pieces += [LINE_END, *_pieces(tokenizer, line, ids[:-1])]
            bits += [last, *(round(float(x) / math.log(2), 3) for x in nll[n][:-1])]
            last = round(float(nll[n][-1]) / math.log(2), 3)
        return Side(np.concatenate(tokens), pieces, bits, _text_of(tokenizer))


def _first(pairs: PairTokens, limit: int) -> tuple[PairTokens, int]:
    """Return the first pairs, of up to `limit` tokens of either side, and how many they are.

    Raises UsageError where the first alone has more.
    """
    longer = np.maximum(pairs.source.lengths, pairs.target.lengths)
    kept = longer.cumsum() <= limit
    if not kept.any():
        raise UsageError(f"A line has {int(longer[0]):,} tokens, more than the {limit:,} that can be inspected.")
    return PairTokens(pairs.source.select(kept), pairs.target.select(kept)), int(kept.sum())


def _pieces(tokenizer: Tokenizer, line: str, ids: Array) -> list[str]:
    """Return the tokens of a line as text, with what stands between them."""
    separator = tokenizer.joiner.decode()
    return [piece + separator for piece in surface_tokens(line, ids, tokenizer)]


def _text_of(tokenizer: Tokenizer) -> Callable[[int], str]:
    return lambda token: tokenizer.token_bytes(token).decode("utf-8", "replace")
