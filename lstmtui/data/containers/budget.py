"""How much may come out of a file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from lstmtui.errors import UsageError

FREE_BYTES = 64 << 20
"""What any file may give."""
MAX_RATIO = 200
"""Bytes that come out for each byte of the file beyond that. Text gives some 3 to 20, a bomb 1000."""
MAX_MEMBERS = 100_000


class Budget:
    """Counts what comes out of one file, with everything within it."""

    def __init__(self, name: str, size: int) -> None:
        """`size` is that of the file in bytes."""
        self._name, self._left, self._members = name, FREE_BYTES + MAX_RATIO * size, MAX_MEMBERS

    def count(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """Yield `chunks`. Raises UsageError once more came out than a text of the file's size would give."""
        for chunk in chunks:
            self.take(len(chunk))
            yield chunk

    def take(self, size: int) -> None:
        """Count `size` bytes. Raises UsageError as `count` does."""
        self._left -= size
        if self._left < 0:
            raise UsageError(
                f"The file {self._name} unpacks to far more than a text of its size would; unpack it, and give the "
                f"files in it."
            )

    def member(self) -> None:
        """Count a member of an archive. Raises UsageError for one too many."""
        self._members -= 1
        if self._members < 0:
            raise UsageError(f"The archive {self._name} has over {MAX_MEMBERS:,} files; unpack it, and give a folder.")
