"""Tokenised corpora of tests."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from lstmtui.config import DataSettings, Settings
from lstmtui.data.corpus import Dataset, tokenise_corpus
from lstmtui.errors import UsageError

TEXT = "".join(f"line {i} of the text, größer and 東 than {i * 7 % 13} others\n" for i in range(300))
"""Text in two scripts, of 300 lines."""


def prepare(
    train: Sequence[str | Path], *, limit: int | None = None, cache: Path | None = None, **settings: Any
) -> Dataset:
    """Tokenise the corpus `train`; `limit` is that of the vocabulary, `settings` are fields of config.Settings,
    and `report` is called with the progress.
    """
    report = settings.pop("report", lambda what, done: None)
    own = {role: tuple(map(str, settings.pop(role, ()))) for role in ("valid", "test")}
    s = Settings(corpus=tuple(map(str, train)), vocabulary=limit, **{"tokens": "chars", **own, **settings})
    return tokenise_corpus(DataSettings.of(s), cache=cache, report=report)


def write_file(folder: Path, data: bytes, name: str = "corpus.txt") -> Path:
    """Write a file into `folder` and return its path."""
    path = folder / name
    path.write_bytes(data)
    return path


def refusal(folder: Path, *names: str | Path, **settings: Any) -> str:
    """Return the one sentence with which the corpus `names` is refused; `folder` holds the cache."""
    with pytest.raises(UsageError) as caught:
        prepare(names, cache=folder / "cache", **settings)
    message = str(caught.value)
    assert "\n" not in message
    assert message.endswith(".")
    return message


def folder_with(tmp_path: Path, **files: bytes | str) -> Path:
    """Write files into a folder and return its path; `__` in a name stands for a slash."""
    folder = tmp_path / "folder"
    for name, data in files.items():
        path = folder / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return folder
