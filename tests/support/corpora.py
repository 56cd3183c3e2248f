"""Tokenised corpora of tests."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lstmtui.config import Settings
from lstmtui.data.corpus import Dataset, tokenise_corpus


def prepare(
    train: Sequence[str | Path], *, limit: int | None = None, cache: Path | None = None, **settings: Any
) -> Dataset:
    """Tokenise the corpus `train`; `limit` is that of the vocabulary, `settings` are fields of config.Settings,
    and `report` is called with the progress.
    """
    report = settings.pop("report", lambda what, done: None)
    own = {role: tuple(map(str, settings.pop(role, ()))) for role in ("valid", "test")}
    s = Settings(corpus=tuple(map(str, train)), vocabulary=limit, **{"tokens": "chars", **own, **settings})
    return tokenise_corpus(s, cache=cache, report=report)
