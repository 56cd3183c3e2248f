"""Subtitles in the SubRip form (.srt): captions of a few words with the times between which they are shown.

1
00:00:01,200 --> 00:00:03,900
open the door
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple, Protocol

MAX_SECONDS = 7.0
"""Of a caption."""
MAX_CHARACTERS = 84
"""Of a caption: two lines of LINE_CHARACTERS, as broadcasters recommend."""
LINE_CHARACTERS = 42
PAUSE = 0.8
"""Seconds between two words that begin a new caption."""
MIN_SECONDS = 1.0
"""A caption is shown, if the next one does not begin before."""


class TimedWord(Protocol):
    """A word with its times in seconds."""

    @property
    def text(self) -> str:
        """The word."""

    @property
    def start(self) -> float:
        """Where it begins."""

    @property
    def end(self) -> float:
        """Where it ends."""


class Caption(NamedTuple):
    """Words that are shown at once."""

    start: float
    end: float
    text: str


def captions(words: Sequence[TimedWord]) -> list[Caption]:
    """Return the captions of words in their order."""
    groups: list[list[TimedWord]] = []
    for word in words:
        if groups and _joins(groups[-1], word):
            groups[-1].append(word)
        else:
            groups.append([word])
    starts = [group[0].start for group in groups]
    return [_caption(group, after) for group, after in zip(groups, [*starts[1:], float("inf")], strict=False)]


def _caption(group: Sequence[TimedWord], after: float) -> Caption:
    """Return the caption of some words; the one after it begins at `after`."""
    start, end = group[0].start, group[-1].end
    return Caption(start, max(end, min(start + MIN_SECONDS, after)), _lines(group))


def _joins(group: Sequence[TimedWord], word: TimedWord) -> bool:
    """Return whether a word belongs to the caption before it."""
    characters = sum(len(one.text) + 1 for one in group) + len(word.text)
    return (
        word.start - group[-1].end < PAUSE and word.end - group[0].start <= MAX_SECONDS and characters <= MAX_CHARACTERS
    )


def _lines(group: Sequence[TimedWord]) -> str:
    """Return the text of a caption in one line or two of like length."""
    words = [word.text for word in group]
    text = " ".join(words)
    if len(text) <= LINE_CHARACTERS or len(words) == 1:
        return text
    cut = min(range(1, len(words)), key=lambda n: abs(len(" ".join(words[:n])) - len(" ".join(words[n:]))))
    return f"{' '.join(words[:cut])}\n{' '.join(words[cut:])}"


def srt(found: Iterable[Caption], first: int = 1) -> str:
    """Return captions in the SubRip form, numbered from `first`; each ends with an empty line."""
    return "".join(
        f"{number}\n{_time(one.start)} --> {_time(one.end)}\n{one.text}\n\n" for number, one in enumerate(found, first)
    )


def _time(seconds: float) -> str:
    milliseconds = round(1000 * max(0.0, seconds))
    minutes, rest = divmod(milliseconds, 60_000)
    return f"{minutes // 60:02}:{minutes % 60:02}:{rest // 1000:02},{rest % 1000:03}"
