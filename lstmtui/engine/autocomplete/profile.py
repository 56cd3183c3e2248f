"""The user's profile: what the user wrote, as texts by name, the lines of each, and an n-gram index of all.

    autocomplete/profile.npz    the arrays of `NgramIndex`, and in `texts` the texts as JSON

A line is its words with single spaces. Each has a digest of its original form, so that a text is learnt once, even if
words of it have been forgotten since. Lines that several texts share are counted once.
"""

from __future__ import annotations

import contextlib
import hashlib
from bisect import bisect_left
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from lstmtui.common.files import parse_json, read_file, remove_stale_temporaries, to_json, write_atomically
from lstmtui.common.npz import pack, unpack
from lstmtui.common.opening import private_folder
from lstmtui.common.word_boundaries import words_and_line_ends
from lstmtui.engine.autocomplete.ngram_index import LINE_END, NgramIndex
from lstmtui.engine.autocomplete.store import profile_lock, set_aside
from lstmtui.errors import CorruptError, LstmtuiError
from lstmtui.runs import watching
from lstmtui.runs.folder import RunFolder

TYPED = "typed"
"""The name of typed text, which comes from no file."""
UNNAMED = "earlier"
"""The name of the text of a profile that was written before texts had names."""
MAX_BYTES = 64 << 20
"""The size of all texts together."""


@dataclass(slots=True)
class Text:
    """One text: its lines as they are counted, and the digest of each in its original form."""

    name: str
    lines: list[str] = field(default_factory=list)
    digests: list[str] = field(default_factory=list)

    @classmethod
    def parse(cls, name: str, data: bytes) -> Text:
        """Return the text with the lines of `data`."""
        lines = list(word_lines(data))
        return cls(name, lines, [line_digest(line) for line in lines])

    def word_count(self) -> int:
        """Return the number of words."""
        return sum(len(line.split(" ")) for line in self.lines if line)

    def replaced_by(self, new: Text) -> Text:
        """Return `new`, a newer version, without the words of it that have been forgotten."""
        known: dict[str, list[str]] = {}
        for line, digest in zip(reversed(self.lines), reversed(self.digests), strict=True):
            known.setdefault(digest, []).append(line)
        lines = [
            known[digest].pop() if known.get(digest) else line
            for line, digest in zip(new.lines, new.digests, strict=True)
        ]
        return Text(new.name, lines, new.digests)

    def extended_by(self, new: Text) -> Text:
        """Return this text with the lines of `new` that it lacks, without lines that are beginnings of new ones."""
        missing, lines, digests = Counter(new.digests) - Counter(self.digests), [], []
        for line, digest in zip(new.lines, new.digests, strict=True):
            if missing[digest] > 0:
                missing[digest] -= 1
                lines.append(line)
                digests.append(digest)
        longer = sorted(lines)
        unchanged = [
            (line, digest)
            for line, digest in zip(self.lines, self.digests, strict=True)
            if not (at := bisect_left(longer, line)) < len(longer) or not longer[at].startswith(line)
        ]
        return Text(self.name, [line for line, _ in unchanged] + lines, [digest for _, digest in unchanged] + digests)

    def without(self, word: str) -> Text:
        """Return this text without any occurrence of a word."""
        lines = [" ".join(other for other in line.split(" ") if other != word) for line in self.lines]
        return Text(self.name, lines, self.digests)


@dataclass(frozen=True, slots=True)
class Change:
    """The result of changing a profile."""

    words: int
    """The number of words now."""
    added: int
    """How many more than before."""
    aside: Path | None = None
    """The new path of a damaged profile."""


class Profile:
    """The profile of a run."""

    def __init__(self, run: RunFolder) -> None:
        self._run = run
        self._path = run.autocomplete / "profile.npz"

    def load(self) -> NgramIndex | None:
        """Return its index; None without a profile, or for one that cannot be read."""
        with contextlib.suppress(OSError, ValueError):
            data = read_file(self._path, 8 * MAX_BYTES)
            return NgramIndex.load(data) if data is not None else None
        return None

    def texts(self) -> list[Text]:
        """Return its texts. Raises CorruptError if they are damaged."""
        try:
            return self._read()
        except ValueError as error:
            raise CorruptError(
                f"The profile {self._path} is damaged; the next 'lstmtui adapt' renames it and begins a new one."
            ) from error

    def learn(self, texts: Mapping[str, bytes]) -> Change:
        """Add `texts` by name: the new version of a file replaces the old one; the TYPED text is extended.

        Raises LstmtuiError where the profile cannot be read or written.
        """
        with profile_lock(self._run):
            return self.update(texts)

    def update(self, texts: Mapping[str, bytes], gone: Collection[str] = ()) -> Change:
        """Learn `texts` as `learn` does, and forget those whose names are in `gone`.

        The caller holds the profile's lock.
        """
        aside = None
        try:
            known = {text.name: text for text in self._read()}
        except ValueError:
            known, aside = {}, set_aside(self._path)
        before = _count_words(known.values())
        for name in gone:
            known.pop(name, None)
        for name, data in texts.items():
            new, old = Text.parse(name, data), known.get(name, Text(name))
            known[name] = old.extended_by(new) if name == TYPED else old.replaced_by(new)
        return Change(*self._write(list(known.values()), before), aside)

    def forget(self, names: Iterable[str]) -> Change | None:
        """Forget the texts with one of `names`, or else the words; return None if there are neither.

        Raises LstmtuiError where the profile cannot be read or written.
        """
        names = set(names)
        with profile_lock(self._run):
            known = self.texts()
            left = [text for text in known if text.name not in names]
            if len(left) == len(known):
                left = known
                for word in names:
                    left = [text.without(word) for text in left]
            before = _count_words(known)
            if left == known:
                return None
            return Change(*self._write(left, before))

    def reset(self) -> bool:
        """Remove the profile, and end its watch; return whether there was one."""
        if not self._run.autocomplete.exists():
            return False
        with profile_lock(self._run):
            watching.forget(self._run)
            remove_stale_temporaries(self._run.autocomplete)  # of processes that were killed
            try:
                self._path.unlink()
            except FileNotFoundError:
                return False
            except OSError as error:
                raise LstmtuiError(
                    f"The profile {self._path} cannot be removed ({error.strerror or error})."
                ) from error
        return True

    def _read(self) -> list[Text]:
        """Return its texts. Raises LstmtuiError if the system refuses to read them, ValueError if they are damaged."""
        try:
            data = read_file(self._path, 8 * MAX_BYTES)
        except OSError as error:
            raise LstmtuiError(
                f"The profile {self._path} cannot be read ({error.strerror or error}); nothing was changed."
            ) from error
        if data is None:
            return []
        arrays = unpack(data)
        if "texts" not in arrays:
            return [Text.parse(UNNAMED, NgramIndex.load(data).text())]
        return _parse_texts(parse_json(arrays["texts"].tobytes(), 2 * MAX_BYTES))

    def _write(self, texts: list[Text], before: int) -> tuple[int, int]:
        """Write `texts`; return the number of their words, and how many more these are than `before`."""
        lines = [line.encode("utf-8", "surrogateescape") for line in distinct_lines(texts)]
        if sum(map(len, lines)) > MAX_BYTES:
            raise LstmtuiError(f"A profile holds at most {MAX_BYTES >> 20} MiB of text; forget some of it first.")
        index = NgramIndex.from_lines(lines)
        record = [{"name": text.name, "lines": text.lines, "digests": text.digests} for text in texts]
        arrays = {**unpack(index.dump()), "texts": np.frombuffer(to_json(record).encode(), np.uint8)}
        try:
            private_folder(self._path.parent)
            write_atomically(self._path, pack(arrays))
        except OSError as error:
            raise LstmtuiError(f"The profile {self._path} cannot be written ({error.strerror or error}).") from error
        return index.word_count, index.word_count - before


def word_lines(data: bytes) -> Iterator[str]:
    """Yield the non-empty lines of `data`, as their words with single spaces."""
    words: list[bytes] = []
    for piece in [*words_and_line_ends(data), LINE_END]:
        if piece != LINE_END:
            words.append(piece)
        elif words:
            yield b" ".join(words).decode("utf-8", "surrogateescape")
            words = []


def line_digest(line: str) -> str:
    """Return the digest of a line."""
    return hashlib.sha256(line.encode("utf-8", "surrogateescape")).hexdigest()[:16]


def distinct_lines(texts: Iterable[Text]) -> Iterator[str]:
    """Yield the lines of all texts, each as often as the one text that has it most often."""
    yielded: Counter[str] = Counter()
    for text in texts:
        here: Counter[str] = Counter()
        for line, digest in zip(text.lines, text.digests, strict=True):
            here[digest] += 1
            if here[digest] > yielded[digest]:
                yielded[digest] += 1
                if line:
                    yield line


def _count_words(texts: Iterable[Text]) -> int:
    return sum(len(line.split(" ")) for line in distinct_lines(texts))


def _parse_texts(record: Any) -> list[Text]:
    """Return the texts of a JSON value. Raises ValueError for other values."""
    try:
        texts = [Text(str(text["name"]), list(text["lines"]), list(text["digests"])) for text in record]
    except (KeyError, TypeError) as error:
        raise ValueError("no texts in it") from error
    if any(len(t.lines) != len(t.digests) or not all(isinstance(x, str) for x in t.lines + t.digests) for t in texts):
        raise ValueError("no texts in it")
    return texts
