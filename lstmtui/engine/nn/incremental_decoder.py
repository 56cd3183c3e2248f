"""A decoder with attention that writes a token at a time: several hypotheses for each of several sources.

Sources are encoded once; each step reads one token of every hypothesis, states carried. Only the hypotheses that go on
are computed: a decoder of about their number takes over where they become more or fewer. All decoders share their
buffers and the packed weights. It computes on the processor, with the parts that train.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, NamedTuple

import numpy as np

from lstmtui.engine.backend import top_tokens
from lstmtui.engine.nn.encoder_decoder import TABLE, DecoderSizes, Encoder
from lstmtui.engine.nn.encoder_head import KEYS, Encoded
from lstmtui.engine.nn.linear import Compute
from lstmtui.engine.nn.params import Arena
from lstmtui.engine.nn.reused_memory import ReusedMemory
from lstmtui.engine.nn.step_attention import StepAttention
from lstmtui.engine.nn.translation_decoder import QUERIES, TranslationDecoder

Array = np.ndarray[Any, Any]


class Following(NamedTuple):
    """What may follow each of n hypotheses; valid until the next step."""

    tokens: Array
    """(n, K) int32: the most probable ones, the best first."""
    log_p: Array
    """(n, K): their log probabilities; minus infinity for a token that is missing."""
    attention: Array
    """(n, S): what this step has read of each source."""


def decoder_rows(count: int) -> int:
    """Return the rows of the decoder for `count` hypotheses: at most an eighth more."""
    step = 1 << max(0, count.bit_length() - 4)
    return -(-count // step) * step


class IncrementalDecoder(ABC):
    """Up to `sentences` sources of up to S positions, and `width` hypotheses of each, over shared weights."""

    encoder: Encoder

    def __init__(self, sizes: DecoderSizes, weights: Arena, shape: tuple[int, int, int], *, compute: Compute) -> None:
        """`shape` is (S, sentences, width). The weights are those of the processor, as they are now.

        Raises MemoryError where the buffers do not fit.
        """
        self._S, self.sentences, self.width = shape
        self._cell, self._weights, self._compute = sizes.cell, weights, compute
        self._table, self._bias = weights[TABLE][: sizes.target_vocabulary], weights["softmax.b"]
        (V, E), dtype, N = self._table.shape, weights.flat.dtype, decoder_rows(self.sentences * self.width)
        self._W = weights.device.Packed(E, V, compute.precision)
        read = len(weights[f"{QUERIES}.W"]), weights[f"{KEYS}.W"].shape[1]
        self._attention = StepAttention(N, self._S, read, dtype=dtype, threads=compute.threads)
        self._memory, self._decoders = ReusedMemory(weights), dict[int, TranslationDecoder]()
        self._packing = self._decoder_of(N)
        """The decoder that packs the weights for all."""
        K = min(self.width, V)
        self._logits, self._normaliser = np.zeros((N, V), dtype), np.zeros(N, dtype)
        self._top, self._top_log_p = np.zeros((N, K), np.int32), np.zeros((N, K), dtype)
        self.load()

    @abstractmethod
    def _load_sources(self, source: Array, lengths: Array) -> Array:
        """Give the encoder sources (s, b, ...) of these lengths (b,), padded to the shape of its buffers, and return
        the lengths of all of them (sentences,) int32. Raises ValueError for larger ones."""

    def _decoder_of(self, rows: int) -> TranslationDecoder:
        if rows not in self._decoders:
            self._memory.restart()
            self._decoders[rows] = TranslationDecoder(
                self._cell, TABLE, self._memory.weights, (1, self._S, rows), compute=self._compute,
                attention=self._attention,
            )  # fmt: skip
        return self._decoders[rows]

    def load(self) -> None:
        """Take the weights as they are now."""
        self.encoder.pack()
        self._packing.pack()
        self._W.pack_transposed(self._table, self._compute.threads)

    def begin(self, source: Array, lengths: Array) -> None:
        """Encode sources (s, b, ...) of these lengths (b,), s at most S and b at most `sentences`; each has a
        hypothesis."""
        s, b = source.shape[:2]
        if s > self._S or b > self.sentences:
            raise ValueError(f"{b} sources of {s} positions, for buffers of {self.sentences} of {self._S}")
        self._lengths = self._load_sources(source, lengths)
        memory, keys, initial = self.encoder.forward()
        # All positions of a source lie together, for its hypotheses to read.
        memory, keys = (np.ascontiguousarray(part.transpose(1, 0, 2)) for part in (memory, keys))
        self._encoded = Encoded(memory, keys, initial)
        self._sources = np.arange(b, dtype=np.int32)
        self._attention.read_sources(self._sources)
        self._decoder = self._decoder_of(decoder_rows(b))
        states = np.zeros((self._decoder.B, initial.shape[1]), initial.dtype)
        states[:b] = initial[:b]
        self._decoder.begin(states)

    def step(self, tokens: Array) -> Following:
        """Read a token of each hypothesis (n,), and return what may follow."""
        n, threads, decoder = len(tokens), self._compute.threads, self._decoder
        padded = np.zeros((1, decoder.B), np.int32)
        padded[0, :n] = tokens
        decoder.load(padded)
        outputs = decoder.forward(self._encoded, self._lengths)[0, :n]
        decoder.carry()
        self._weights.device.linear.forward(outputs, self._W, self._bias, self._logits[:n], threads)
        found = Following(self._top[:n], self._top_log_p[:n], self._attention.weights[:n])
        top_tokens.top_tokens(self._logits[:n], self._normaliser[:n], found.tokens, found.log_p, threads)
        return found

    def log_p(self, row: int, tokens: Array) -> Array:
        """Return the log probabilities of some tokens (k,) after a hypothesis, of the last step."""
        return self._logits[row, tokens] - self._normaliser[row]

    def reorder(self, rows: Array) -> None:
        """Go on with len(rows) hypotheses, number n from the states of rows[n]."""
        states = [state[rows] for state in self._decoder.states()]
        self._decoder = self._decoder_of(decoder_rows(len(rows)))
        self._decoder.take_buffers()
        for state, chosen in zip(self._decoder.states(), states, strict=True):
            state[: len(rows)] = chosen
        self._sources = self._sources[rows]
        self._attention.read_sources(self._sources)
