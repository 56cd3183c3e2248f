"""Where a text ends that must have none of some sequences."""

from __future__ import annotations

from collections.abc import Sequence


class StopFilter:
    """Passes a text on in pieces, up to the first stop sequence; what may begin one is held back meanwhile."""

    def __init__(self, stop: Sequence[str]) -> None:
        self._stop = stop
        self._held = ""
        self.stopped = False
        """Whether a stop sequence was found; nothing is passed on from then."""

    def add(self, text: str) -> str:
        """Return what can be passed on after `text` was added."""
        if self.stopped:
            return ""
        held = self._held + text
        found = [at for sequence in self._stop if (at := held.find(sequence)) >= 0]
        self.stopped = bool(found)
        passed = min(found) if found else len(held) - self._begun(held)
        self._held = held[passed:]
        return held[:passed]

    def rest(self) -> str:
        """Return what is held back, at the end of the text."""
        held, self._held = self._held, ""
        return "" if self.stopped else held

    def _begun(self, text: str) -> int:
        """Return how many characters at the end of `text` may begin a stop sequence."""
        longest = max((len(sequence) for sequence in self._stop), default=1) - 1
        for count in range(min(longest, len(text)), 0, -1):
            if any(sequence.startswith(text[-count:]) for sequence in self._stop):
                return count
        return 0
