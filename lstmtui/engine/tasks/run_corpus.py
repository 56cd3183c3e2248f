"""The tokens that a run trains on: those it began with, whatever has become of its text since."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path

from lstmtui.common.files import exists
from lstmtui.config import RunSettings
from lstmtui.data import corpus
from lstmtui.data.corpus import Dataset, tokenise_corpus
from lstmtui.data.tokens import load as load_tokenizer
from lstmtui.engine import step_plan
from lstmtui.errors import CorruptError, UsageError
from lstmtui.runs.folder import RunFolder
from lstmtui.runs.writer import RunWriter


def run_corpus(s: RunSettings, writer: RunWriter, check: Callable[[], None]) -> Dataset:
    """Return the tokens of the run that `writer` writes, the same as when it began, and keep its tokenizer in it.

    Raises UsageError, and CorruptError when they are not the same.
    """
    run = writer.run

    def report(what: str, done: float) -> None:
        writer.status(preparing=what, preparing_done=round(done, 3))
        check()

    data = stored_corpus(run, s, report, writer)
    corpus.retain_dataset(data.digest, run.path)
    if not _is_there(run.tokenizer):
        data.tokenizer.save(run.tokenizer)
    elif load_tokenizer(run.tokenizer).digest() != data.tokenizer.digest():
        raise CorruptError(f"{run.tokenizer} is not the tokenizer of this run's text; start a new run.")
    return data


def stored_corpus(
    run: RunFolder, s: RunSettings, report: corpus.Report = lambda what, done: None, writer: RunWriter | None = None
) -> Dataset:
    """Return the tokens that a run began with, from the cache even where the text has changed since.

    Raises UsageError for a text that cannot be read when the run begins; CorruptError where the text has changed and
    its tokens are no longer there.
    """
    known = step_plan.stored(run)
    if known is None:
        return tokenise_corpus(s.data, report=report)
    kept, changed = corpus.load_dataset(known.corpus, ", ".join(s.data.corpus)), _what_changed(s, known.corpus)
    anew = f"'{shlex.join(['lstmtui', 'train', *s.data.corpus])}' trains a new run on it as it is now"
    if not changed:
        return kept or tokenise_corpus(s.data, report=report)
    if kept is None:
        raise CorruptError(
            f"The text of run '{run.name}' {changed}, and the tokens it began with are no longer in the cache, so it "
            f"cannot go on; restore the text, or give up this run: {anew}."
        )
    if writer is not None:
        said = f"The text {changed}; the run goes on with the text that it began with, and {anew}."
        writer.log(said)
        writer.event("noted", message=said)
    return kept


def _what_changed(s: RunSettings, digest: str) -> str:
    """Return what has become of the text whose tokens had `digest`, in words; nothing where it is the same."""
    try:
        return "" if corpus.corpus_digest(s.data) == digest else "has changed since the run began"
    except UsageError as error:
        return f"cannot be read any more ({str(error).rstrip('.')})"


def _is_there(path: Path) -> bool:
    try:
        return exists(path)
    except OSError as error:
        raise CorruptError(f"{path} cannot be read ({error.strerror or error}).") from error
