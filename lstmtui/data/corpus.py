"""From the names a person types to a tokenizer and three memory-mapped token files.

A name is, in this order: `default` (the text every Python carries), a generator such as `reber` or `brackets:depth=8`,
a fetched set of the catalogue such as `ptb`, a file, or a folder. Write `./ptb` for a file called like a set.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from lstmtui.config import Settings
from lstmtui.data import catalogue, embedded, formal, tokens
from lstmtui.data.sources import Part, Source, in_memory, open_file, open_folder
from lstmtui.data.tokenfiles import Range, Split, TokenFiles
from lstmtui.errors import UsageError
from lstmtui.places import cache_root

__all__ = ["Dataset", "Source", "Split", "anchored", "prepare", "resolve", "size", "tokenise", "training_text"]

Report = Callable[[str, float], None]
"""Told what goes on, and how far it is, 0 to 1."""

LINEWISE = ("words", "bpe")
"""Tokens that a split must not cut through, and whose vocabulary the validation text must not shape."""


@dataclass(frozen=True, slots=True)
class Dataset:
    """A corpus, ready to train on."""

    tokenizer: tokens.Tokenizer
    train: Split
    valid: Split
    test: Split
    digest: str
    """SHA-256 over the content and every setting that shaped the token files, in hex."""
    name: str
    """What a person calls the corpus."""


def resolve(names: Sequence[str], *, cache: Path | None = None) -> Source:
    """Return what `names` stand for. Raises UsageError when one is missing, empty, unreadable or not fetched."""
    cache = cache or cache_root()
    names = [names] if isinstance(names, str) else list(names)
    if not names:
        raise UsageError("No corpus is given; name a file, a folder or a set of `lstmtui corpora list`.")
    parts = [part for name in names for part in _parts(name, cache)]
    return Source(", ".join(names), tuple(parts))


def anchored(names: Sequence[str]) -> tuple[str, ...]:
    """Return `names` with paths made absolute, so that they mean the same from any folder."""
    return tuple(name if _has_a_name(name) else str(Path(name).expanduser().absolute()) for name in names)


def _has_a_name(name: str) -> bool:
    return name == embedded.NAME or formal.is_generator(name) or catalogue.is_known(name)


def _parts(name: str, cache: Path) -> list[Part]:
    if name == embedded.NAME:
        return [in_memory(name, embedded.text(cache))]
    if formal.is_generator(name):
        return [in_memory(name, formal.text(name))]
    if catalogue.is_known(name):
        return [open_file(path) for path in catalogue.files(name, "train", cache)]
    path = Path(name).expanduser()
    try:
        if path.is_dir():
            return open_folder(path)
        missing = not path.exists()
    except ValueError:  # a NUL in the name
        missing = True
    if missing:
        raise UsageError(f"There is no file, folder or set called {name!r}; `lstmtui corpora list` names the sets.")
    return [open_file(path)]


def size(names: Sequence[str], *, cache: Path | None = None) -> int:
    """Return how many bytes `names` stand for, looking at the start of each file only."""
    return resolve(names, cache=cache).bytes


def prepare(
    *,
    train: Sequence[str],
    valid: Sequence[str] = (),
    test: Sequence[str] = (),
    tokens: str = "chars",
    limit: int | None = None,
    valid_fraction: float = 0.1,
    test_fraction: float = 0.0,
    cache: Path | None = None,
    report: Report = lambda what, done: None,
) -> Dataset:
    """Tokenise a corpus once, chunk by chunk, and return it memory-mapped; the next call finds it in `cache`.

    train, valid, test    names as `resolve` takes them; a set of the catalogue brings its own valid and test files
    tokens, limit         kind of tokens and most entries of the vocabulary
    valid_fraction, ...   share of the train text, in bytes, split off its end where no own files are given: first
                          training, then validation, then test

    The vocabulary of `chars` is that of the whole train text, so that no character of a file split by position is
    unknown; that of `words` and `bpe` comes from the training part alone. Raises UsageError for input that cannot be
    used, LstmtuiError when the token files cannot be written.
    """
    cache = cache or cache_root()
    kind = tokens
    ranges, name, vocabulary = _ranges(train, valid, test, kind, limit, (valid_fraction, test_fraction), cache)
    report("reading", 0.0)
    digests = {source.parts: source.digest(cache) for source in (part.source for part in ranges.values())}
    settings = {
        "tokens": kind,
        "limit": limit,
        "parts": [[role, digests[part.source.parts], part.start, part.stop] for role, part in ranges.items()],
        "vocabulary": [vocabulary.start, vocabulary.stop],
    }
    files = TokenFiles(cache, settings)
    tokenizer, splits = files.load() or files.build(
        lambda: _train_tokenizer(kind, limit, vocabulary, report), ranges, report
    )
    return Dataset(tokenizer=tokenizer, digest=files.digest, name=name, **splits)


def tokenise(
    names: Sequence[str],
    tokenizer: tokens.Tokenizer,
    *,
    cache: Path | None = None,
    report: Report = lambda what, done: None,
) -> Split:
    """Return other text in the tokens of a trained model, memory-mapped, to evaluate on."""
    cache = cache or cache_root()
    source = _readable(resolve(names, cache=cache), tokenizer.kind)
    whole = Range(source, 0, source.bytes)
    settings = {"tokenizer": tokenizer.digest(), "text": source.text, "content": source.digest(cache)}
    files = TokenFiles(cache, settings)
    _, splits = files.load() or files.build(lambda: tokenizer, {"test": whole}, report)
    return splits["test"]


def training_text(s: Settings, *, cache: Path | None = None) -> Iterator[bytes]:
    """Yield the text that a run with settings `s` is trained on, chunk by chunk. Raises UsageError when it is gone."""
    fractions = s.valid_fraction, s.test_fraction
    ranges, _, _ = _ranges(s.corpus, s.valid, s.test, s.tokens, s.vocabulary, fractions, cache or cache_root())
    yield from ranges["train"].chunks()


def _ranges(
    train: Sequence[str],
    valid: Sequence[str],
    test: Sequence[str],
    kind: str,
    limit: int | None,
    fractions: tuple[float, float],
    cache: Path,
) -> tuple[dict[str, Range], str, Range]:
    """Return which bytes are train, valid and test, the corpus's name, and which bytes the vocabulary comes from."""
    tokens.check_kind(kind, limit)
    valid_fraction, test_fraction = fractions
    if not (valid_fraction >= 0 and test_fraction >= 0 and valid_fraction + test_fraction < 1):
        raise UsageError(
            f"The fractions {valid_fraction:g} for validation and {test_fraction:g} for test leave no text to train "
            f"on; both must be 0 or more, and their sum below 1."
        )
    source = _readable(resolve(train, cache=cache), kind)
    own = {"valid": _own(valid, kind, cache), "test": _own(test, kind, cache)}
    if not valid and not test:
        own = {role: _of_the_set(train, role, kind, cache) for role in own}
    # What is split off stands at the end: train, then valid, then test.
    shares = {"valid": 0.0 if own["valid"] else valid_fraction, "test": 0.0 if own["test"] else test_fraction}
    cuts = [source.bytes]
    for share in (shares["test"], shares["test"] + shares["valid"]):
        cut = int(source.bytes * (1 - share)) if share else source.bytes
        cuts.append(min(source.boundary(cut, lines=kind in LINEWISE), cuts[-1]))
    end, test_from, valid_from = cuts
    ranges = {
        "train": Range(source, 0, valid_from),
        "valid": Range(source, valid_from, test_from),
        "test": Range(source, test_from, end),
    }
    ranges |= {role: Range(other, 0, other.bytes) for role, other in own.items() if other}
    for role, part in ranges.items():
        length = part.stop - part.start
        if length < 2 and (role == "train" or own[role] or shares[role]):
            raise UsageError(
                f"The corpus {part.source.name} is only {part.source.bytes} byte{'s' * (part.source.bytes != 1)} long, "
                f"too little for a {role} part; give a longer text."
            )
    return ranges, source.name, ranges["train"] if kind in LINEWISE else Range(source, 0, source.bytes)


def _readable(source: Source, kind: str) -> Source:
    source.check(kind)
    return source if kind == "bytes" else source.as_text()


def _own(names: Sequence[str], kind: str, cache: Path) -> Source | None:
    return _readable(resolve(names, cache=cache), kind) if names else None


def _of_the_set(train: Sequence[str], role: str, kind: str, cache: Path) -> Source | None:
    """Return the catalogue's own valid or test file when the training text is one set of the catalogue."""
    names = [train] if isinstance(train, str) else list(train)
    if len(names) != 1 or formal.is_generator(names[0]) or not catalogue.is_known(names[0]):
        return None
    paths = catalogue.files(names[0], role, cache)
    return _readable(Source(names[0], tuple(map(open_file, paths))), kind) if paths else None


def _train_tokenizer(kind: str, limit: int | None, text: Range, report: Report) -> tokens.Tokenizer:
    def chunks() -> Iterator[bytes]:
        done = 0
        for chunk in text.chunks():
            yield chunk
            done += len(chunk)
            report("vocabulary", done / (text.stop - text.start))

    return tokens.train(kind, chunks(), limit)
