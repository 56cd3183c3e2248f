"""What a checkpoint must agree on with the run that loads it."""

from __future__ import annotations

from typing import Any

from lstmtui.config import RunSettings
from lstmtui.data.tokens import Tokenizer
from lstmtui.errors import CorruptError

SHAPING = ("cell", "layers", "hidden", "embedding", "tied", "optimizer")


def identity(s: RunSettings, tokenizer: Tokenizer) -> dict[str, Any]:
    """Return the settings that shape the tensors, and the tokenizer that gives them meaning."""
    return {**{name: s.value(name) for name in SHAPING}, "tokenizer": tokenizer.digest()}


def check_identity(found: Any, expected: dict[str, Any], where: str) -> None:
    """Raise CorruptError naming the first thing in which a checkpoint's identity differs."""
    for name, wanted in expected.items():
        held = found.get(name) if isinstance(found, dict) else None
        if held != wanted:
            shown = "another tokenizer" if name == "tokenizer" else f"{name} {held!r}, not {wanted!r}"
            raise CorruptError(f"{where} belongs to another run: it has {shown}.")
