"""A trained translator that answers requests: python -m lstmtui.engine.services.translate RUN_FOLDER.

One JSON object a line on standard input, one on standard output; the first line out says that it is ready, or why the
run cannot be loaded.

    {"op": "translate", "lines": [...], "prefixes": [...], "beam": 5, "alpha": 1.0, "nbest": 1, "max_length": null,
     "replace_unknown": true}
        {"translations": [[{"text", "score", "log_probability", "source", "target", "unknown", "prefix_probability",
                            "alignment"}, ...], ...]}

"prefixes" are how translations begin, one for each line, and may be left out; "alignment" has for each target token
what it has read of each source token; "prefix_probability" is the mean probability of the prefix's tokens, or null.
Errors and heartbeats: see `lstmtui.engine.answering`.
"""

from __future__ import annotations

import sys
from typing import Any

from lstmtui.engine.answering import Answers, dispatch, serve_run
from lstmtui.engine.inference.beam_search import DEFAULT, SearchOptions
from lstmtui.engine.inference.loaded_translator import load
from lstmtui.engine.inference.translator import Translation, Translator
from lstmtui.errors import UsageError
from lstmtui.protocol import MAX_BEAM, MAX_LINE_CHARACTERS

MAX_LINES = 10_000
"""Lines of a request at most."""


class Service:
    """One loaded translator and its operation."""

    def __init__(self, translator: Translator) -> None:
        self._translator = translator

    def answers(self, request: Any) -> Answers:
        """Yield the answers to one request. Raises LstmtuiError."""
        return dispatch({"translate": self._translate}, request, "translate")

    def _translate(
        self,
        lines: list[str],
        prefixes: list[str] | None = None,
        beam: int = DEFAULT.beam,
        alpha: float = DEFAULT.alpha,
        nbest: int = DEFAULT.nbest,
        max_length: int | None = None,
        replace_unknown: bool = True,
    ) -> Answers:
        _check(lines, prefixes, beam, nbest)
        if alpha < 0 or (max_length is not None and max_length < 1):
            raise UsageError("alpha is 0 or more, and max_length 1 or more.")
        options = SearchOptions(beam=beam, alpha=float(alpha), nbest=nbest, max_length=max_length)
        found = self._translator.translate(lines, options, prefixes=prefixes, replace_unknown=replace_unknown)
        yield {"translations": [[_as_json(best) for best in of_line] for of_line in found]}


def _check(lines: list[str], prefixes: list[str] | None, beam: int, nbest: int) -> None:
    if len(lines) > MAX_LINES:
        raise UsageError(f"A request has at most {MAX_LINES:,} lines, not {len(lines):,}.")
    if prefixes is not None and len(prefixes) != len(lines):
        raise UsageError(f"There are {len(prefixes)} prefixes for {len(lines)} lines; give one for each line.")
    if not 1 <= nbest <= beam <= MAX_BEAM:
        raise UsageError(f"beam is at most {MAX_BEAM}, and nbest at most beam; both are 1 or more.")
    for text in (*lines, *(prefixes or ())):
        if "\n" in text:
            raise UsageError("A line has no line end in it; give several lines instead.")
        if len(text) > MAX_LINE_CHARACTERS:
            raise UsageError(f"A line has at most {MAX_LINE_CHARACTERS:,} characters, not {len(text):,}.")


def _as_json(best: Translation) -> dict[str, Any]:
    return {
        "text": best.text, "score": best.score, "log_probability": best.log_probability, "source": list(best.source),
        "target": list(best.target), "unknown": best.unknown, "prefix_probability": best.prefix_probability,
        "alignment": [[round(float(x), 4) for x in row] for row in best.alignment],
    }  # fmt: skip


def main(arguments: list[str]) -> int:
    """Serve the run in the folder given until standard input ends."""
    return serve_run(
        "lstmtui.engine.services.translate", arguments, lambda run: (Service(load(run)).answers, {"ready": True})
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
