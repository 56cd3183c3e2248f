"""From the names a person types to a tokenizer and three memory-mapped token files.

A name is, in this order: `default` (the text every Python carries), a generator such as `reber` or `brackets:depth=8`,
a fetched set of the catalogue such as `ptb`, a file, or a folder. Write `./ptb` for a file called like a set.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lstmtui.common.files import write_atomically
from lstmtui.common.paths import cache_root
from lstmtui.common.units import format_size as in_words
from lstmtui.config import AUTO, Settings
from lstmtui.data import catalogue, default_corpus, formal_languages, likeness, tokens
from lstmtui.data.encodings import known, to_utf8
from lstmtui.data.normal_form import NORMAL_FORM
from lstmtui.data.sources import LeftOut, Part, Source, in_memory, open_file, open_folder, refuse
from lstmtui.data.splits import mixed
from lstmtui.data.token_files import Range, Split, TokenFiles, writable
from lstmtui.errors import LstmtuiError, UsageError

__all__ = [
    "Dataset", "Reading", "Source", "Split", "Texts", "anchored", "dataset", "notes", "notes_of", "prepare", "read",
    "read_text", "resolve", "size", "texts_of", "tokenise", "training_text",
]  # fmt: skip

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """How files become text."""

    tokens: str = "chars"
    encoding: str = ""
    """Of the files that are not UTF-8; empty where these are refused."""
    keep_everything: bool = False
    """Whether long runs that no one wrote are read too."""
    exact: bool = False
    """Whether the text is left as it is, not brought into its normal form (`lstmtui.data.normal_form`)."""

    @classmethod
    def of(cls, s: Settings, encoding: str = "") -> Reading:
        """Return how a run with settings `s` reads its text; `encoding` is that of another text."""
        return cls(tokens=s.tokens, encoding=encoding or s.encoding, keep_everything=s.keep_everything, exact=s.exact)


def resolve(names: Sequence[str], *, cache: Path | None = None) -> Source:
    """Return what `names` stand for, looked at from the outside only; see `read`.

    Raises UsageError when one is missing, empty, unreadable or not fetched.
    """
    cache = cache or cache_root()
    names = [names] if isinstance(names, str) else list(names)
    if not names:
        raise UsageError("No corpus is given; name a file, a folder or a set of `lstmtui corpora list`.")
    parts: list[Part] = []
    left_out: list[LeftOut] = []
    for name in names:
        found, others = _parts(name, cache)
        parts += found
        left_out += others
    return Source(", ".join(names), tuple(parts), left_out=tuple(left_out))


def read(names: Sequence[str], how: Reading, *, cache: Path | None = None) -> Source:
    """Return what `names` stand for, as it is read: every file looked through, and found to be what `how` needs.

    A file of a folder that cannot be read so is left out, with the reason. Raises UsageError as `resolve` does, and for
    a named file that is not text, where text is needed.
    """
    cache = cache or cache_root()
    return _readable(resolve(names, cache=cache), how, cache)


def _readable(source: Source, how: Reading, cache: Path) -> Source:
    if how.tokens == "bytes":
        return source
    parts: list[Part] = []
    left_out = list(source.left_out)
    for part in source.parts:
        try:
            parts.append(_as_utf8(part, how.encoding, cache))
        except UsageError as error:
            if part.folder is None:
                raise
            # The first step is enough in a list.
            reason = str(error).removeprefix(f"The file {part.name} ").removesuffix(".").split(", or ")[0]
            left_out.append(LeftOut(os.path.relpath(part.name, part.folder), reason))
    if not parts:
        raise UsageError(f"{source.name} holds no text that can be read: {listed(left_out)}.")
    read_ = Source(source.name, tuple(parts), left_out=tuple(left_out))
    read_ = read_.as_text(keep_everything=how.keep_everything, exact=how.exact)
    if read_.bytes and read_.long_runs(cache) >= read_.bytes:
        raise UsageError(
            f"{source.name} is nothing but base64 or hexadecimal, which no one wrote; --keep-everything reads it."
        )
    return read_


def _as_utf8(part: Part, encoding: str, cache: Path) -> Part:
    """Return `part`, or where it is in another encoding its UTF-8. Raises UsageError where it cannot be read."""
    if not encoding:
        Source(part.name, (part,)).check()
        refuse(part, part.facts(cache))
        return part
    name = known(encoding)
    facts = part.facts(cache)
    if name in ("utf-8", "ascii") or (facts.nul is None and facts.invalid is None and name not in SEVEN_BITS):
        refuse(part, facts)
        return part
    copy = converted(cache, facts.sha256, name, to_utf8(part.read(0, part.length), encoding, part.name))
    found = replace(open_file(copy), name=part.name, folder=part.folder)
    refuse(found, found.facts(cache))
    return found


def converted(cache: Path, digest: str, encoding: str, chunks: Iterator[bytes]) -> Path:
    """Return a copy in `cache` of the file with this digest, in UTF-8, as `chunks` make it. Raises LstmtuiError."""
    name = hashlib.sha256(f"{digest} {encoding}".encode()).hexdigest()[:32]
    path = cache / "texts" / f"{name}.txt"
    if not path.exists():
        path = writable(path.parent) / path.name
        try:
            write_atomically(path, chunks)
        except OSError as error:
            raise LstmtuiError(
                f"The text cannot be kept in {path.parent} ({error.strerror or error}); free some space there, or "
                f"name another folder in LSTMTUI_CACHE."
            ) from error
    return path


SEVEN_BITS = ("utf-7", "hz", *(f"iso2022_{name}" for name in ("jp", "jp_1", "jp_2", "jp_3", "jp_ext", "kr")))
"""Encodings whose text looks like ASCII."""

MAX_LISTED = 5
"""Files that are named in one sentence."""


def listed(left_out: Sequence[LeftOut]) -> str:
    """Return which files are left out and why, in words."""
    said = [f"{one.name} ({one.reason})" for one in left_out[:MAX_LISTED]]
    if len(left_out) > MAX_LISTED:
        said.append(f"and {len(left_out) - MAX_LISTED:,} more")
    return ", ".join(said)


def read_text(names: Sequence[str], how: Reading, *, cache: Path | None = None) -> bytes:
    """Return all of the text that `names` stand for."""
    return b"".join(read(names, replace(how, tokens="chars"), cache=cache).chunks())


def notes_of(source: Source, *, cache: Path | None = None) -> list[str]:
    """Return what a person should know of how a text is read: what of it is left out, and why."""
    said = []
    if source.left_out:
        count = len(source.parts)
        said.append(
            f"Of {source.name}, {count:,} file{' is' if count == 1 else 's are'} read and {len(source.left_out):,} "
            f"left out: {listed(source.left_out)}."
        )
    if runs := source.long_runs(cache or cache_root()):
        said.append(
            f"Of {source.name}, {in_words(runs)} of long runs that no one wrote (base64, hexadecimal) are left out; "
            f"--keep-everything reads them."
        )
    return said


def notes(texts: Texts, *, cache: Path | None = None) -> list[str]:
    """Return what a person should know before a run trains on `texts`, a sentence each."""
    cache = cache or cache_root()
    said = [note for source in texts.sources for note in notes_of(source, cache=cache)]
    train, valid = texts.ranges["train"], texts.ranges["valid"]
    if valid.source.parts != train.source.parts:
        known = {part.facts(cache).sha256 for part in train.source.parts}
        if valid.length and all(part.facts(cache).sha256 in known for part in valid.source.parts):
            return [
                *said,
                "The validation text is part of the training text, so it cannot tell learning from memorising; give "
                "--valid text that is not trained on, or none.",
            ]
    unlike = likeness.warning(*(part.sample(likeness.SAMPLE, likeness.PIECES) for part in (train, valid)))
    return [*said, unlike] if unlike and train.source.text else said


def size(names: Sequence[str], how: Reading | None = None, *, cache: Path | None = None) -> int:
    """Return how many bytes `names` stand for, as they are read."""
    return read(names, how or Reading(), cache=cache).bytes


def anchored(names: Sequence[str]) -> tuple[str, ...]:
    """Return `names` with paths made absolute, so that they mean the same from any folder."""
    return tuple(name if _has_a_name(name) else str(Path(name).expanduser().absolute()) for name in names)


def _has_a_name(name: str) -> bool:
    return name == default_corpus.NAME or formal_languages.is_generator(name) or catalogue.is_known(name)


def _parts(name: str, cache: Path) -> tuple[list[Part], list[LeftOut]]:
    if not name:
        raise UsageError("An empty text names no file, folder or set; '.' is the current folder.")
    if name == default_corpus.NAME:
        return [in_memory(name, default_corpus.text(cache))], []
    if formal_languages.is_generator(name):
        return [in_memory(name, formal_languages.text(name))], []
    if catalogue.is_known(name):
        return [open_file(path) for path in catalogue.files(name, "train", cache)], []
    path = Path(name).expanduser()
    try:
        if path.is_dir():
            parts, left_out = open_folder(path)
            if not parts:
                reasons = f" ({listed(left_out)})" if left_out else ""
                raise UsageError(
                    f"The folder {path} holds no text files{reasons}; give another folder, or the files by name."
                )
            return parts, left_out
        missing = not path.exists()
    except ValueError:  # a NUL in the name
        missing = True
    if missing:
        raise UsageError(f"There is no file, folder or set called {name!r}; `lstmtui corpora list` names the sets.")
    return [open_file(path)], []


def prepare(
    *,
    train: Sequence[str],
    valid: Sequence[str] = (),
    test: Sequence[str] = (),
    tokens: str = "chars",
    limit: int | None = None,
    valid_fraction: float = 0.1,
    test_fraction: float = 0.0,
    split: str = "mixed",
    encoding: str = "",
    keep_everything: bool = False,
    exact: bool = False,
    cache: Path | None = None,
    report: Report = lambda what, done: None,
) -> Dataset:
    """Tokenise a corpus once, chunk by chunk, and return it memory-mapped; the next call finds it in `cache`.

    The names and numbers are the settings of a run (`lstmtui.config`); see `dataset`.
    """
    s = Settings(
        corpus=tuple([train] if isinstance(train, str) else train), valid=tuple(valid), test=tuple(test), tokens=tokens,
        vocabulary=limit, valid_fraction=valid_fraction, test_fraction=test_fraction, split=split, encoding=encoding,
        keep_everything=keep_everything, exact=exact,
    )  # fmt: skip
    return dataset(s, cache=cache, report=report)


def dataset(s: Settings, *, cache: Path | None = None, report: Report = lambda what, done: None) -> Dataset:
    """Return the tokens that a run with settings `s` trains on, those of `cache` where it was tokenised before.

    The vocabulary of `chars` is that of the whole train text, so that no character of a file split by position is
    unknown; that of `words` and `bpe` comes from the training part alone. Raises UsageError for input that cannot be
    used, LstmtuiError when the token files cannot be written.
    """
    cache = cache or cache_root()
    texts = texts_of(s, cache=cache)
    report("reading", 0.0)
    files = TokenFiles(cache, _everything_that_shapes(s, texts, cache))
    tokenizer, splits = files.load() or files.build(
        lambda: _train_tokenizer(s, texts.vocabulary, report), texts.ranges, report
    )
    return Dataset(tokenizer=tokenizer, digest=files.digest, name=texts.ranges["train"].source.name, **splits)


def digest(s: Settings, *, cache: Path | None = None) -> str:
    """Return the digest that `dataset` would have, without tokenising. Raises UsageError."""
    cache = cache or cache_root()
    return TokenFiles(cache, _everything_that_shapes(s, texts_of(s, cache=cache), cache)).digest


def kept(digest: str, name: str, *, cache: Path | None = None) -> Dataset | None:
    """Return the dataset called `name` with this digest from the cache, whatever its text is now; None without one."""
    files = TokenFiles.of(cache or cache_root(), digest)
    found = files.load()
    return Dataset(tokenizer=found[0], digest=digest, name=name, **found[1]) if found is not None else None


def keep(digest: str, user: Path, *, cache: Path | None = None) -> None:
    """Keep the tokens with this digest in the cache for as long as the folder `user` exists."""
    TokenFiles.of(cache or cache_root(), digest).keep_for(user)


def _everything_that_shapes(s: Settings, texts: Texts, cache: Path) -> dict[str, Any]:
    """Return what the tokens depend on. What is new in a version is left out where it changes nothing."""
    digests = {source.parts: source.digest(cache) for source in texts.sources}
    settings: dict[str, Any] = {
        "tokens": s.tokens,
        "limit": s.vocabulary,
        "parts": [[role, digests[part.source.parts], *part.described()] for role, part in texts.ranges.items()],
        "vocabulary": list(texts.vocabulary.described()),
    }
    if any(source.long_runs(cache) for source in texts.sources):
        settings["long_runs"] = "left out"
    if any(source.text and not source.exact for source in texts.sources):
        settings["normal_form"] = NORMAL_FORM
    return settings


def tokenise(
    names: Sequence[str],
    tokenizer: tokens.Tokenizer,
    how: Reading | None = None,
    *,
    cache: Path | None = None,
    report: Report = lambda what, done: None,
) -> Split:
    """Return other text in the tokens of a trained model, memory-mapped, to evaluate on."""
    cache = cache or cache_root()
    source = read(names, replace(how or Reading(), tokens=tokenizer.kind), cache=cache)
    settings = {"tokenizer": tokenizer.digest(), "text": source.text, "content": source.digest(cache)}
    if source.long_runs(cache):
        settings["long_runs"] = "left out"
    if source.text and not source.exact:
        settings["normal_form"] = NORMAL_FORM
    files = TokenFiles(cache, settings)
    _, splits = files.load() or files.build(lambda: tokenizer, {"test": Range.whole(source)}, report)
    return splits["test"]


def training_text(s: Settings, *, cache: Path | None = None) -> Iterator[bytes]:
    """Yield the text that a run with settings `s` is trained on, chunk by chunk. Raises UsageError when it is gone."""
    yield from texts_of(s, cache=cache).ranges["train"].chunks()


@dataclass(frozen=True, slots=True)
class Texts:
    """Which bytes of which files are trained on, validated on and tested on."""

    ranges: dict[str, Range]
    """Of train, valid and test."""
    vocabulary: Range
    """What the vocabulary comes from."""

    @property
    def mixed(self) -> bool:
        """Whether text to validate or test on is taken from all over one corpus, not from its end."""
        train = self.ranges["train"]
        return train.stretches != ((0, train.length),)

    @property
    def sources(self) -> list[Source]:
        """The sources, each once."""
        return list({part.source.parts: part.source for part in self.ranges.values()}.values())

    @property
    def beginning(self) -> bytes:
        """How the texts to train on begin, which decides settings that are left open."""
        return b"".join(part.head for part in self.ranges["train"].source.parts)

    @property
    def bytes(self) -> int:
        """The size of the corpus."""
        return self.ranges["train"].source.bytes


def texts_of(s: Settings, *, cache: Path | None = None) -> Texts:
    """Look through everything that a run with settings `s` reads, and split it.

    Text to train on, to validate on and to test on, as far as no own files are given, comes from one corpus: of one
    file the end is split off, first training, then validation, then test; of several, pieces of every kind of file.
    Raises UsageError for input that cannot be used.
    """
    cache, how = cache or cache_root(), Reading.of(s)
    if s.tokens != AUTO:  # which are chosen when the text is known
        tokens.check_kind(s.tokens, s.vocabulary)
    if not (s.valid_fraction >= 0 and s.test_fraction >= 0 and s.valid_fraction + s.test_fraction < 1):
        raise UsageError(
            f"The fractions {s.valid_fraction:g} for validation and {s.test_fraction:g} for test leave no text to "
            f"train on; both must be 0 or more, and their sum below 1."
        )
    source = read(s.corpus, how, cache=cache)
    own = {"valid": _own(s.valid, how, cache), "test": _own(s.test, how, cache)}
    if not s.valid and not s.test:
        own = {role: _of_the_set(s.corpus, role, how, cache) for role in own}
    shares = {"valid": 0.0 if own["valid"] else s.valid_fraction, "test": 0.0 if own["test"] else s.test_fraction}
    ranges = _split(source, shares, s) | {role: Range.whole(other) for role, other in own.items() if other}
    for role, part in ranges.items():
        if part.length < 2 and (role == "train" or own[role] or shares[role]):
            raise UsageError(
                f"The corpus {part.source.name} is only {part.source.bytes} byte{'s' * (part.source.bytes != 1)} long, "
                f"too little for a {role} part; give a longer text."
            )
    return Texts(ranges, ranges["train"] if s.tokens in LINEWISE else Range.whole(source))


def _split(source: Source, shares: dict[str, float], s: Settings) -> dict[str, Range]:
    """Return the parts of a corpus of which `shares` are taken to validate and to test."""
    if s.split == "mixed" and len(source.parts) > 1 and any(shares.values()):
        found = mixed(source, shares)
        if found is not None:
            return found
    cuts = [source.bytes]
    for share in (shares["test"], shares["test"] + shares["valid"]):
        cut = int(source.bytes * (1 - share)) if share else source.bytes
        cuts.append(min(source.boundary(cut, lines=s.tokens in LINEWISE), cuts[-1]))
    end, test_from, valid_from = cuts
    return {
        "train": Range.of(source, 0, valid_from),
        "valid": Range.of(source, valid_from, test_from),
        "test": Range.of(source, test_from, end),
    }


def _own(names: Sequence[str], how: Reading, cache: Path) -> Source | None:
    return read(names, how, cache=cache) if names else None


def _of_the_set(train: Sequence[str], role: str, how: Reading, cache: Path) -> Source | None:
    """Return the catalogue's own valid or test file when the training text is one set of the catalogue."""
    names = [train] if isinstance(train, str) else list(train)
    if len(names) != 1 or formal_languages.is_generator(names[0]) or not catalogue.is_known(names[0]):
        return None
    paths = catalogue.files(names[0], role, cache)
    return _readable(Source(names[0], tuple(map(open_file, paths))), how, cache) if paths else None


def _train_tokenizer(s: Settings, text: Range, report: Report) -> tokens.Tokenizer:
    def chunks() -> Iterator[bytes]:
        done = 0
        for chunk in text.chunks():
            yield chunk
            done += len(chunk)
            report("vocabulary", min(1.0, done / text.length))

    return tokens.train(s.tokens, chunks(), s.vocabulary, exact=s.exact)
