"""The classic tests of memory as batches of sequences, with what counts as an answer to each.

A problem makes batches to learn from and says of any network that answers them how well it does. What a network
answers with are plain numbers (N, K), one row for each place that is asked, in the order of `Batch.asked`:

    numbers   as they are, to be near y (N, K)
    classes   the largest counts, y (N,)
    sets      all that are above 0 count, y (N, K) of 0 and 1
"""

from __future__ import annotations

import math
import random
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np

from lstmtui.data import formal_languages
from lstmtui.errors import UsageError

Array = np.ndarray[Any, Any]
Random = np.random.Generator


class Batch(NamedTuple):
    """B sequences side by side."""

    x: Array
    """(T, B, D) float32"""
    asked: Array
    """(T, B) bool: where an answer is wanted; after a sequence's end there is none."""
    y: Array
    """The N answers, step by step, sequence by sequence: (N, K) float32 of numbers and sets, (N,) int32 of classes."""


Answers = Callable[[Batch], Array]
"""What a network answers, (N, K)."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """How well a network does."""

    passed: bool
    figure: float
    """What decides, in the task's own unit."""
    description: str
    """The same in words, with what else is worth knowing."""


class Problem(ABC):
    """One task, with sequences of one length."""

    kind: ClassVar[str]
    inputs: int
    """D, numbers a step."""
    outputs: int
    """K, numbers an answer."""
    length: int
    """What the task's length means is its own: see `lstmtui.reports.memory_tasks`."""

    def __init__(self, length: int) -> None:
        self.length = length

    @property
    def answer_names(self) -> str | None:
        """A letter for each of the K answers, where a person calls them by one."""
        return None

    @abstractmethod
    def batch(self, rng: Random, B: int) -> Batch:
        """Return B sequences to learn from."""

    @abstractmethod
    def judge(self, answers: Answers, rng: Random, *, whole: bool = True) -> Verdict:
        """Return how well `answers` does on sequences of its own; not `whole`: on fewer, to see whether it is time."""


def one_hot(codes: Array, size: int) -> Array:
    """Return codes (...) as (..., size) float32."""
    return np.eye(size, dtype=np.float32)[codes]


class Adding(Problem):
    """Add the two marked ones of `length` numbers."""

    kind = "numbers"
    inputs, outputs = 2, 1

    def batch(self, rng: Random, B: int) -> Batch:
        x, y = formal_languages.adding_task(rng, self.length, B)
        asked = np.zeros((self.length, B), bool)
        asked[-1] = True
        return Batch(x, asked, y[:, None])

    def judge(self, answers: Answers, rng: Random, *, whole: bool = True) -> Verdict:
        batch = self.batch(rng, 2000 if whole else 500)
        errors = answers(batch) - batch.y
        mse, near = float(np.mean(np.square(errors, dtype=np.float64))), float(np.mean(np.abs(errors) < 0.04))
        return Verdict(mse < 0.01, mse, f"mean squared error {mse:.4f}, {near:.1%} within 0.04")


class Copying(Problem):
    """Repeat ten symbols after `length` blanks."""

    kind = "classes"
    inputs, outputs = 10, 9
    symbols = 10

    def batch(self, rng: Random, B: int) -> Batch:
        x, y = formal_languages.copy_task(rng, self.length, B, self.symbols)
        return Batch(one_hot(x, self.inputs), np.ones(x.shape, bool), y.reshape(-1))

    def judge(self, answers: Answers, rng: Random, *, whole: bool = True) -> Verdict:
        B = 500 if whole else 100
        batch = self.batch(rng, B)
        given = answers(batch)
        right = (given.argmax(axis=1) == batch.y)[-self.symbols * B :]
        shifted = given - given.max(axis=1, keepdims=True)
        nll = np.log(np.exp(shifted).sum(axis=1)) - shifted[np.arange(len(batch.y)), batch.y]
        recalled, chance = float(right.mean()), self.symbols * math.log(8) / (self.length + 2 * self.symbols)
        description = (
            f"{recalled:.1%} of the symbols recalled, {nll.mean():.4f} nats a step (without memory {chance:.4f})"
        )
        return Verdict(recalled >= 0.99, recalled, description)


class TemporalOrder(Problem):
    """Tell in which order two symbols came among noise."""

    kind = "classes"
    inputs, outputs = 8, 4

    def batch(self, rng: Random, B: int) -> Batch:
        x, ends, y = formal_languages.temporal_order_task(rng, self.length, B)
        asked = np.arange(len(x))[:, None] == ends
        return Batch(one_hot(x, self.inputs), asked, y[np.nonzero(asked)[1]])

    def judge(self, answers: Answers, rng: Random, *, whole: bool = True) -> Verdict:
        B = 2560 if whole else 640
        batch = self.batch(rng, B)
        wrong = int(np.sum(answers(batch).argmax(axis=1) != batch.y))
        return Verdict(wrong <= B // 500, 1 - wrong / B, f"{wrong} of {B} wrong")


# --- languages --------------------------------------------------------------------------------------------------------


class _Language(Problem):
    """Say at each symbol which ones may come next."""

    kind = "sets"

    def __init__(self, length: int, alphabet: str, answered: str) -> None:
        """`answered` are the symbols that an answer may hold."""
        super().__init__(length)
        self.alphabet, self.answered = alphabet, answered
        self.inputs, self.outputs = len(alphabet), len(answered)

    @property
    def answer_names(self) -> str | None:
        """The symbols that an answer may hold."""
        return self.answered

    def of(self, lines: Sequence[tuple[str, Sequence[str]]], T: int) -> Batch:
        """Return strings with, for each symbol, those that may follow; of T steps."""
        x = np.zeros((T, len(lines), self.inputs), np.float32)
        asked = np.zeros((T, len(lines)), bool)
        sets = np.zeros((T, len(lines), self.outputs), np.float32)
        for b, (line, follows) in enumerate(lines):
            for t, (symbol, following) in enumerate(zip(line, follows, strict=True)):
                x[t, b, self.alphabet.index(symbol)] = 1
                asked[t, b] = True
                sets[t, b, [self.answered.index(s) for s in following]] = 1
        return Batch(x, asked, sets[asked])

    def accepted(self, answers: Answers, batch: Batch) -> Array:
        """Return for each sequence whether every set was right (B,)."""
        return _whole_strings(np.all((answers(batch) > 0) == (batch.y > 0), axis=1), batch.asked)


def _whole_strings(right: Array, asked: Array) -> Array:
    """Return for each sequence whether all of its answers are right (B,), given that of each answer (N,)."""
    steps = np.ones(asked.shape, bool)
    steps[asked] = right
    return np.asarray(steps.all(axis=0))


class Counting(_Language):
    """a^n b^n and the like: learnt for n up to `length`, judged far beyond."""

    LIMIT = 1000
    AT_ONCE = 100

    def __init__(self, length: int, letters: str) -> None:
        super().__init__(length, "S" + letters, letters + "T")
        self.letters = letters

    def line(self, n: int) -> tuple[str, list[str]]:
        """Return the string for n after the start symbol S, and what may follow each symbol; T is the end."""
        follows = [self.letters[0]]
        for letter, following in zip(self.letters, self.letters[1:] + "T", strict=True):
            # No a tells whether it is the last one; how many a there were tells it of each later letter.
            first = letter == self.letters[0]
            follows += [letter + following] * n if first else [letter] * (n - 1) + [following]
        return "S" + "".join(letter * n for letter in self.letters), follows

    def batch(self, rng: Random, B: int) -> Batch:
        return self.of([self.line(1 + b % self.length) for b in range(B)], 1 + len(self.letters) * self.length)

    def judge(self, answers: Answers, rng: Random, *, whole: bool = True) -> Verdict:
        reached, wanted = 0, 3 * self.length
        while reached < (self.LIMIT if whole else wanted):
            lengths = range(reached + 1, reached + 1 + (self.AT_ONCE if whole else self.length))
            batch = self.of([self.line(n) for n in lengths], 1 + len(self.letters) * lengths[-1])
            right = self.accepted(answers, batch)
            reached += int(right.argmin()) if not right.all() else len(lengths)
            if not right.all():
                break
        most = " or more" if reached >= self.LIMIT else ""
        return Verdict(reached >= wanted, reached, f"all n up to {reached}{most} right")


class Brackets(_Language):
    """Nested brackets of two kinds, at most 8 deep, learnt from strings up to `length`, judged by longer ones."""

    CLOSES: ClassVar = {"(": ")", "[": "]"}

    def __init__(self, length: int) -> None:
        super().__init__(length, "([)]", "([)]")

    def line(self, line: str) -> tuple[str, list[str]]:
        """Return `line`, and what may follow each symbol: either opening bracket, and the one that closes."""
        follows, open_ones = [], ""
        for symbol in line:
            open_ones = open_ones + self.CLOSES[symbol] if symbol in self.CLOSES else open_ones[:-1]
            follows.append("([" + open_ones[-1:])
        return line, follows

    def strings(self, rng: Random, B: int, shortest: int, longest: int) -> list[tuple[str, list[str]]]:
        """Return B strings of such lengths."""
        found: list[tuple[str, list[str]]] = []
        draw = random.Random(int(rng.integers(2**62)))
        while len(found) < B:
            for line in formal_languages.brackets(draw, B, longest):
                if len(line) >= shortest:
                    found.append(self.line(line))
        return found[:B]

    def batch(self, rng: Random, B: int) -> Batch:
        return self.of(self.strings(rng, B, 2, self.length), self.length)

    def judge(self, answers: Answers, rng: Random, *, whole: bool = True) -> Verdict:
        B = 1000 if whole else 200
        same = self.accepted(answers, self.of(self.strings(rng, B, 2, self.length), self.length)).mean()
        T = 2 * self.length
        longer = self.accepted(answers, self.of(self.strings(rng, B, T * 3 // 4 + 1, T), T)).mean()
        description = (
            f"{longer:.1%} of strings of {T * 3 // 4 + 1} to {T} right throughout, {same:.1%} of 2 to {self.length}"
        )
        return Verdict(bool(longer >= 0.95), float(longer), description)


class Reber(_Language):
    """Embedded Reber grammar: learnt from the symbol that did come next, judged by all that might have."""

    kind = "classes"

    def __init__(self, length: int) -> None:
        super().__init__(length, "BTPSXVE", "BTPSXVE")

    def strings(self, rng: Random, B: int, longest: int) -> list[str]:
        """Return B strings of at most `longest` symbols."""
        found: list[str] = []
        draw = random.Random(int(rng.integers(2**62)))
        while len(found) < B:
            found += [line for line in formal_languages.reber(draw, B) if len(line) <= longest]
        return found[:B]

    def batch(self, rng: Random, B: int) -> Batch:
        lines = self.strings(rng, B, self.length)
        return self.of([(line[:-1], line[1:]) for line in lines], self.length - 1)

    def of(self, lines: Sequence[tuple[str, Sequence[str]]], T: int) -> Batch:
        """As of any language; where one symbol follows each, y (N,) is that symbol."""
        made = super().of(lines, T)
        return made._replace(y=made.y.argmax(axis=1).astype(np.int32))

    def judge(self, answers: Answers, rng: Random, *, whole: bool = True) -> Verdict:
        lines = self.strings(rng, 1000 if whole else 256, 2 * self.length)
        batch = super().of([(line[:-1], formal_languages.reber_follows(line)) for line in lines], 2 * self.length - 1)
        given = answers(batch)
        # As many as may follow, and the likeliest of all: exactly those.
        illegal = np.where(batch.y > 0, -np.inf, given).max(axis=1)
        legal = illegal < np.where(batch.y > 0, given, np.inf).min(axis=1)
        strings = _whole_strings(legal, batch.asked)
        share = float(legal.mean())
        description = (
            f"{_percent(share)} of predictions legal, {int(strings.sum())} of {len(strings)} strings without a fault"
        )
        return Verdict(bool(legal.all()), share, description)


def _percent(share: float) -> str:
    """Return a share that is called 100 % only when it is."""
    return f"{min(share, 0.9999) if share < 1 else 1:.2%}"


def problem(task: str, length: int) -> Problem:
    """Return the problem called `task`. Raises UsageError for a length that it cannot have."""
    least, make = PROBLEMS[task]
    if not least <= length <= LONGEST:
        raise UsageError(f"The task {task} needs a length from {least} to {LONGEST:,}, not {length}.")
    return make(length)


LONGEST = 10_000
PROBLEMS: dict[str, tuple[int, Callable[[int], Problem]]] = {
    "adding": (2, Adding),
    "copy": (1, Copying),
    "order": (10, TemporalOrder),
    "reber": (12, Reber),
    "anbn": (1, lambda length: Counting(length, "ab")),
    "anbncn": (1, lambda length: Counting(length, "abc")),
    "brackets": (4, Brackets),
}
"""The least length of each task, and what makes it."""
