"""Texts typed with a run and not cleared yet: one file a run, outside its folder, which may be given away."""

from __future__ import annotations

import contextlib
import hashlib
import os
import threading
from pathlib import Path

from lstmtui.common.files import write_atomically
from lstmtui.common.opening import PRIVATE_FOLDER, open_to_read
from lstmtui.errors import LstmtuiError
from lstmtui.runs.folder import RunFolder

MAX_BYTES = 16 << 20
"""The size of the longest text that is read back."""


class Draft:
    """The text typed with one run. `text` may be set at any time; any thread may write it, one at a time."""

    def __init__(self, folder: Path, run: RunFolder) -> None:
        digest = hashlib.sha256(os.fsencode(run.path.resolve())).hexdigest()[:16]
        self.path = folder / f"{run.name[:80]}-{digest}.txt"
        self.text = ""
        """The newest text."""
        self._written: str | None = None
        self._lock = threading.Lock()

    def read(self) -> str:
        """Return the stored text, empty if there is none. Raises LstmtuiError."""
        try:
            with open_to_read(self.path) as file:
                stored = file.read(MAX_BYTES)
        except FileNotFoundError:
            stored = b""
        except OSError as error:
            raise LstmtuiError(f"The text typed before cannot be read ({error.strerror}): {self.path}.") from error
        with self._lock:
            self._written = self.text = stored.decode("utf-8", "surrogateescape")
        return self.text

    def write(self) -> None:
        """Store the newest text; an empty one removes the file. Raises LstmtuiError.

        A file that could not be read is left as it is.
        """
        with self._lock:
            text = self.text
            if text == (self._written or ""):
                return
            if self._written is None:
                raise LstmtuiError(f"The text is not saved: {self.path} could not be read.")
            try:
                if text:
                    self.path.parent.mkdir(PRIVATE_FOLDER, parents=True, exist_ok=True)
                    write_atomically(self.path, text.encode("utf-8", "surrogateescape"))
                else:
                    with contextlib.suppress(FileNotFoundError):
                        self.path.unlink()
            except (OSError, ValueError) as error:
                reason = getattr(error, "strerror", None) or error
                raise LstmtuiError(f"The text cannot be saved in {self.path} ({reason}).") from error
            self._written = text
