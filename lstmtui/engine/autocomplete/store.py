"""Files of completion beside a run: an index of the training text, and the user's profile.

    autocomplete/text.npz       n-gram index of the training text, made when the run first completes
    autocomplete/profile.npz    n-gram index of what the user wrote; see `profile.Profile`
    autocomplete/biases.npz     biases adapted to what the user wrote; see `bias_adaptation`
    autocomplete/profile.lock   held while one of these two is changed
    autocomplete/watch*         see `lstmtui.runs.watching`

Checkpoints never contain any of it. Removing the folder removes all of it.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from lstmtui.common.files import write_atomically
from lstmtui.common.opening import open_regular, private_folder, read_bytes
from lstmtui.config import RunSettings
from lstmtui.data.corpus import training_text
from lstmtui.engine.autocomplete.ngram_index import FORMAT, NgramIndex
from lstmtui.errors import LockedError, LstmtuiError
from lstmtui.runs.folder import RunFolder

MAX_INDEXED_BYTES = 16 << 20
"""Bytes of the training text that are indexed: about three million words, which take 40 MB."""
LOCK_SECONDS = 30.0
"""Seconds to wait for another process that changes the profile."""
POLL_SECONDS = 0.02


def text_index(run: RunFolder, s: RunSettings) -> NgramIndex | None:
    """Return the index of the run's training text, made and stored if need be; None if the text cannot be read."""
    path = run.autocomplete / "text.npz"
    stored = None
    with contextlib.suppress(OSError, ValueError):
        stored = NgramIndex.load(read_bytes(path))
        if stored.version == FORMAT or all(word.isascii() for word in stored.words):
            return stored
    try:
        index = NgramIndex.from_chunks(_beginning(training_text(s.data)))
    except (LstmtuiError, OSError):
        return stored
    with contextlib.suppress(OSError):  # a folder that cannot be written costs a second at each start
        private_folder(path.parent)
        write_atomically(path, index.dump())
    return index


def _beginning(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the first MAX_INDEXED_BYTES, split between words."""
    read, tail = 0, b""
    for chunk in chunks:
        data = tail + chunk
        cut = 1 + max(data.rfind(b" "), data.rfind(b"\n"))
        yield data[:cut]
        tail = data[cut:]
        read += len(chunk)
        if read > MAX_INDEXED_BYTES:
            return
    yield tail


# --- changes of the profile -------------------------------------------------------------------------------------------


@contextlib.contextmanager
def profile_lock(run: RunFolder) -> Iterator[None]:
    """Keep other processes from changing the profile. Raises LockedError if one does so for LOCK_SECONDS,
    LstmtuiError where it cannot be written."""
    deadline = time.monotonic() + LOCK_SECONDS
    try:
        private_folder(run.autocomplete)
        descriptor = open_regular(run.autocomplete / "profile.lock", os.O_RDWR | os.O_CREAT)
    except OSError as error:
        raise LstmtuiError(
            f"The profile in {run.autocomplete} cannot be written ({error.strerror or error})."
        ) from error
    try:
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError:
                if time.monotonic() > deadline:
                    raise LockedError(
                        f"Another process is changing the profile in {run.autocomplete}; try again when it is done."
                    ) from None
            time.sleep(POLL_SECONDS)
        yield
    finally:
        os.close(descriptor)


def set_aside(path: Path) -> Path:
    """Rename a damaged file, so that it is not overwritten; return its new path. Raises LstmtuiError."""
    number = 1
    while os.path.lexists(aside := path.with_name(f"{path.name}.damaged-{number}")):
        number += 1
    try:
        os.rename(path, aside)
    except OSError as error:
        raise LstmtuiError(f"{path} is damaged, and cannot be renamed ({error.strerror or error}).") from error
    return aside
