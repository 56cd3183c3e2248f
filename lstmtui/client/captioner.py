"""Ask a trained captioner, which lives in a process of its own.

with Captioner(run) as captioner:          # python -m lstmtui.engine.services.caption RUN_FOLDER
    captioner.caption(["a.png"])
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lstmtui.client.process import LoadedRun, progress_to
from lstmtui.errors import UsageError


@dataclass(frozen=True, slots=True)
class Caption:
    """One caption of a picture."""

    text: str
    score: float
    """The larger, the better; comparable with others of the same picture."""
    log_probability: float
    tokens: tuple[str, ...]
    attention: tuple[tuple[tuple[float, ...], ...], ...]
    """(tokens, rows, columns): what each token has looked at, in patches of the picture."""


@dataclass(frozen=True, slots=True)
class Described:
    """A picture and its captions, or why it cannot be read."""

    file: str
    captions: tuple[Caption, ...] = ()
    """The best first."""
    note: str = ""
    """A sentence on how it was read; empty if there is nothing to say."""
    error: str = ""
    """Why it cannot be read; empty if it can."""
    pixels: bytes = b""
    """What the network has seen, (side, side, 3); empty unless it was asked for."""


class Captioner(LoadedRun):
    """A trained run, loaded in a process of its own that answers one question at a time.

    Thread-safe: callers wait for each other. Raises the LstmtuiError that the process reports.
    """

    process_name, service = "The captioner's process", "lstmtui.engine.services.caption"
    about: dict[str, Any]
    """What was loaded: `side`, and the `rows` and `columns` of patches of a picture."""

    def caption(self, files: Sequence[str | Path]) -> list[str]:
        """Return the best caption of each picture. Raises UsageError for one that cannot be read."""
        found = self.describe(files)
        for one in found:
            if one.error:
                raise UsageError(one.error)
        return [one.captions[0].text if one.captions else "" for one in found]

    def describe(
        self, files: Sequence[str | Path], *, nbest: int = 1, pixels: bool = False, **options: float
    ) -> list[Described]:
        """Return the captions of each picture; of one that cannot be read, why.

        nbest    captions of a picture; there may be fewer
        pixels   whether what the network has seen is wanted
        options  beam, alpha, max_length
        """
        details: dict[str, Any] = {"files": _absolute(files), "nbest": nbest, "pixels": pixels, **options}
        answers = self._child.ask({"op": "caption", **details})["pictures"]
        return [_parsed(str(file), answer) for file, answer in zip(files, answers, strict=True)]

    def evaluate(
        self, files: Sequence[str | Path], *, on_progress: Callable[[float], object] | None = None, **options: Any
    ) -> dict[str, Any]:
        """Return figures of the pictures of folders and tables: f1, concept_f1, exact, cider, pictures and examples.

        options  encoding, beam, alpha, features (a file of vectors)
        Raises UsageError.
        """
        return self._child.ask({"op": "evaluate", "files": _absolute(files), **options}, progress_to(on_progress))


def _absolute(files: Sequence[str | Path]) -> list[str]:
    return [str(Path(file).absolute()) for file in files]


def _parsed(file: str, answer: dict[str, Any]) -> Described:
    captions = tuple(
        Caption(
            best["text"], best["score"], best["log_probability"], tuple(best["tokens"]),
            tuple(tuple(map(tuple, grid)) for grid in best["attention"]),
        )
        for best in answer.get("captions", ())
    )  # fmt: skip
    pixels = base64.b64decode(answer.get("pixels") or "")
    return Described(file, captions, answer.get("note", ""), answer.get("error", ""), pixels)
