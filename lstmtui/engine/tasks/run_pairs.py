"""The parallel text of a run: training, validation and test pairs as tokens, and their tokenizers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from lstmtui.common.files import exists
from lstmtui.config import RunSettings
from lstmtui.data.pair_files import PairData, tokenise_pairs
from lstmtui.data.pairs import Rules, Tokenizers
from lstmtui.data.tokens import Tokenizer
from lstmtui.data.tokens import load as load_tokenizer
from lstmtui.engine.inference.loaded_translator import TARGET_TOKENIZER, is_joint
from lstmtui.errors import CorruptError
from lstmtui.runs.folder import RunFolder


def run_pairs(s: RunSettings, rules: Rules, run: RunFolder, report: Callable[[str, float], None]) -> PairData:
    """Return the parallel text of a run, tokenised, and store its tokenizers in the run folder.

    Raises UsageError as `open_pairs` does, and where no pair is left; CorruptError where the run began with others.
    """
    data = tokenise_pairs(s.data, rules, joint=is_joint(s), report=report)
    data.files.retain_for(run.path)
    store_tokenizers(run, data.tokenizers)
    return data


def store_tokenizers(run: RunFolder, tokenizers: Tokenizers) -> None:
    """Store the tokenizers in the run folder, or check that they are those there. Raises CorruptError."""
    for tokenizer, path in zip(tokenizers, (run.tokenizer, run.path / TARGET_TOKENIZER), strict=True):
        store_tokenizer(path, tokenizer, "text")


def store_tokenizer(path: Path, tokenizer: Tokenizer, of: str) -> None:
    """Store a tokenizer, or check that it is the one there; `of` names what it is of. Raises CorruptError."""
    if not exists(path):
        tokenizer.save(path)
    elif load_tokenizer(path).digest() != tokenizer.digest():
        raise CorruptError(f"{path} is not the tokenizer of this run's {of}; start a new run.")
