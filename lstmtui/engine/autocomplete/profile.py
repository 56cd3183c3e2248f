"""What this person wrote, kept beside a run: texts by name, the lines of each, and an index of all of them.

    autocomplete/profile.npz    the index, as `Concordance` keeps it, and in `texts` the texts as JSON

A line is its words, one space apart. Each is kept with a digest of what it was when it was given, so that a text is
learnt once, whatever has been forgotten of it since. Lines that several texts have in common are counted once.
"""

from __future__ import annotations

import contextlib
import hashlib
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from lstmtui.common.files import parse_json, read_file, to_json, write_atomically
from lstmtui.common.npz import pack, unpack
from lstmtui.common.opening import private_folder
from lstmtui.common.word_boundaries import words_and_line_ends
from lstmtui.engine.autocomplete.ngram_index import LINE, Concordance
from lstmtui.engine.autocomplete.store import changing, put_aside
from lstmtui.errors import CorruptError, LstmtuiError
from lstmtui.runs.folder import RunFolder

TYPED = "typed"
"""The name of what was typed, and not read from a file."""
EARLIER = "earlier"
"""The name of what a profile held before it knew names."""
MAX_BYTES = 64 << 20
"""Of all texts together."""


@dataclass(slots=True)
class Text:
    """One text: its lines as they are counted, and the digest of each as it was given."""

    name: str
    lines: list[str] = field(default_factory=list)
    digests: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, name: str, data: bytes) -> Text:
        """Return the text that `data` is."""
        lines = list(lines_of(data))
        return cls(name, lines, [digest(line) for line in lines])

    def words(self) -> int:
        """Return how many words it has."""
        return sum(len(line.split(" ")) for line in self.lines if line)

    def replaced_by(self, new: Text) -> Text:
        """Return `new` without what has been forgotten of this text, an older one of the same name."""
        known: dict[str, list[str]] = {}
        for line, mark in zip(reversed(self.lines), reversed(self.digests), strict=True):
            known.setdefault(mark, []).append(line)
        lines = [
            known[mark].pop() if known.get(mark) else line for line, mark in zip(new.lines, new.digests, strict=True)
        ]
        return Text(new.name, lines, new.digests)

    def grown_by(self, new: Text) -> Text:
        """Return this text with the lines of `new` that it lacks; a line that one of them continues goes."""
        lacking, lines, digests = Counter(new.digests) - Counter(self.digests), [], []
        for line, mark in zip(new.lines, new.digests, strict=True):
            if lacking[mark] > 0:
                lacking[mark] -= 1
                lines.append(line)
                digests.append(mark)
        longer = sorted(lines)
        kept = [
            (line, mark)
            for line, mark in zip(self.lines, self.digests, strict=True)
            if not (at := bisect_left(longer, line)) < len(longer) or not longer[at].startswith(line)
        ]
        return Text(self.name, [line for line, _ in kept] + lines, [mark for _, mark in kept] + digests)

    def without(self, word: str) -> Text:
        """Return this text without a word, wherever it stands."""
        lines = [" ".join(each for each in line.split(" ") if each != word) for line in self.lines]
        return Text(self.name, lines, self.digests)


@dataclass(frozen=True, slots=True)
class Change:
    """What came of changing a profile."""

    words: int
    """How many words it holds now."""
    by: int
    """How many more than before."""
    aside: Path | None = None
    """Where the profile stands that could not be read."""


class Profile:
    """The profile beside a run."""

    def __init__(self, run: RunFolder) -> None:
        self._run = run
        self._path = run.autocomplete / "profile.npz"

    def load(self) -> Concordance | None:
        """Return its index; None where nothing is kept, or what is there cannot be read."""
        with contextlib.suppress(OSError, ValueError):
            data = read_file(self._path, 8 * MAX_BYTES)
            return Concordance.load(data) if data is not None else None
        return None

    def texts(self) -> list[Text]:
        """Return what is kept. Raises CorruptError where it cannot be read."""
        try:
            return self._texts()
        except ValueError as error:
            raise CorruptError(
                f"The profile {self._path} is damaged; the next 'lstmtui adapt' keeps it aside and begins anew."
            ) from error

    def learn(self, texts: Mapping[str, bytes]) -> Change:
        """Keep `texts`, each by its name: a file that is learnt again takes its own place, and what is TYPED grows.

        Raises LstmtuiError where it cannot be read or written.
        """
        with changing(self._run):
            aside = None
            try:
                known = {text.name: text for text in self._texts()}
            except ValueError:
                known, aside = {}, put_aside(self._path)
            before = _count(known.values())
            for name, data in texts.items():
                new, old = Text.of(name, data), known.get(name, Text(name))
                known[name] = old.grown_by(new) if name == TYPED else old.replaced_by(new)
            return Change(*self._write(list(known.values()), before), aside)

    def forget(self, what: Iterable[str]) -> Change | None:
        """Forget a text by any of its names in `what`, or else a word; return None where there is neither.

        Raises LstmtuiError where it cannot be read or written.
        """
        names = set(what)
        with changing(self._run):
            known = self.texts()
            left = [text for text in known if text.name not in names]
            if len(left) == len(known):
                left = known
                for word in names:
                    left = [text.without(word) for text in left]
            before = _count(known)
            if left == known:
                return None
            return Change(*self._write(left, before))

    def reset(self) -> bool:
        """Forget everything; return whether there was anything."""
        try:
            self._path.unlink()
        except FileNotFoundError:
            return False
        except OSError as error:
            raise LstmtuiError(f"The profile {self._path} cannot be removed ({error.strerror or error}).") from error
        return True

    def _texts(self) -> list[Text]:
        """Return what is kept. Raises LstmtuiError where the system does not let it be read, ValueError for damage."""
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
            return [Text.of(EARLIER, Concordance.load(data).text())]
        return _texts_of(parse_json(arrays["texts"].tobytes(), 2 * MAX_BYTES))

    def _write(self, texts: list[Text], before: int) -> tuple[int, int]:
        """Keep `texts`; return how many words they have, and how many more than `before`."""
        lines = list(common(texts))
        if sum(len(line.encode("utf-8", "surrogateescape")) for line in lines) > MAX_BYTES:
            raise LstmtuiError(f"A profile holds at most {MAX_BYTES >> 20} MiB of text; forget some of it first.")
        index = Concordance.of([LINE.join(line.encode("utf-8", "surrogateescape") for line in lines)])
        record = [{"name": text.name, "lines": text.lines, "digests": text.digests} for text in texts]
        held = {**unpack(index.dump()), "texts": np.frombuffer(to_json(record).encode(), np.uint8)}
        try:
            private_folder(self._path.parent)
            write_atomically(self._path, pack(held))
        except OSError as error:
            raise LstmtuiError(f"The profile {self._path} cannot be written ({error.strerror or error}).") from error
        return index.count, index.count - before


def lines_of(data: bytes) -> Iterator[str]:
    """Yield the lines of `data` that have words, as their words with one space between."""
    words: list[bytes] = []
    for piece in [*words_and_line_ends(data), LINE]:
        if piece != LINE:
            words.append(piece)
        elif words:
            yield b" ".join(words).decode("utf-8", "surrogateescape")
            words = []


def digest(line: str) -> str:
    """Return what a line is known by."""
    return hashlib.sha256(line.encode("utf-8", "surrogateescape")).hexdigest()[:16]


def common(texts: Iterable[Text]) -> Iterator[str]:
    """Yield the lines of all texts, each as often as the text has it that has it most often."""
    met: Counter[str] = Counter()
    for text in texts:
        here: Counter[str] = Counter()
        for line, mark in zip(text.lines, text.digests, strict=True):
            here[mark] += 1
            if here[mark] > met[mark]:
                met[mark] += 1
                if line:
                    yield line


def _count(texts: Iterable[Text]) -> int:
    return sum(len(line.split(" ")) for line in common(texts))


def _texts_of(record: Any) -> list[Text]:
    """Return the texts that a JSON value holds. Raises ValueError for another value."""
    try:
        texts = [Text(str(each["name"]), list(each["lines"]), list(each["digests"])) for each in record]
    except (KeyError, TypeError) as error:
        raise ValueError("no texts in it") from error
    if any(len(t.lines) != len(t.digests) or not all(isinstance(x, str) for x in t.lines + t.digests) for t in texts):
        raise ValueError("no texts in it")
    return texts
