"""Completion over tokens, answers in words: the rest of the current word, the next word, or a phrase.

A batched beam search from the state after the typed text. Where tokens are longer than characters (words, bpe), the
typed part of the last word is taken back and the search is constrained to what spells it. A word ends where the model
would go on with a space, punctuation or a line end: the probability of all such tokens together finishes a candidate,
and candidates that reach the same text add up.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from lstmtui.config import Settings
from lstmtui.data.tokens import Tokenizer
from lstmtui.engine.context import Context, Moment
from lstmtui.engine.model import Network
from lstmtui.engine.params import Arena
from lstmtui.engine.sample import opening

Array = np.ndarray[Any, Any]

WIDTH = 16
"""Hypotheses followed side by side."""
LONGEST_WORD = 28
"""Tokens after which a word that does not end is given up."""
PHRASE_WORDS = 8
CONFIDENT = 0.35
"""A phrase goes on as long as its next word is at least this probable."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """Text to insert at the cursor, with its probability."""

    text: str
    probability: float


@dataclass(frozen=True, slots=True)
class _Hypothesis:
    """One way to go on: what it adds to the typed text, and what it must still spell of it."""

    logp: float
    row: int
    """Its row in the batch that read its last token."""
    added: bytes
    owed: bytes


def _in_word(byte: int) -> bool:
    """Return whether a byte belongs to a word: letters, digits, apostrophe, underscore, and all beyond ASCII."""
    return byte >= 0x80 or chr(byte).isalnum() or byte in b"'_"


def word_begun(text: bytes) -> bytes:
    """Return the end of `text` that belongs to the word being typed; empty after a space or punctuation."""
    start = len(text)
    while start and _in_word(text[start - 1]):
        start -= 1
    return text[start:]


class Completer:
    """Answers for one model. Keeps the state of the text it saw last, so a key press costs one step and a search."""

    def __init__(self, s: Settings, weights: Arena, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self._context = Context(s, weights)
        self._network = Network(s, weights, 1, WIDTH, threads=1, backward=False)
        self._column = np.zeros((1, WIDTH), np.int32)
        self._whole_words = bool(tokenizer.joiner)
        pieces = [tokenizer.token_bytes(i) for i in range(tokenizer.size)]
        self._pieces = pieces
        unusable = {i for i, piece in enumerate(pieces) if b"\n" in piece or b"\r" in piece or not piece}
        if tokenizer.unk is not None:
            unusable.add(tokenizer.unk)
        self._usable = np.array([i not in unusable for i in range(len(pieces))])
        self._ends_word = np.array([not piece or not _in_word(piece[0]) for piece in pieces])
        self._spelling = lru_cache(maxsize=256)(self._spells)

    def complete(self, text: str, *, k: int = 5, phrase: bool = False) -> list[Candidate]:
        """Return up to `k` distinct continuations of `text`, the most probable first."""
        data = text.encode("utf-8", "surrogatepass")
        found = self._words(data, k)
        return [self._extended(data, c) for c in found] if phrase else found

    def _extended(self, data: bytes, first: Candidate) -> Candidate:
        """Return `first` with the words that surely follow."""
        text, probability = first.text, first.probability
        for _ in range(PHRASE_WORDS):
            following = self._words(data + text.encode(), 1, begin_anew=True)
            if not following or following[0].probability < CONFIDENT:
                break
            text += following[0].text
            probability *= following[0].probability
        return Candidate(text, probability)

    # --- the search -----------------------------------------------------------------------------------------------

    def _words(self, data: bytes, k: int, *, begin_anew: bool = False) -> list[Candidate]:
        """Search for the end of the word in `data` or, with `begin_anew`, for the word after it."""
        owed = self._owed(data, begin_anew)
        before = data[: len(data) - len(owed)]
        tokens = [int(t) for t in opening(self._tokenizer, before.decode("utf-8", "surrogatepass"))]
        moment = self._context.after(tokens)
        lead = b""
        if begin_anew and self._whole_words:
            lead = self._tokenizer.joiner
        finished: dict[bytes, float] = {}
        beam = [_Hypothesis(0.0, 0, lead, owed)]
        logp = _log_softmax(moment.logits[None])
        self._spread(moment)
        for _ in range(LONGEST_WORD):
            beam, chosen = self._grow(beam, logp, finished, begin_anew)
            if not beam or _settled(beam, finished, k):
                break
            logp = self._read(beam, chosen)
        ranked = sorted(finished.items(), key=lambda item: (-item[1], item[0]))
        total = self._possible(moment, owed)
        return [Candidate(t.decode("utf-8", "ignore"), min(1.0, p / total)) for t, p in ranked[:k] if t]

    def _owed(self, data: bytes, begin_anew: bool) -> bytes:
        """Return the end of the typed text that is taken back and must be spelt again."""
        if self._tokenizer.kind in ("bytes", "chars") or begin_anew:
            return b""
        if self._whole_words:
            return data[max(data.rfind(b" "), data.rfind(b"\n"), data.rfind(b"\t")) + 1 :]
        # Byte-level BPE joins a space to the word after it.
        word = word_begun(data)
        start = len(data) - len(word)
        return data[start - 1 :] if start and data[start - 1 : start] == b" " else word

    def _possible(self, moment: Moment, owed: bytes) -> float:
        """Return the probability that what is owed is spelt at all, to which candidates are relative."""
        if not owed:
            return 1.0
        p = np.exp(_log_softmax(moment.logits[None])[0])
        return max(1e-12, float(p[self._spelling(owed)].sum()))

    def _spells(self, owed: bytes) -> Array:
        """Return a mask (V,) of the tokens that spell `owed`, its beginning, or it and more."""
        return np.array([bool(p) and (p.startswith(owed) or owed.startswith(p)) for p in self._pieces])

    def _grow(
        self, beam: list[_Hypothesis], logp: Array, finished: dict[bytes, float], begin_anew: bool
    ) -> tuple[list[_Hypothesis], list[int]]:
        """Finish what may end, and return the best WIDTH hypotheses one token longer, with those tokens.

        `logp` (rows, V) belongs to the rows of `beam`, in order.
        """
        grown: list[tuple[float, int, _Hypothesis]] = []
        for at, hypothesis in enumerate(beam):
            allowed = self._allowed(hypothesis, begin_anew)
            row = logp[at]
            if not self._whole_words and not hypothesis.owed and _has_word(hypothesis.added):
                end = float(np.exp(row[self._ends_word]).sum())
                text = hypothesis.added
                finished[text] = finished.get(text, 0.0) + math.exp(hypothesis.logp) * end
            scores = np.where(allowed, row, -np.inf)
            for token in _largest(scores, WIDTH):
                if scores[token] == -np.inf:
                    continue
                grown.append(self._step(hypothesis, at, int(token), hypothesis.logp + float(scores[token])))
        grown.sort(key=lambda entry: -entry[0])
        beam, chosen = [], []
        for _, token, hypothesis in grown:
            if self._whole_words and not hypothesis.owed and hypothesis.added.strip():
                text = hypothesis.added
                finished[text] = finished.get(text, 0.0) + math.exp(hypothesis.logp)
            elif len(beam) < WIDTH:
                beam.append(hypothesis)
                chosen.append(token)
        return beam, chosen

    def _allowed(self, hypothesis: _Hypothesis, begin_anew: bool) -> Array:
        """Return which tokens (V,) may come next."""
        if hypothesis.owed:
            return self._usable & self._spelling(hypothesis.owed)
        if self._whole_words:
            return self._usable
        if _has_word(hypothesis.added):
            return self._usable & ~self._ends_word
        if len(hypothesis.added) >= 2:  # enough punctuation: a word must follow
            return self._usable & ~self._ends_word
        if begin_anew and not hypothesis.added:
            return self._usable & self._ends_word
        return self._usable

    def _step(self, old: _Hypothesis, row: int, token: int, logp: float) -> tuple[float, int, _Hypothesis]:
        piece, added, owed = self._pieces[token], old.added, old.owed
        if owed:
            spelt = min(len(owed), len(piece))
            owed, piece = owed[spelt:], piece[spelt:]
            if self._whole_words and not piece:
                # The word stands complete as typed: what comes is the next one.
                return logp, token, _Hypothesis(logp, row, self._tokenizer.joiner, b"")
        return logp, token, _Hypothesis(logp, row, added + piece, owed)

    # --- the batch ------------------------------------------------------------------------------------------------

    def _spread(self, moment: Moment) -> None:
        """Let every row of the batch stand at `moment`."""
        for name, state in self._network.states().items():
            state[...] = moment.states[name]

    def _read(self, beam: list[_Hypothesis], tokens: list[int]) -> Array:
        """Read one token in each row; return the log probabilities (rows, V) of the next."""
        parents = np.zeros(WIDTH, np.intp)
        parents[: len(beam)] = [hypothesis.row for hypothesis in beam]
        for state in self._network.states().values():
            state[...] = state[parents]
        self._column[0, : len(beam)] = tokens
        logits = self._network.forward(self._column)[: len(beam)]
        self._network.carry()
        return _log_softmax(logits)


def _has_word(added: bytes) -> bool:
    return any(_in_word(byte) for byte in added)


def _largest(scores: Array, count: int) -> Array:
    """Return the indices of the `count` largest scores, largest first, ties by index."""
    indices = np.sort(np.argpartition(-scores, count)[:count]) if count < len(scores) else np.arange(len(scores))
    return indices[np.argsort(-scores[indices], kind="stable")]


def _settled(beam: list[_Hypothesis], finished: dict[bytes, float], k: int) -> bool:
    """Return whether nothing in the beam can still come among the first `k`."""
    if len(finished) < k:
        return False
    kth = sorted(finished.values(), reverse=True)[k - 1]
    return math.exp(max(h.logp for h in beam)) <= kth


def _log_softmax(logits: Array) -> Array:
    """Return log probabilities (rows, V) float64."""
    x = logits.astype(np.float64)
    x -= x.max(axis=1, keepdims=True)
    return np.asarray(x - np.log(np.exp(x).sum(axis=1, keepdims=True)))
