"""The identity of a checkpoint: it must equal that of the run that loads it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lstmtui.config import RunSettings
from lstmtui.data.tokens import Tokenizer
from lstmtui.errors import CorruptError

SHAPE_SETTINGS = ("cell", "layers", "hidden", "embedding", "tied", "optimizer")


def identity(s: RunSettings, *tokenizers: Tokenizer, settings: Sequence[str] = SHAPE_SETTINGS) -> dict[str, Any]:
    """Return the settings that determine the shapes of tensors and what they read, and the tokenizers' digest."""
    digest = "".join(tokenizer.digest() for tokenizer in tokenizers)
    return {**{name: s.value(name) for name in settings}, "tokenizer": digest}


def check_identity(found: Any, expected: dict[str, Any], where: str) -> None:
    """Raise CorruptError naming the first difference between a checkpoint's identity and the expected one."""
    for name, value in expected.items():
        other = found.get(name) if isinstance(found, dict) else None
        if other != value:
            difference = "another tokenizer" if name == "tokenizer" else f"{name} {other!r}, not {value!r}"
            raise CorruptError(f"{where} belongs to another run: it has {difference}.")
