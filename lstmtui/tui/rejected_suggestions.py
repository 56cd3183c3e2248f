"""Candidates that stood before the eyes of someone who typed on: the same word need not be proposed again."""

from __future__ import annotations

from collections.abc import Sequence

from lstmtui.common.word_boundaries import partial_word

LOOK = 0.8
"""Seconds that a list must stand before it counts as looked at; who types faster has hardly read it."""


class RejectedSuggestions:
    """Remembers them while one word is typed; going back to before they were passed over takes that back."""

    def __init__(self) -> None:
        self._shown: tuple[str, list[str], float] | None = None
        self._passed: list[tuple[str, list[str]]] = []

    def show(self, text: str, candidates: Sequence[str], now: float) -> None:
        """Note that `candidates`, which go on with `text`, are on the screen from `now` on (seconds of any clock)."""
        if self._shown is None or self._shown[0] != text:
            begun = _begun(text)
            self._shown = text, [begun + added for added in candidates if added[:1].strip()], now

    def words(self, text: str, now: float) -> list[str]:
        """Return what was passed over on the way to `text`, which is what stands before the cursor `now`."""
        if self._shown is not None and self._shown[0] != text:
            before, words, since = self._shown
            if now - since >= LOOK and _goes_on(before, text):
                self._passed.append((before, words))
            self._shown = None
        self._passed = [(before, words) for before, words in self._passed if _goes_on(before, text)]
        return [word for _, words in self._passed for word in words]


def _goes_on(before: str, text: str) -> bool:
    """Return whether `text` adds letters to the word that `before` ends in, or that begins there."""
    return len(text) > len(before) and text.startswith(before) and len(_begun(text)) >= len(text) - len(before)


def _begun(text: str) -> str:
    return partial_word(text[-64:].encode("utf-8", "surrogatepass")).decode("utf-8", "surrogatepass")
