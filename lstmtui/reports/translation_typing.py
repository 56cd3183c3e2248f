"""Keystrokes that help saves where a person types the references of a test set.

Before each keystroke the best translation that begins with what is typed is shown. Where its next word is the intended
one, one keystroke takes the rest of the word and the space after it; else the next character is typed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

Translate = Callable[[Sequence[str], Sequence[str]], Sequence[str]]
"""translate(sources, prefixes): a translation of each source that begins with its prefix; "" where there is none."""


@dataclass(slots=True)
class _Line:
    """A reference that is typed."""

    source: str
    words: list[str]
    word: int = 0
    letters: int = 0
    """Of the word, typed so far."""
    keystrokes: int = 0

    @property
    def typed(self) -> str:
        """The text so far."""
        before = "".join(f"{word} " for word in self.words[: self.word])
        return before + self.words[self.word][: self.letters]

    @property
    def done(self) -> bool:
        return self.word == len(self.words)

    def press(self, suggestion: str) -> None:
        """Press the next key, seeing a translation that begins with what is typed."""
        self.keystrokes += 1
        shown = suggestion.split()
        intended = self.words[self.word]
        if len(shown) > self.word and shown[: self.word + 1] == self.words[: self.word + 1]:
            self.letters = len(intended) + 1
        else:
            self.letters += 1
        if self.letters > len(intended):  # the space after it is typed too
            self.word, self.letters = self.word + 1, 0


def keystrokes(translate: Translate, sources: Sequence[str], references: Sequence[str]) -> dict[str, float]:
    """Return the characters of all references, the keystrokes that they take, and the share that is saved."""
    lines = [_Line(source, reference.split()) for source, reference in zip(sources, references, strict=True)]
    while rest := [line for line in lines if not line.done]:
        found = translate([line.source for line in rest], [line.typed for line in rest])
        for line, suggestion in zip(rest, found, strict=True):
            line.press(suggestion)
    characters = sum(len(word) + 1 for line in lines for word in line.words)
    pressed = sum(line.keystrokes for line in lines)
    return {"characters": characters, "keystrokes": pressed, "saved": 1 - pressed / max(1, characters)}
