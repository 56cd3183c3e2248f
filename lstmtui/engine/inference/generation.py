"""Texts that one network continues in turn, a few tokens at a time, each with states of its own.

No text waits for the whole of another: a turn reads a part of a prompt, or draws a few tokens.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from lstmtui.data.tokens import Tokenizer
from lstmtui.engine.inference.loaded_model import LoadedModel
from lstmtui.engine.inference.sampler import PieceWriter, Sampler, SamplingOptions
from lstmtui.engine.nn.incremental import IncrementalModel
from lstmtui.errors import LstmtuiError, UsageError
from lstmtui.protocol import MAX_LOGPROBS, MAX_TURN_TOKENS

Array = np.ndarray[Any, Any]

READ_TOKENS = 32
"""Tokens of a prompt that are read in one turn: some 10 ms with a large network."""
AT_ONCE = 4
"""Tokens that are drawn in one call."""
MAX_STREAMS = 256
"""Texts that are continued at the same time."""


@dataclass(frozen=True, slots=True)
class WrittenToken:
    """What one token adds to a text."""

    text: str
    """Empty within a character."""
    in_prompt: bool = False
    """It is a token of the prompt, which was scored."""
    log_probability: float | None = None
    """In nats, of the softmax; None where none is wanted, and for the first token of a prompt."""
    top: tuple[tuple[str, float], ...] = ()
    """The most probable tokens in its place, as text, with their log-probabilities."""


class Generation:
    """One text: what is left to read of its prompt, and the state of the network after what has been read."""

    def __init__(self, pieces: Iterator[WrittenToken | None], reader: IncrementalModel) -> None:
        """`pieces` yields None for a turn that only read."""
        self._pieces, self._reader = pieces, reader
        self._state = [np.zeros_like(part) for part in (reader.h, reader.c, reader.logits)]

    def turn(self, tokens: int) -> list[WrittenToken]:
        """Return the pieces of up to `tokens` tokens; fewer while the prompt is read, none at the end of the text."""
        shared = (self._reader.h, self._reader.c, self._reader.logits)
        for there, own in zip(shared, self._state, strict=True):
            there[...] = own
        found: list[WrittenToken] = []
        while len(found) < tokens and (piece := next(self._pieces, None)) is not None:
            found.append(piece)
        for there, own in zip(shared, self._state, strict=True):
            own[...] = there
        return found


class Generations:
    """The texts that one loaded model continues, by number."""

    def __init__(self, model: LoadedModel) -> None:
        self._tokenizer = model.tokenizer
        self._reader = IncrementalModel(model.settings, model.weights)
        self._sampler = Sampler(model.settings, model.weights, model.tokenizer, self._reader)
        self._open: dict[int, Generation] = {}
        self._count = 0

    def start(
        self,
        prompt: str,
        options: SamplingOptions,
        random: np.random.Generator,
        *,
        logprobs: int | None = None,
        score: bool = False,
    ) -> int:
        """Return the number of a new text that continues `prompt`.

        logprobs    how many of the most probable tokens each piece names; None: and no log-probability either
        score       the pieces of the prompt come first, with their log-probabilities
        Raises UsageError for options out of range, LstmtuiError for too many texts.
        """
        options.check()
        if logprobs is not None and not 0 <= logprobs <= MAX_LOGPROBS:
            raise UsageError(f"logprobs must be from 0 to {MAX_LOGPROBS}, not {logprobs}.")
        if len(self._open) >= MAX_STREAMS:
            raise LstmtuiError(f"{MAX_STREAMS} texts are being continued; end one first.")
        self._count += 1
        pieces = self._pieces(prompt, options, random, logprobs, score)
        self._open[self._count] = Generation(pieces, self._reader)
        return self._count

    def prompt_tokens(self, prompt: str) -> int:
        """Return the number of tokens of a prompt."""
        return len(self._sampler.tokens_before(prompt, b"")) if prompt else 0

    def turn(self, stream: int, tokens: int) -> list[WrittenToken]:
        """Continue a text by up to `tokens` tokens; by fewer or none while its prompt is read. Raises UsageError."""
        if stream not in self._open:
            raise UsageError(f"There is no text {stream} to continue.")
        if not 1 <= tokens <= MAX_TURN_TOKENS:
            raise UsageError(f"tokens must be from 1 to {MAX_TURN_TOKENS}, not {tokens}.")
        return self._open[stream].turn(tokens)

    def end(self, stream: int) -> None:
        """Forget a text; one that is forgotten already does no harm."""
        self._open.pop(stream, None)

    # --- one text -------------------------------------------------------------------------------------------------

    def _pieces(
        self, prompt: str, options: SamplingOptions, random: np.random.Generator, logprobs: int | None, score: bool
    ) -> Iterator[WrittenToken | None]:
        reader, sampler = self._reader, self._sampler
        reader.reset()
        if score and prompt:
            yield from self._scored(prompt, logprobs or 0)
            reader.reset()
        word = sampler.unfinished_word(prompt)
        unread = sampler.tokens_before(prompt, word)
        for at in range(0, len(unread), READ_TOKENS):
            reader.read(unread[at : at + READ_TOKENS].reshape(-1, 1))
            if at + READ_TOKENS < len(unread):
                yield None
        # Only with single draws are the logits those of the token that comes next.
        at_once = 1 if logprobs else AT_ONCE
        tokens = sampler.following(word, options, random, at_beginning=not prompt, at_once=at_once)
        writer, spelled = PieceWriter(self._tokenizer, prompt, len(word)), len(word)
        while True:
            logits = reader.logits[0].copy() if logprobs else None
            token, nats = next(tokens)
            text, size = writer.text(token), len(self._tokenizer.token_bytes(token))
            if size > spelled:  # else it only repeats the prompt
                top = () if logits is None else _most_probable(self._tokenizer, logits, logprobs or 0)
                yield WrittenToken(text, False, None if logprobs is None else -nats, top)
            spelled = max(0, spelled - size)

    def _scored(self, prompt: str, top: int) -> Iterator[WrittenToken | None]:
        """Yield the tokens of `prompt` with the log-probabilities that the network gives them, and None at times."""
        writer = PieceWriter(self._tokenizer, "")
        logits: Array | None = None
        for n, token in enumerate(self._sampler.tokens_before(prompt, b"").tolist()):
            text = writer.text(token)
            if logits is None:
                yield WrittenToken(text, True)
            else:
                best = _most_probable(self._tokenizer, logits, top)
                yield WrittenToken(text, True, float(_logs(logits)[token]), best)
            logits = self._reader.read(np.array([[token]], np.int32))[0].copy()
            if n % READ_TOKENS == READ_TOKENS - 1:
                yield None


def _logs(logits: Array) -> Array:
    """Return the logarithms (V,) float64 of the softmax."""
    logs = logits.astype(np.float64)
    return np.asarray(logs - np.logaddexp.reduce(logs))


def _most_probable(tokenizer: Tokenizer, logits: Array, count: int) -> tuple[tuple[str, float], ...]:
    """Return the most probable tokens as text, with their log-probabilities."""
    logs = _logs(logits)
    best = np.argsort(-logs, kind="stable")[:count]
    return tuple((tokenizer.token_bytes(int(i)).decode("utf-8", "replace"), float(logs[i])) for i in best)
