"""A model that writes the words of one sentence, in place of `lstmtui.client.model.Model`, for the endpoint."""

from __future__ import annotations

import threading
import time
from typing import Any

from lstmtui.errors import LstmtuiError, UsageError

WORDS = ["the ", "cat ", "sat ", "on ", "the ", "mat.\n"]


class FakeTextModel:
    """Each text is WORDS again and again; a prompt "explode" raises, "large" has long words."""

    def __init__(self, run: object = None, *, delay: float = 0.0) -> None:
        self.about = {"step": 7}
        self.alive = True
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.open: dict[int, tuple[str, int, int]] = {}
        """Prompt, place and pieces of the prompt to score, of each text."""
        self._delay, self._lock, self._count = delay, threading.Lock(), 0

    def __enter__(self) -> FakeTextModel:
        return self

    def __exit__(self, *error: object) -> None:
        self.alive = False

    def complete(self, text: str) -> None:
        """Complete a text, as the server does once to be ready."""
        self.ask("complete", text=text, k=1, phrase=False)

    def ask(self, op: str, **details: Any) -> dict[str, Any]:
        """Answer as the engine's process does."""
        with self._lock:
            self.asked.append((op, details))
            time.sleep(self._delay)
            return getattr(self, f"_{op}")(**details)

    def _complete(self, text: str, k: int, phrase: bool) -> dict[str, Any]:
        found = [{"text": f"{text[-1:]}{n}", "probability": 0.5 / (n + 1)} for n in range(k)]
        return {"candidates": found, "milliseconds": 0.5, "step": 7}

    def _generate(self, prompt: str, score: bool = False, tokens: int = 0, **options: Any) -> dict[str, Any]:
        if prompt == "explode":
            raise UsageError("The prompt explodes.")
        if prompt == "die":
            self.alive = False
            raise LstmtuiError("The model's process ended unexpectedly (no message).")
        if prompt == "wrong":
            raise ValueError("a secret text")
        self._count += 1
        self.open[self._count] = (prompt, 0, len(prompt.split()) if score else 0)
        pieces = self._continue(self._count, tokens)["pieces"]
        return {"stream": self._count, "prompt_tokens": len(prompt.split()), "pieces": pieces}

    def _continue(self, stream: int, tokens: int = 8) -> dict[str, Any]:
        if stream not in self.open:
            raise UsageError("There is no such text.")
        prompt, place, unscored = self.open[stream]
        pieces = []
        for _ in range(tokens):
            if unscored:
                text = prompt.split()[-unscored] + " "
                unscored -= 1
                pieces.append({"text": text, "in_prompt": True, "logprob": -1.0, "top": [[text, -1.0]]})
            else:
                text = WORDS[place % len(WORDS)] * (20_000 if prompt == "large" else 1)
                place += 1
                pieces.append({"text": text, "in_prompt": False, "logprob": -0.5, "top": [[text, -0.5]]})
        self.open[stream] = (prompt, place, unscored)
        return {"pieces": pieces}

    def _end(self, stream: int) -> dict[str, Any]:
        self.open.pop(stream, None)
        return {"ended": True}
