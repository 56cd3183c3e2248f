"""A translator without a process: it turns words round and writes them in capitals."""

from __future__ import annotations

from typing import Any

from lstmtui.client.translator import Translation

asked: list[dict[str, Any]] = []
"""What was asked since the last `reset`."""


class FakeTranslator:
    """Answers as `lstmtui.client.translator.Translator` does."""

    about: dict[str, Any] = {}  # noqa: RUF012  never changed

    def __init__(self, run: Any) -> None:
        self.run = run

    def __enter__(self) -> FakeTranslator:
        return self

    def __exit__(self, *of_error: object) -> None:
        self.close()

    def close(self) -> None:
        """Do nothing."""

    def translate(self, lines: Any, *, prefixes: Any = None) -> list[str]:
        """Return the best translation of each line."""
        return [best.text for best, *_ in self.search(lines, prefixes=prefixes)]

    def search(self, lines: Any, *, prefixes: Any = None, nbest: int = 1, **options: Any) -> list[list[Translation]]:
        """Return `nbest` translations of each line; none for the prefix "never", which "rarely" is close to."""
        asked.append({"lines": list(lines), "prefixes": prefixes, "nbest": nbest, **options})
        return [
            []
            if prefix == "never"
            else [_translation(line, k, 1e-9 if prefix == "rarely" else 0.5) for k in range(nbest)]
            for line, prefix in zip(lines, prefixes or [""] * len(lines), strict=True)
        ]


def _translation(line: str, rank: int, prefix_probability: float) -> Translation:
    source = tuple(line.split())
    target = tuple(word.upper() for word in source[::-1])
    weights = tuple(tuple(float(s == len(source) - 1 - t) for s in range(len(source))) for t in range(len(target)))
    return Translation(
        " ".join(target) + "!" * rank, -1.0 - rank, -2.0, source, target, weights, sum(word == "☃" for word in source),
        prefix_probability,
    )  # fmt: skip
