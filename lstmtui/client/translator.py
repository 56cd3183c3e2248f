"""Ask a trained translator, which lives in a process of its own.

with Translator(run) as translator:          # python -m lstmtui.engine.services.translate RUN_FOLDER
    translator.translate(["A dog runs ."])
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lstmtui.client.process import LoadedRun

IMPROBABLE_PREFIX = 1e-3
"""Mean probability of the tokens of a prefix below which a person is warned.

Of a small translator for Multi30k, 2 to 5 % of the beginnings of references are below it, 94 to 100 % of those in
the language of the source, and all of random letters.
"""


@dataclass(frozen=True, slots=True)
class Translation:
    """One translation of a line."""

    text: str
    score: float
    """The larger, the better; comparable with others of the same line."""
    log_probability: float
    source: tuple[str, ...]
    target: tuple[str, ...]
    """The tokens of both sides."""
    alignment: tuple[tuple[float, ...], ...]
    """For each target token, what it has read of each source token."""
    unknown: int = 0
    """Source tokens that stand for words or characters outside the vocabulary."""
    prefix_probability: float | None = None
    """The geometric mean of the probabilities of the tokens of its prefix; None without one."""

    @property
    def has_improbable_prefix(self) -> bool:
        """Whether the model would hardly have begun so."""
        return self.prefix_probability is not None and self.prefix_probability < IMPROBABLE_PREFIX


class Translator(LoadedRun):
    """A trained run, loaded in a process of its own that answers one question at a time.

    Thread-safe: callers wait for each other. Raises the LstmtuiError that the process reports.
    """

    process_name, service = "The translator's process", "lstmtui.engine.services.translate"
    about: dict[str, Any]
    """What was loaded."""

    def translate(self, lines: Sequence[str], *, prefixes: Sequence[str] | None = None) -> list[str]:
        """Return the best translation of each line; each begins with its prefix, where there are prefixes."""
        return [best.text for best, *_ in self.search(lines, prefixes=prefixes)]

    def search(
        self, lines: Sequence[str], *, prefixes: Sequence[str] | None = None, nbest: int = 1, **options: float
    ) -> list[list[Translation]]:
        """Return the best translations of each line, the best first.

        nbest    how many of each line; there may be fewer
        options  beam, alpha, max_length, replace_unknown
        """
        details: dict[str, Any] = {"lines": list(lines), "nbest": nbest, **options}
        if prefixes is not None:
            details["prefixes"] = list(prefixes)
        answer = self._child.ask({"op": "translate", **details})
        return [[_parsed(best) for best in of_line] for of_line in answer["translations"]]


def _parsed(answer: dict[str, Any]) -> Translation:
    return Translation(
        answer["text"], answer["score"], answer["log_probability"], tuple(answer["source"]), tuple(answer["target"]),
        tuple(map(tuple, answer["alignment"])), answer["unknown"], answer["prefix_probability"],
    )  # fmt: skip
