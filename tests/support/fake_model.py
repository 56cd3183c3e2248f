"""A model with fixed answers in place of `lstmtui.client.model.Model`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from lstmtui.client.model import Candidate
from lstmtui.errors import LstmtuiError
from lstmtui.runs.folder import RunFolder

COUNTED = {
    "characters": 9000,
    "savings": {"1": 0.491, "3": 0.602, "5": 0.65},
    "savings_once": {"1": 0.491, "3": 0.602, "5": 0.65},
    "savings_ghost": 0.3,
    "recall": {"1": 0.27, "3": 0.4, "5": 0.5},
    "mrr": 0.333,
    "coverage": 0.5,
    "precision": None,
}
"""Keystroke savings, as an evaluation of autocomplete returns them."""
asked: list[dict[str, Any]] = []
"""Every question since the test began; the fixture that installs the model clears it."""


class FakeModel:
    """Has the interface of `lstmtui.client.model.Model`."""

    def __init__(self, run: RunFolder) -> None:
        self.about = {"vocabulary": 65, "step": 4}

    alive = True

    def __enter__(self) -> FakeModel:
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def ask(
        self,
        op: str,
        on_piece: Callable[[str], None] | None = None,
        on_progress: Callable[[float], None] | None = None,
        on_surprise: Callable[[str, float], None] | None = None,
        **details: Any,
    ) -> dict[str, Any]:
        asked.append({"op": op, **details})
        if op == "evaluate":
            found = {"nll": 1.5, "perplexity": 4.4817, "bits_per_char": 2.164, "tokens": 10}
            learnt = {"rule": "rms", "lr": 1e-3, "decay": 0.02, "window": 20, **found, "nll": 1.25}
            return {**found, "unknown": 0.25, **({"dynamic": learnt} if "dynamic" in details else {})}
        if op == "autocomplete":
            adapted = {"adapted": COUNTED} if details["adapt"] else {}
            times = {"p50": 1.25, "p90": 2.5, "p99": 9.96}
            return {"words": 1234, "threshold": 0.3, **COUNTED, "network": COUNTED, **adapted, "latency_ms": times}
        if op == "adapt":
            return {"words": 1234, **({"nll_first": 4.5, "nll_last": 4.25} if details["weights"] else {})}
        if op == "forget":
            return {"forgotten": details.get("what") != "nope", "words": 1200}
        if op == "profile":
            texts = [{"name": "/home/a\x1b.txt", "lines": 3, "words": 1234}]
            unknown = [["teh", 1], ["zebulon", 12]]
            return {"words": 1234, "texts": texts, "often": [["the", 99]], "unknown": unknown, "weights": True}
        if on_surprise is not None:
            for text, bits in (("a", 0.25), ("b\x1b", 2.0), ("\n", 7.5)):
                on_surprise(text, bits)
            return {}
        assert on_piece is not None
        for _ in range(details["length"]):
            on_piece("ab\x1b")
        return {"done": True}

    def complete(self, text: str, *, k: int = 5, phrase: bool = False, passed: Sequence[str] = ()) -> list[Candidate]:
        asked.append({"op": "complete", "text": text, "k": k, "phrase": phrase})
        if text == "explode":
            raise LstmtuiError("The model cannot.")
        if text == "nothing":
            return []
        return [Candidate(text=f"word{i}{' more' if phrase else ''}\n", probability=0.5 / (i + 1)) for i in range(k)]
