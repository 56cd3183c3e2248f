"""The tokenised corpus of a run: always the one it started with, even if the text has changed since."""

from __future__ import annotations

import shlex
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


def run_corpus(s: RunSettings, writer: RunWriter, report: corpus.Report) -> Dataset:
    """Return the corpus that the run of `writer` started with, and store its tokenizer in the run folder.

    Raises UsageError, and CorruptError if that corpus is no longer available.
    """
    run = writer.run
    data = stored_corpus(run, s, report, writer)
    corpus.retain_dataset(data.digest, run.path)
    if not _exists(run.tokenizer):
        data.tokenizer.save(run.tokenizer)
    elif load_tokenizer(run.tokenizer).digest() != data.tokenizer.digest():
        raise CorruptError(f"{run.tokenizer} is not the tokenizer of this run's text; start a new run.")
    return data


def stored_corpus(
    run: RunFolder, s: RunSettings, report: corpus.Report = lambda what, done: None, writer: RunWriter | None = None
) -> Dataset:
    """Return the corpus that a run started with; from the cache if the text has changed since.

    Raises UsageError if the text of a new run cannot be read, CorruptError if the text has changed and its tokens are
    no longer in the cache.
    """
    plan = step_plan.stored(run)
    if plan is None:
        return tokenise_corpus(s.data, report=report)
    cached, change = corpus.load_dataset(plan.corpus, ", ".join(s.data.corpus)), _describe_change(s, plan.corpus)
    advice = f"'{shlex.join(['lstmtui', 'train', *s.data.corpus])}' trains a new run on it"
    if not change:
        return cached or tokenise_corpus(s.data, report=report)
    if cached is None:
        raise CorruptError(
            f"The text of run '{run.name}' {change}, and the tokens it started with are no longer in the cache, so it "
            f"cannot continue; restore the text, or give up this run: {advice}."
        )
    if writer is not None:
        message = f"The text {change}; the run continues with the text that it started with, and {advice}."
        writer.log(message)
        writer.event("noted", message=message)
    return cached


def _describe_change(s: RunSettings, digest: str) -> str:
    """Describe how the text differs from the one with `digest`; empty if it does not."""
    try:
        return "" if corpus.corpus_digest(s.data) == digest else "has changed since the run started"
    except UsageError as error:
        return f"can no longer be read ({str(error).rstrip('.')})"


def _exists(path: Path) -> bool:
    try:
        return exists(path)
    except OSError as error:
        raise CorruptError(f"{path} cannot be read ({error.strerror or error}).") from error
