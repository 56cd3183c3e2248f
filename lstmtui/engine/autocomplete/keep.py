"""What completion keeps beside a run, in a folder of its own: an index of the training text, and a profile.

    autocomplete/text.npz       words of the text that the run was trained on; made when it is first completed with
    autocomplete/profile.npz    words of what this person wrote, kept on request; see `Profile`

Nothing of it ever enters a checkpoint, and removing the folder takes it all back.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator

from lstmtui.config import Settings
from lstmtui.data.corpus import training_text
from lstmtui.engine.autocomplete.concordance import FORMAT, Concordance
from lstmtui.errors import LstmtuiError
from lstmtui.files import write_atomically
from lstmtui.opening import private_folder, read_bytes
from lstmtui.runs.folder import RunFolder

LONGEST_TEXT = 16 << 20
"""Bytes of the training text that are indexed; some three million words, which take 40 MB."""


def text_index(run: RunFolder, s: Settings) -> Concordance | None:
    """Return the index of the run's training text, made and kept if need be; None where the text is gone or no text."""
    path = run.autocomplete / "text.npz"
    known = None
    with contextlib.suppress(OSError, ValueError):
        known = Concordance.load(read_bytes(path))
        if known.made_in == FORMAT or all(word.isascii() for word in known.words):
            return known
    try:
        made = Concordance.of(_beginning(training_text(s)))
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


class Profile:
    """What this person wrote: a text of words, as far as it was given to keep."""

    def __init__(self, run: RunFolder) -> None:
        self._path = run.autocomplete / "profile.npz"

    def load(self) -> Concordance | None:
        """Return its index; None where nothing is kept, or what is there cannot be read."""
        with contextlib.suppress(OSError, ValueError):
            return Concordance.load(read_bytes(self._path))
        return None

    def learn(self, text: bytes) -> int:
        """Add `text`, and return how many words are kept now. Raises LstmtuiError where it cannot be written."""
        known = self.load()
        made = Concordance.of([*([known.text()] if known else []), text])
        try:
            private_folder(self._path.parent)
            write_atomically(self._path, made.dump())
        except OSError as error:
            raise LstmtuiError(f"The profile {self._path} cannot be written ({error.strerror or error}).") from error
        return made.count

    def reset(self) -> bool:
        """Forget everything; return whether there was anything."""
        try:
            self._path.unlink()
        except FileNotFoundError:
            return False
        except OSError as error:
            raise LstmtuiError(f"The profile {self._path} cannot be removed ({error.strerror or error}).") from error
        return True
