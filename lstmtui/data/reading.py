"""From the names a person types to text: files, folders, sets of the catalogue and generators as one source.

A name is, in this order: `default` (the text every Python carries), a generator such as `reber` or `brackets:depth=8`,
a fetched set of the catalogue such as `ptb`, a file, or a folder. Write `./ptb` for a file called like a set.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from lstmtui.common.files import writable_folder, write_atomically
from lstmtui.common.paths import cache_root
from lstmtui.config import DataSettings
from lstmtui.data import catalogue, default_corpus, formal_languages
from lstmtui.data.containers.extraction import contained_texts
from lstmtui.data.encodings import codec_name, to_utf8
from lstmtui.data.folders import SkippedFile, open_folder
from lstmtui.data.parts import Part, open_part, part_in_memory
from lstmtui.data.sources import Source
from lstmtui.data.text_check import require_text
from lstmtui.errors import LstmtuiError, UsageError

MAX_LISTED = 5
"""Files that one sentence names."""
SEVEN_BIT_ENCODINGS = ("utf-7", "hz", *(f"iso2022_{name}" for name in ("jp", "jp_1", "jp_2", "jp_3", "jp_ext", "kr")))
"""Encodings whose bytes are all ASCII."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadOptions:
    """How files become text."""

    tokens: str = "chars"
    field: str = ""
    """The column or key of tables whose text is read; empty: tables are text."""
    encoding: str = ""
    """The encoding of files that are not UTF-8; empty: such files are refused."""
    keep_everything: bool = False
    """Whether long runs of base64 and hexadecimal are read (`lstmtui.data.long_runs`)."""
    exact: bool = False
    """Whether the text is read without Unicode normalisation (`lstmtui.data.normal_form`)."""

    @classmethod
    def of(cls, s: DataSettings, encoding: str = "") -> ReadOptions:
        """Return how a run with settings `s` reads its text; `encoding` replaces that of the settings."""
        return cls(
            tokens=s.tokens, field=s.field, encoding=encoding or s.encoding, keep_everything=s.keep_everything,
            exact=s.exact,
        )  # fmt: skip


def resolve_names(names: Sequence[str], *, cache: Path | None = None) -> Source:
    """Return the files and texts that `names` stand for, without reading them through; see `open_source`.

    Raises UsageError when one is missing, empty, unreadable or not fetched.
    """
    cache = cache or cache_root()
    names = [names] if isinstance(names, str) else list(names)
    if not names:
        raise UsageError("No corpus is given; name a file, a folder or a set of `lstmtui corpora list`.")
    parts: list[Part] = []
    skipped: list[SkippedFile] = []
    for name in names:
        found, others = _parts(name, cache)
        parts += found
        skipped += others
    return Source(", ".join(names), tuple(parts), skipped=tuple(skipped))


def open_source(names: Sequence[str], options: ReadOptions, *, cache: Path | None = None) -> Source:
    """Return what `names` stand for, each file read through and checked against `options`.

    Files of a folder that cannot be read are skipped, with the reason. Raises UsageError as `resolve_names` does, and
    for a named file that is not text where text is needed.
    """
    cache = cache or cache_root()
    return as_text(resolve_names(names, cache=cache), options, cache)


def as_text(source: Source, options: ReadOptions, cache: Path) -> Source:
    """Return `source` read as `options` say: files in other encodings converted, what is not text skipped or refused.

    Raises UsageError as `open_source` does.
    """
    if options.tokens == "bytes":
        return source
    parts: list[Part] = []
    skipped = list(source.skipped)
    for part in source.parts:
        found, others = texts_in(part, options, cache)
        parts += found
        skipped += others
    if not parts:
        raise UsageError(f"{source.name} holds no text that can be read: {list_reasons(skipped)}.")
    text = Source(source.name, tuple(parts), skipped=tuple(skipped))
    text = text.as_text(keep_everything=options.keep_everything, exact=options.exact)
    if text.bytes and text.long_runs(cache) >= text.bytes:
        raise UsageError(f"{source.name} is nothing but base64 or hexadecimal; --keep-everything reads it.")
    return text


def texts_in(part: Part, options: ReadOptions, cache: Path) -> tuple[list[Part], list[SkippedFile]]:
    """Return the texts in a part, which is one itself or holds several, and what is skipped.

    Raises UsageError for a file that was named itself and cannot be read.
    """
    try:
        contained = contained_texts(part, options.field, cache)
    except UsageError as error:
        if part.folder is None:
            raise
        return [], [_skipped(part, error)]
    parts, skipped = contained or ([part], [])
    texts = []
    for one in parts:
        try:
            texts.append(_as_utf8(one, options.encoding, cache))
        except UsageError as error:
            if one.folder is None:
                raise
            skipped.append(_skipped(one, error))
    return texts, skipped


def _skipped(part: Part, error: UsageError) -> SkippedFile:
    assert part.folder is not None
    # A list gives the first remedy alone.
    reason = str(error).removeprefix(f"The file {part.name} ").removesuffix(".").split(", or ")[0]
    return SkippedFile(os.path.relpath(part.name, part.folder), reason)


def read_text(names: Sequence[str], options: ReadOptions, *, cache: Path | None = None) -> bytes:
    """Return the whole text that `names` stand for. Raises UsageError as `open_source` does."""
    return b"".join(open_source(names, replace(options, tokens="chars"), cache=cache).chunks())


@contextlib.contextmanager
def private_cache() -> Iterator[Path]:
    """Yield a cache that is removed afterwards: for a person's own documents, of which no other copy is kept."""
    with tempfile.TemporaryDirectory(prefix="lstmtui-") as folder:
        yield Path(folder)


def absolute_names(names: Sequence[str]) -> tuple[str, ...]:
    """Return `names` with paths made absolute, so that they mean the same from any folder."""
    return tuple(name if _is_reserved(name) else str(Path(name).expanduser().absolute()) for name in names)


def list_reasons(skipped: Sequence[SkippedFile]) -> str:
    """Return which files are skipped and why, as part of a sentence."""
    listed = [f"{file.name} ({file.reason})" for file in skipped[:MAX_LISTED]]
    if len(skipped) > MAX_LISTED:
        listed.append(f"and {len(skipped) - MAX_LISTED:,} more")
    return ", ".join(listed)


def _as_utf8(part: Part, encoding: str, cache: Path) -> Part:
    """Return `part`, converted to UTF-8 where it is in `encoding`. Raises UsageError where it is not text."""
    if not encoding:
        Source(part.name, (part,)).check()
        require_text(part, part.facts(cache))
        return part
    name = codec_name(encoding)
    facts = part.facts(cache)
    is_utf8 = facts.nul is None and facts.invalid is None and name not in SEVEN_BIT_ENCODINGS
    if name in ("utf-8", "ascii") or is_utf8:
        require_text(part, facts)
        return part
    copy = _utf8_copy(cache, facts.sha256, name, to_utf8(part.read(0, part.length), encoding, part.name))
    converted = replace(open_part(copy), name=part.name, folder=part.folder)
    require_text(converted, converted.facts(cache))
    return converted


def _utf8_copy(cache: Path, digest: str, encoding: str, chunks: Iterator[bytes]) -> Path:
    """Return the UTF-8 copy in `cache` of the file with this digest, written from `chunks` where it is missing.

    Raises LstmtuiError where it cannot be written.
    """
    name = hashlib.sha256(f"{digest} {encoding}".encode()).hexdigest()[:32]
    path = cache / "texts" / f"{name}.txt"
    if not path.exists():
        path = writable_folder(path.parent) / path.name
        try:
            write_atomically(path, chunks)
        except OSError as error:
            raise LstmtuiError(
                f"The text cannot be kept in {path.parent} ({error.strerror or error}); free some space there, or "
                f"name another folder in LSTMTUI_CACHE."
            ) from error
    return path


def _is_reserved(name: str) -> bool:
    """Return whether `name` is not a path."""
    return name == default_corpus.NAME or formal_languages.is_generator(name) or catalogue.has_entry(name)


def _parts(name: str, cache: Path) -> tuple[list[Part], list[SkippedFile]]:
    if not name:
        raise UsageError("An empty text names no file, folder or set; '.' is the current folder.")
    if name == default_corpus.NAME:
        return [part_in_memory(name, default_corpus.text(cache))], []
    if formal_languages.is_generator(name):
        return [part_in_memory(name, formal_languages.generate_text(name))], []
    if catalogue.has_entry(name):
        return [open_part(path) for path in catalogue.set_files(name, "train", cache)], []
    path = Path(name).expanduser()
    try:
        if path.is_dir():
            parts, skipped = open_folder(path)
            if not parts:
                reasons = f" ({list_reasons(skipped)})" if skipped else ""
                raise UsageError(
                    f"The folder {path} holds no text files{reasons}; give another folder, or the files by name."
                )
            return parts, skipped
        missing = not path.exists()
    except ValueError:  # a NUL in the name
        missing = True
    if missing:
        raise UsageError(f"There is no file, folder or set called {name!r}; `lstmtui corpora list` names the sets.")
    return [open_part(path)], []
