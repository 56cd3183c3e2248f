"""Long runs of base64 and hexadecimal, in one line or many.

A network cannot learn them, and they often fill most of a mailbox or a notebook. The first bytes of a run decide, so
that memory stays bounded for a run of any length, and the result does not depend on the size of chunks.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import numpy as np

MIN_RUN = 200
"""Bytes; shorter runs (digests, keys of a line) stay in the text."""
MIN_LINE = 40
"""Bytes of each line but the last of a run of many lines; 60 to 76 are usual."""
DECIDING_BYTES = 4096
"""Bytes at the start of a run by which it is recognised."""
MIN_ENTROPY = 4.6
"""Bits a character: base64 has about 5.2 for text and 6 for random bytes, DNA at most 2, words without spaces 4.2."""

_LETTERS = rb"A-Za-z0-9+/=_\-"
_RUN = re.compile(rb"[%b]*(?:\r?\n[%b]{%d,})*" % (_LETTERS, _LETTERS, MIN_LINE))
_MAY_GO_ON = re.compile(rb"\r?(?:\n[%b]{0,%d})?" % (_LETTERS, MIN_LINE - 1))
_LAST_LINE = re.compile(rb"\r?\n([%b]{2,%d})(?=[\r\n]|\Z)" % (_LETTERS, MIN_LINE - 1))
_IN_RUN = np.zeros(256, bool)
_IN_RUN[list(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=_-")] = True


class LongRuns:
    """Removes the long runs from a text, chunk by chunk."""

    def __init__(self) -> None:
        self.bytes = 0
        """Bytes removed so far."""
        self._held = b""
        self._removing: bool | None = None
        """Within a run longer than DECIDING_BYTES: whether it is removed; None outside of one."""

    def without(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """Yield the text without the runs."""
        for chunk in chunks:
            if rest := self._feed(chunk, final=False):
                yield rest
        if rest := self._feed(b"", final=True):
            yield rest

    def _feed(self, chunk: bytes, *, final: bool) -> bytes:
        text: list[bytes] = []
        data, at = self._held + chunk, 0
        self._held = b""
        if not data:
            return b""
        if self._removing is not None:
            end, certain = _end(data, 0, final)
            self._pass(data[:end], self._removing, text)
            if not certain:
                self._held = data[end:]
                return b"".join(text)
            at, self._removing = self._last_line(data, end, self._removing), None
        for start in _starts(data, at, final):
            if start < at:  # within the run before
                continue
            text.append(data[at:start])
            end, certain = _end(data, start, final)
            if not certain and end - start < DECIDING_BYTES:
                self._held = data[start:]
                return b"".join(text)
            encoded = is_encoded_data(data[start : min(end, start + DECIDING_BYTES)])
            self._pass(data[start:end], encoded, text)
            if not certain:
                self._removing, self._held = encoded, data[end:]
                return b"".join(text)
            at = self._last_line(data, end, encoded)
        text.append(data[at:])
        return b"".join(text)

    def _pass(self, run: bytes, remove: bool, text: list[bytes]) -> None:
        if remove:
            self.bytes += len(run)
        else:
            text.append(run)

    def _last_line(self, data: bytes, end: int, removed: bool) -> int:
        """Return where the text continues after a run that ends at `end`: after its last, shorter line."""
        last = _LAST_LINE.match(data, end) if removed else None
        if last is None or not _ends_a_run(last[1]):
            return end
        self.bytes += last.end() - end
        return last.end()


def is_encoded_data(run: bytes) -> bool:
    """Return whether `run` is base64 or hexadecimal, by its length and its distribution of characters."""
    letters = np.frombuffer(run.translate(None, b"\r\n"), np.uint8)
    if len(letters) < MIN_RUN:
        return False
    counts = np.bincount(letters, minlength=128)
    share = counts / len(letters)
    digits, upper, lower = share[48:58].sum(), share[65:91].sum(), share[97:123].sum()
    if set(bytes(letters)) <= set(b"0123456789abcdef") or set(bytes(letters)) <= set(b"0123456789ABCDEF"):
        return bool(0.3 < digits < 0.9) and int((counts[48:58] > 0).sum()) >= 8
    seen = share[share > 0]
    entropy = -(seen * np.log2(seen)).sum()
    return bool(entropy >= MIN_ENTROPY and upper > 0.1 and lower > 0.1 and digits > 0.02)


def _starts(data: bytes, at: int, final: bool) -> list[int]:
    """Return where spans of MIN_LINE letters of a run begin, and where one does that the end of `data` cuts off."""
    inside = _IN_RUN[np.frombuffer(data, np.uint8, offset=min(at, len(data)))]
    if not _may_have_long_sequence(inside):
        tail = np.flatnonzero(~inside[-MIN_LINE:])
        cut_off = len(data) - min(MIN_LINE, len(inside)) + (int(tail[-1]) + 1 if len(tail) else 0)
        return [] if final or cut_off == len(data) else [cut_off]
    breaks = np.concatenate(([-1], np.flatnonzero(~inside), [len(inside)]))
    long = np.diff(breaks) > MIN_LINE
    long[-1] |= not final and breaks[-2] + 1 < len(inside)
    return (at + breaks[:-1][long] + 1).tolist()


def _may_have_long_sequence(inside: np.ndarray) -> bool:
    """Return whether `inside` may be true MIN_LINE times in a row; eight are compared at once."""
    eights = inside[: len(inside) // 8 * 8].view(np.uint64) == 0x0101010101010101
    blocks = MIN_LINE // 8 - 1
    together = eights[: max(0, len(eights) - blocks + 1)]
    for k in range(1, blocks):
        together = together & eights[k : len(eights) - blocks + 1 + k]
    return bool(together.any())


def _end(data: bytes, start: int, final: bool) -> tuple[int, bool]:
    """Return the known end of the run from `start` on, and whether it is final."""
    found = _RUN.match(data, start)
    end = found.end() if found else start
    certain = final or (end < len(data) and not _MAY_GO_ON.fullmatch(data, end))
    return end, certain


def _ends_a_run(line: bytes) -> bool:
    kinds = {chr(byte).islower() - chr(byte).isupper() if chr(byte).isalpha() else 2 for byte in line}
    return line.endswith(b"=") or {-1, 1, 2} <= kinds or set(line) <= set(b"0123456789abcdef")
