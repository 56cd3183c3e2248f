"""What completion keeps beside a run, in a folder of its own: an index of the training text, and a profile.

    autocomplete/text.npz       words of the text that the run was trained on; made when it is first completed with
    autocomplete/profile.npz    words of what this person wrote, kept on request; see `profile.Profile`
    autocomplete/biases.npz     biases that were moved towards what this person wrote; see `learn`
    autocomplete/profile.lock   held while either of these two is changed

Nothing of it ever enters a checkpoint, and removing the folder takes it all back.
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
from lstmtui.engine.autocomplete.ngram_index import FORMAT, Concordance
from lstmtui.errors import LstmtuiError
from lstmtui.runs.folder import RunFolder

LONGEST_TEXT = 16 << 20
"""Bytes of the training text that are indexed; some three million words, which take 40 MB."""
PATIENCE = 30.0
"""Seconds to wait until another process has changed what is kept."""


def text_index(run: RunFolder, s: RunSettings) -> Concordance | None:
    """Return the index of the run's training text, made and kept if need be; None where the text is gone or no text."""
    path = run.autocomplete / "text.npz"
    known = None
    with contextlib.suppress(OSError, ValueError):
        known = Concordance.load(read_bytes(path))
        if known.made_in == FORMAT or all(word.isascii() for word in known.words):
            return known
    try:
        made = Concordance.of(_beginning(training_text(s.data)))
    except (LstmtuiError, OSError):
        return known
    with contextlib.suppress(OSError):  # a folder that cannot be written costs a second at each start
        private_folder(path.parent)
        write_atomically(path, made.dump())
    return made


def _beginning(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the first LONGEST_TEXT bytes, cut between words."""
    read, tail = 0, b""
    for chunk in chunks:
        data = tail + chunk
        cut = 1 + max(data.rfind(b" "), data.rfind(b"\n"))
        yield data[:cut]
        tail = data[cut:]
        read += len(chunk)
        if read > LONGEST_TEXT:
            return
    yield tail


# --- changing what is kept --------------------------------------------------------------------------------------------


@contextlib.contextmanager
def changing(run: RunFolder) -> Iterator[None]:
    """Let no other process change what is kept beside `run` meanwhile. Raises LstmtuiError where one does for long."""
    deadline = time.monotonic() + PATIENCE
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
                    raise LstmtuiError(
                        f"Another process is changing the profile in {run.autocomplete}; try again when it is done."
                    ) from None
            time.sleep(0.02)
        yield
    finally:
        os.close(descriptor)


def put_aside(path: Path) -> Path:
    """Rename a file that cannot be understood, so that what is written next does not replace it; return its place.

    Raises LstmtuiError where it cannot be renamed.
    """
    number = 1
    while os.path.lexists(aside := path.with_name(f"{path.name}.damaged-{number}")):
        number += 1
    try:
        os.rename(path, aside)
    except OSError as error:
        raise LstmtuiError(f"{path} is damaged, and cannot be put aside ({error.strerror or error}).") from error
    return aside
