"""Learns what is saved in folders into the profile of a run, and forgets what is deleted there.

Files are found by their size and time. One that has just been written is read when it rests, or after a look at which
it is unchanged, so that half a file is not learnt. One that is gone at two looks is forgotten; an editor that saves a
file by way of another name leaves it missing for an instant. While a folder itself is away, as on a disk that has been
taken out, nothing of it is forgotten.
"""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lstmtui.data.containers import archives, compression
from lstmtui.data.folders import open_text, walk
from lstmtui.data.reading import ReadOptions, private_cache, texts_in
from lstmtui.data.sources import Source
from lstmtui.engine.autocomplete.profile import Profile
from lstmtui.engine.autocomplete.store import profile_lock
from lstmtui.errors import UsageError
from lstmtui.runs import watching
from lstmtui.runs.folder import RunFolder, is_run
from lstmtui.runs.watching import Stamp, Watched, WatchLock

SETTLED_SECONDS = 2.0
"""Seconds after its last change from which on a file is read."""
MAX_FILES = 20_000
"""Files of all folders together; the rest is not looked at."""
MAX_FILE_BYTES = 4 << 20
"""The largest text that is learnt: larger ones are rarely written by a person."""
MAX_BATCH_BYTES = 4 << 20
"""Texts that are learnt with one change of the profile; the last may exceed it."""
MAX_BYTES = 16 << 20
"""All texts together: the profile is held in memory while it is changed."""
TOO_LARGE = f"has more than {MAX_FILE_BYTES >> 20} MiB"

Event = dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Found:
    folder: Path
    stamp: Stamp


@dataclass(slots=True)
class _Batch:
    """Files that are read together, by name."""

    texts: dict[str, bytes] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)
    """The reasons."""
    stamps: dict[str, Stamp] = field(default_factory=dict)
    """Of all of them."""

    @property
    def bytes(self) -> int:
        """The size of the texts."""
        return sum(map(len, self.texts.values()))


class Watcher:
    """The watch of one profile; the caller holds its lock.

    Events:
        {"learnt": [names], "forgotten": [names], "words": n, "new": n}    the profile has changed
        {"skipped": {name: reason}}                                        files that are not learnt
        {"away": folder}, {"back": folder}                                 a folder cannot be reached, or can again
        {"put_aside": path}                                                the profile was damaged, and was renamed
    """

    def __init__(
        self,
        run: RunFolder,
        folders: list[Path],
        options: ReadOptions,
        lock: WatchLock,
        now: Callable[[], float] = time.time,
    ) -> None:
        """`now` returns the Unix time. Raises UsageError where a folder cannot be read."""
        self._run, self._folders, self._options, self._lock, self._now = run, folders, options, lock, now
        before = watching.load(run) or Watched()
        inside = tuple(os.path.join(folder, "") for folder in folders)
        # What is in folders of an earlier watch stays learnt.
        files = {name: stamp for name, stamp in before.files.items() if name.startswith(inside)}
        sizes = {name: size for name, size in before.bytes_learnt.items() if name in files}
        self._watched = Watched([str(folder) for folder in folders], files, sizes)
        self._devices = {folder: _device(folder) for folder in folders}
        self._away: set[Path] = set()
        self._seen: dict[str, Stamp] = {}
        """Files as they were at the last look."""
        self._missing: set[str] = set()
        """Files that were gone at the last look."""
        for folder in folders:
            for _ in walk(folder, _ignore):  # raises where it cannot be read
                break
        watching.save(run, self._watched)
        self.behind = True
        """Whether there is more to be learnt at once."""

    def waiting(self) -> int:
        """Return how many files are to be learnt."""
        return len(self._changed(self._find()[0], watching.left_out(self._run)))

    def look(self) -> Iterator[Event]:
        """Look once at the folders, and learn at most MAX_BATCH_BYTES of what has changed. Raises LstmtuiError."""
        found, away = self._find()
        for folder in sorted(away ^ self._away):
            yield {"away" if folder in away else "back": str(folder)}
        self._away = away
        reachable = tuple(os.path.join(folder, "") for folder in self._folders if folder not in away)
        missing = {name for name in self._watched.files if name.startswith(reachable) and name not in found}
        gone, self._missing = missing & self._missing, missing - self._missing
        left_out = watching.left_out(self._run)
        rested = [name for name in self._changed(found, left_out) if self._rests(name, found[name].stamp)]
        self._seen = {name: one.stamp for name, one in found.items()}
        batch = _Batch()
        for name in rested:
            if batch.bytes >= MAX_BATCH_BYTES:
                break
            try:
                batch.texts[name] = self._read(Path(name), found[name].folder)
            except UsageError as error:
                batch.skipped[name] = str(error)
            batch.stamps[name] = found[name].stamp
        self.behind = len(batch.stamps) < len(rested)
        if batch.skipped:
            yield {"skipped": batch.skipped}
        if batch.stamps or gone:
            yield from self._change(batch, gone)

    def _find(self) -> tuple[dict[str, _Found], set[Path]]:
        """Return the files of all folders by their absolute paths, and the folders that are away."""
        found: dict[str, _Found] = {}
        away = set()
        for folder in self._folders:
            try:
                if _device(folder) != self._devices[folder]:
                    raise UsageError("another disk, or none")
                for path in itertools.islice(walk(folder, _ignore, _is_no_run), MAX_FILES - len(found)):
                    try:
                        about = os.stat(path)
                    except OSError:
                        continue
                    found[str(path)] = _Found(folder, (about.st_size, about.st_mtime_ns))
            except UsageError:
                away.add(folder)
        return found, away

    def _changed(self, found: dict[str, _Found], left_out: set[str]) -> list[str]:
        """Return the files that differ from what was read, the newest first."""
        names = [name for name, one in found.items() if self._watched.files.get(name) != one.stamp]
        return sorted((name for name in names if name not in left_out), key=lambda name: -found[name].stamp[1])

    def _rests(self, name: str, stamp: Stamp) -> bool:
        return self._seen.get(name) == stamp or self._now() - stamp[1] / 1e9 >= SETTLED_SECONDS

    def _read(self, path: Path, folder: Path) -> bytes:
        """Return the text of a file. Raises UsageError with the reason where it is skipped."""
        part = open_text(path, folder)
        if compression.recognises(part.head, part.name) or archives.recognises(part.head, part.name):
            raise UsageError("is an archive")
        if part.length > MAX_FILE_BYTES:
            raise UsageError(TOO_LARGE)
        with private_cache() as cache:
            parts, skipped = texts_in(part, self._options, cache)
            if not parts:
                raise UsageError(skipped[0].reason if skipped else "holds no text")
            source = Source(str(path), tuple(parts)).as_text(
                keep_everything=self._options.keep_everything, exact=self._options.exact
            )
            if source.bytes > MAX_FILE_BYTES:
                raise UsageError(TOO_LARGE)
            learnt = sum(size for name, size in self._watched.bytes_learnt.items() if name != str(path))
            if source.bytes + learnt > MAX_BYTES:
                raise UsageError(f"is more than the {MAX_BYTES >> 20} MiB that a watch learns")
            return b"".join(source.chunks())

    def _change(self, batch: _Batch, gone: set[str]) -> Iterator[Event]:
        """Bring the profile up to date, and the record of what has been read."""
        gone = gone | batch.skipped.keys()  # what these held before is no longer there
        with profile_lock(self._run):
            if not self._lock.valid:  # all has been forgotten meanwhile
                return
            forgotten = sorted(gone & self._watched.bytes_learnt.keys())
            change = Profile(self._run).update(batch.texts, forgotten) if batch.texts or forgotten else None
            for name in gone:
                self._watched.files.pop(name, None)
                self._watched.bytes_learnt.pop(name, None)
            self._watched.files |= batch.stamps
            self._watched.bytes_learnt |= {name: len(text) for name, text in batch.texts.items()}
            watching.save(self._run, self._watched)
        if change is not None:
            if change.aside is not None:
                yield {"put_aside": str(change.aside)}
            names = {"learnt": sorted(batch.texts), "forgotten": forgotten}
            yield {**names, "words": change.words, "new": change.added}


def _device(folder: Path) -> int | None:
    """Return which file system `folder` is on; None where it is not there."""
    try:
        return os.stat(folder).st_dev
    except OSError:
        return None


def _is_no_run(folder: Path) -> bool:
    return not is_run(folder)


def _ignore(path: str | Path, reason: str) -> None:
    """Pass over what `train FOLDER` would report."""
