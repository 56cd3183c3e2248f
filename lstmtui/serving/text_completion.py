"""The texts of one request to `/v1/completions`, written a few tokens at a time."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import Any

from lstmtui.serving.completion_request import MAX_SEED, CompletionRequest
from lstmtui.serving.model_queue import ModelQueue
from lstmtui.serving.stop_sequences import StopFilter

FIRST_TURN, TURN = 4, 8
"""Tokens that are asked for at first, so that a text begins soon, and then."""


@dataclass(frozen=True, slots=True)
class Token:
    """A token of a text, for a request with `logprobs`."""

    text: str
    offset: int
    """Characters of the choice before it."""
    log_probability: float | None
    top: dict[str, float] | None


@dataclass(frozen=True, slots=True)
class Part:
    """What is added to one of the texts of a request."""

    index: int
    text: str
    tokens: tuple[Token, ...] = ()
    finish_reason: str | None = None
    """In the last part of a text: "stop" at a stop sequence, "length" at max_tokens."""


class Choice:
    """One text: what is still wanted of it."""

    def __init__(self, queue: ModelQueue, request: CompletionRequest, index: int) -> None:
        self._queue, self._request, self._index = queue, request, index
        self._prompt = request.prompts[index // request.n]
        self._filter = StopFilter(request.stop)
        self._stream: int | None = None
        self._begun = False
        self._offset = 0
        """Characters that have been passed on or are held back."""
        self._passed = 0
        """Characters that have been passed on."""
        self._held: list[Token] = []
        self.written = self.prompt_tokens = 0
        """Tokens."""
        self.finished = False

    async def turn(self) -> Part | None:
        """Continue the text; return what is added, None while its prompt is read. Raises ApiError."""
        if not self._begun:
            self._begun = True
            return await self._begin()
        wanted = FIRST_TURN if not self.written else TURN
        # At least one, which shows that all of a prompt has been scored.
        asked = max(1, min(wanted, self._request.max_tokens - self.written))
        answer = await self._queue.ask("continue", stream=self._stream, tokens=asked)
        return self._add("", answer["pieces"])

    def end(self) -> None:
        """Forget the text, finished or not."""
        if self._stream is not None:
            self._queue.end(self._stream)

    async def _begin(self) -> Part | None:
        request = self._request
        scored = request.echo and request.logprobs is not None and bool(self._prompt)
        seed = None if request.seed is None else (request.seed + self._index % request.n) % MAX_SEED
        self._stream, self.prompt_tokens, pieces = await self._queue.start(
            prompt=self._prompt, seed=seed, logprobs=request.logprobs, score=scored,
            # The limit of a falling top_p is the most probable token.
            temperature=request.temperature if request.top_p else 0.0, top_p=request.top_p or 1.0,
            tokens=min(FIRST_TURN, request.max_tokens),
        )  # fmt: skip
        echoed = self._prompt if request.echo and not scored else ""
        self._offset = len(echoed)
        if request.max_tokens == 0 and not scored:
            return self._part(echoed, [], ended=True)
        return self._add(echoed, pieces)

    def _add(self, text: str, pieces: Sequence[dict[str, Any]]) -> Part | None:
        """Return what pieces of the model add after `text`."""
        tokens: list[Token] = []
        for piece in pieces:
            if not piece["in_prompt"]:
                if self.written == self._request.max_tokens or self._filter.stopped:
                    break
                self.written += 1
            tokens.append(self._token(piece))
            self._offset += len(piece["text"])
            text += piece["text"] if piece["in_prompt"] else self._filter.add(piece["text"])
        scored_all = any(not piece["in_prompt"] for piece in pieces)
        return self._part(text, tokens, ended=self.written == self._request.max_tokens and scored_all)

    def _part(self, text: str, tokens: list[Token], *, ended: bool) -> Part | None:
        """Return what is passed on now; its tokens are those whose text has begun."""
        reason = "stop" if self._filter.stopped else "length" if ended else None
        if reason == "length":
            text += self._filter.rest()
        self.finished = reason is not None
        self._passed += len(text)
        held = [*self._held, *tokens] if self._request.logprobs is not None else []
        cut = next((at for at, token in enumerate(held) if token.offset >= self._passed and reason != "length"), None)
        passed, self._held = (held, []) if cut is None else (held[:cut], held[cut:])
        if not text and not passed and not reason:
            return None
        return Part(self._index, text, tuple(passed), reason)

    def _token(self, piece: dict[str, Any]) -> Token:
        log = piece.get("logprob")
        top = dict(map(tuple, piece.get("top", ()))) if log is not None and self._request.logprobs else None
        return Token(piece["text"], self._offset, log, top)


class TextCompletion:
    """All texts of a request; iterate over its parts, then read `usage`."""

    def __init__(self, queue: ModelQueue, request: CompletionRequest) -> None:
        self._choices = [Choice(queue, request, index) for index in range(request.choices)]
        self._prompts = request.n

    async def parts(self) -> AsyncGenerator[Part]:
        """Yield the parts of the texts in turn, until all are finished. Raises ApiError."""
        try:
            unfinished = self._choices
            while unfinished:
                for choice in unfinished:
                    if (part := await choice.turn()) is not None:
                        yield part
                unfinished = [choice for choice in unfinished if not choice.finished]
        finally:
            for choice in self._choices:
                choice.end()

    def usage(self) -> dict[str, int]:
        """Return the numbers of tokens, each prompt counted once."""
        prompts = sum(choice.prompt_tokens for choice in self._choices[:: self._prompts])
        written = sum(choice.written for choice in self._choices)
        return {"prompt_tokens": prompts, "completion_tokens": written, "total_tokens": prompts + written}
