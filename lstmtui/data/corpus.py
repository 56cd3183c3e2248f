"""From the settings of a run to its text, and to a tokenizer and three memory-mapped token files.

open_corpus(settings)        which bytes of which files are train, valid and test
Corpus.resolve(settings)     the settings that the recipe leaves open, chosen for this text
tokenise_corpus(settings)    the tokens, from the cache where they were made before
corpus_digest(settings)      the digest of those tokens, without making them
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lstmtui import recipe
from lstmtui.common.paths import cache_root
from lstmtui.config import AUTO, DataSettings, RunSettings, Settings
from lstmtui.data import catalogue, formal_languages, tokens
from lstmtui.data.containers.extraction import has_columns
from lstmtui.data.normal_form import NORMAL_FORM
from lstmtui.data.parts import open_part
from lstmtui.data.ranges import Range
from lstmtui.data.reading import ReadOptions, as_text, open_source
from lstmtui.data.sources import Source
from lstmtui.data.splits import mixed_split
from lstmtui.data.token_files import Split, TokenFiles
from lstmtui.errors import CorruptError, UsageError

Report = Callable[[str, float], None]
"""Called with the current piece of work and how much of it is done, 0 to 1."""

LINEWISE = ("words", "bpe")
"""Kinds of tokens that a split must not cut through, and whose vocabulary comes from the training text alone."""


@dataclass(frozen=True, slots=True)
class Corpus:
    """Which bytes of which files are trained on, validated on and tested on."""

    ranges: dict[str, Range]
    """By role: train, valid and test."""
    vocabulary: Range
    """The text that the vocabulary comes from."""

    @property
    def is_mixed(self) -> bool:
        """Whether validation and test text comes from all over the corpus, not from its end."""
        train = self.ranges["train"]
        return train.spans != ((0, train.length),)

    @property
    def sources(self) -> list[Source]:
        """The sources, each once."""
        return list({part.source.parts: part.source for part in self.ranges.values()}.values())

    @property
    def beginning(self) -> bytes:
        """The first bytes of every file that is trained on, from which the recipe chooses what is left open."""
        return b"".join(part.head for part in self.ranges["train"].source.parts)

    @property
    def bytes(self) -> int:
        """The size of the corpus."""
        return self.ranges["train"].source.bytes

    def resolve(self, settings: Settings) -> RunSettings:
        """Return `settings` with every open field chosen by the recipe for this text."""
        return recipe.resolve(settings, corpus_bytes=self.bytes, beginning=self.beginning)


def open_corpus(s: DataSettings, *, cache: Path | None = None) -> Corpus:
    """Read through everything that a run with settings `s` uses, and split it.

    Validation and test text without files of its own is split off the corpus: of one file its end, first training, then
    validation, then test; of several, pieces of every kind of file. Raises UsageError for input that cannot be used.
    """
    cache, options = cache or cache_root(), ReadOptions.of(s)
    if s.tokens != AUTO:  # which the recipe chooses once the text is known
        tokens.check_kind(s.tokens, s.vocabulary)
    if not (s.valid_fraction >= 0 and s.test_fraction >= 0 and s.valid_fraction + s.test_fraction < 1):
        raise UsageError(
            f"The fractions {s.valid_fraction:g} for validation and {s.test_fraction:g} for test leave no text to "
            f"train on; both must be 0 or more, and their sum below 1."
        )
    source = open_source(s.corpus, options, cache=cache)
    if s.field and not any(has_columns(part.name) for part in source.parts):
        raise UsageError(f"{source.name} is no table, so that --field {s.field} names nothing in it; leave it out.")
    given = {"valid": s.valid, "test": s.test}
    own = {role: open_source(names, options, cache=cache) if names else None for role, names in given.items()}
    if not s.valid and not s.test:
        own = {role: _file_of_the_set(s.corpus, role, options, cache) for role in own}
    fractions = {"valid": 0.0 if own["valid"] else s.valid_fraction, "test": 0.0 if own["test"] else s.test_fraction}
    ranges = _split(source, fractions, s) | {role: Range.whole(other) for role, other in own.items() if other}
    for role, part in ranges.items():
        if part.length < 2 and (role == "train" or own[role] or fractions[role]):
            raise UsageError(
                f"The corpus {part.source.name} is only {part.source.bytes} byte{'s' * (part.source.bytes != 1)} long, "
                f"too little for a {role} part; give a longer text."
            )
    return Corpus(ranges, ranges["train"] if s.tokens in LINEWISE else Range.whole(source))


def training_text(s: DataSettings, *, cache: Path | None = None) -> Iterator[bytes]:
    """Yield the text that a run with settings `s` trains on, chunk by chunk. Raises UsageError when it is gone."""
    yield from open_corpus(s, cache=cache).ranges["train"].chunks()


def _file_of_the_set(train: Sequence[str], role: str, options: ReadOptions, cache: Path) -> Source | None:
    """Return the catalogue's own file for `role` where the training text is one set of the catalogue."""
    if len(train) != 1 or formal_languages.is_generator(train[0]) or not catalogue.has_entry(train[0]):
        return None
    paths = catalogue.set_files(train[0], role, cache)
    return as_text(Source(train[0], tuple(map(open_part, paths))), options, cache) if paths else None


def _split(source: Source, fractions: dict[str, float], s: DataSettings) -> dict[str, Range]:
    """Return train, valid and test of a corpus, of which `fractions` are for valid and test."""
    if s.split == "mixed" and len(source.parts) > 1 and any(fractions.values()):
        ranges = mixed_split(source, fractions)
        if ranges is not None:
            return ranges
    cuts = [source.bytes]
    for fraction in (fractions["test"], fractions["test"] + fractions["valid"]):
        cut = int(source.bytes * (1 - fraction)) if fraction else source.bytes
        cuts.append(min(source.boundary(cut, lines=s.tokens in LINEWISE), cuts[-1]))
    end, test_start, valid_start = cuts
    return {
        "train": Range.of(source, 0, valid_start),
        "valid": Range.of(source, valid_start, test_start),
        "test": Range.of(source, test_start, end),
    }


# --- tokens -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Dataset:
    """A tokenised corpus."""

    tokenizer: tokens.Tokenizer
    train: Split
    valid: Split
    test: Split
    digest: str
    """SHA-256 over the content and every setting that shapes the token files, in hex."""
    name: str
    """The corpus as the person named it."""


def tokenise_corpus(s: DataSettings, *, cache: Path | None = None, report: Report = lambda what, done: None) -> Dataset:
    """Return the tokens that a run with settings `s` trains on, memory-mapped; those in `cache` are used again.

    The vocabulary of `chars` is that of the whole corpus, so that no character of a file split by position is unknown;
    that of `words` and `bpe` comes from the training text alone. Raises UsageError for input that cannot be used,
    LstmtuiError when the token files cannot be written.
    """
    cache = cache or cache_root()
    corpus = open_corpus(s, cache=cache)
    report("reading", 0.0)
    files = TokenFiles(cache, _identity(s, corpus, cache))
    tokenizer, splits = files.load() or files.build(
        lambda: _train_tokenizer(s, corpus.vocabulary, report), corpus.ranges, report
    )
    return Dataset(tokenizer=tokenizer, digest=files.digest, name=corpus.ranges["train"].source.name, **splits)


def corpus_digest(s: DataSettings, *, cache: Path | None = None) -> str:
    """Return the digest that `tokenise_corpus` would give, without tokenising. Raises UsageError."""
    cache = cache or cache_root()
    return TokenFiles(cache, _identity(s, open_corpus(s, cache=cache), cache)).digest


def load_dataset(digest: str, name: str, *, cache: Path | None = None) -> Dataset | None:
    """Return the dataset with this digest from the cache, even where its text has changed since; None without one."""
    files = TokenFiles.with_digest(cache or cache_root(), digest)
    found = files.load()
    return Dataset(tokenizer=found[0], digest=digest, name=name, **found[1]) if found is not None else None


def retain_dataset(digest: str, user: Path, *, cache: Path | None = None) -> None:
    """Retain the tokens with this digest in the cache for as long as the folder `user` exists."""
    TokenFiles.with_digest(cache or cache_root(), digest).retain_for(user)


def tokenise_files(
    names: Sequence[str],
    tokenizer: tokens.Tokenizer,
    options: ReadOptions,
    *,
    cache: Path | None = None,
    report: Report = lambda what, done: None,
) -> Split:
    """Return other text in the tokens of a trained model, memory-mapped, to evaluate on. Raises UsageError."""
    cache = cache or cache_root()
    source = open_source(names, replace(options, tokens=tokenizer.kind), cache=cache)
    identity = {"tokenizer": tokenizer.digest(), "text": source.text, "content": source.digest(cache)}
    files = TokenFiles(cache, identity | _transformations([source], cache))
    _, splits = files.load() or files.build(lambda: tokenizer, {"test": Range.whole(source)}, report)
    return splits["test"]


def _identity(s: DataSettings, corpus: Corpus, cache: Path) -> dict[str, Any]:
    """Return everything that the tokens depend on."""
    digests = {source.parts: source.digest(cache) for source in corpus.sources}
    identity: dict[str, Any] = {
        "tokens": s.tokens,
        "limit": s.vocabulary,
        "parts": [[role, digests[part.source.parts], *part.identity()] for role, part in corpus.ranges.items()],
        "vocabulary": list(corpus.vocabulary.identity()),
    }
    if s.start:
        identity["start"] = _start_tokenizer(s.start).digest()
    return identity | _transformations(corpus.sources, cache)


def _transformations(sources: Sequence[Source], cache: Path) -> dict[str, str]:
    """Return how the text differs from the bytes of its files.

    A transformation that changes nothing is absent, so that tokens of a version without it are found again.
    """
    found = {}
    if any(source.long_runs(cache) for source in sources):
        found["long_runs"] = "left out"
    if any(source.text and not source.exact for source in sources):
        found["normal_form"] = NORMAL_FORM
    return found


def _train_tokenizer(s: DataSettings, text: Range, report: Report) -> tokens.Tokenizer:
    def chunks() -> Iterator[bytes]:
        done = 0
        for chunk in text.chunks():
            yield chunk
            done += len(chunk)
            report("vocabulary", min(1.0, done / text.length))

    if s.start:
        return _start_tokenizer(s.start).extended(chunks(), s.vocabulary)
    return tokens.train(s.tokens, chunks(), s.vocabulary, exact=s.exact)


def _start_tokenizer(run: str) -> tokens.Tokenizer:
    """Return the tokenizer of the run that another one begins with. Raises UsageError where it is gone."""
    try:
        return tokens.load(Path(run) / tokens.FILE)
    except CorruptError as error:
        raise UsageError(f"The vocabulary of the run to start from is not there any more: {error}") from error
