"""Candidates that were read and not accepted, so that the same words are not suggested again for one word."""

from __future__ import annotations

from collections.abc import Sequence

from lstmtui.common.word_boundaries import partial_word

MIN_READING_SECONDS = 0.8
"""Seconds that a list must be shown to count as read; faster typing ignores it."""


class RejectedSuggestions:
    """Collects the suggestions that were read and not accepted while one word is typed; deleting letters takes them
    back."""

    def __init__(self) -> None:
        self._shown: tuple[str, list[str], float] | None = None
        self._rejected: list[tuple[str, list[str]]] = []

    def show(self, text: str, candidates: Sequence[str], now: float) -> None:
        """Record that `candidates`, completions of `text`, are shown from the time `now` on (seconds of any clock)."""
        if self._shown is None or self._shown[0] != text:
            partial = _partial_word(text)
            self._shown = text, [partial + added for added in candidates if added[:1].strip()], now

    def words(self, text: str, now: float) -> list[str]:
        """Return the words rejected on the way to `text`, which is before the cursor at the time `now`."""
        if self._shown is not None and self._shown[0] != text:
            before, words, since = self._shown
            if now - since >= MIN_READING_SECONDS and _continues_word(before, text):
                self._rejected.append((before, words))
            self._shown = None
        self._rejected = [(before, words) for before, words in self._rejected if _continues_word(before, text)]
        return [word for _, words in self._rejected for word in words]


def _continues_word(before: str, text: str) -> bool:
    """Return whether `text` only adds letters to the word at the end of `before`, or to a new word there."""
    return len(text) > len(before) and text.startswith(before) and len(_partial_word(text)) >= len(text) - len(before)


def _partial_word(text: str) -> str:
    return partial_word(text[-64:].encode("utf-8", "surrogatepass")).decode("utf-8", "surrogatepass")
