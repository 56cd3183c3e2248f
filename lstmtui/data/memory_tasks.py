"""The classic memory tasks: generators of batches, and their success criteria.

A problem generates training batches and judges the outputs of a network. The outputs are numbers (N, K), one row for
each position with a target, in the order of `Batch.asked`. Their meaning depends on the kind of problem:

    numbers   predictions of y (N, K)
    classes   logits; the largest is the predicted class y (N,)
    sets      logits; those above 0 are the predicted members, y (N, K) of 0 and 1
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
    """(T, B) bool: the positions with a target; False after the end of a sequence."""
    y: Array
    """The N targets, ordered by step, then by sequence: (N, K) float32 for numbers and sets, (N,) int32 for classes."""


Answers = Callable[[Batch], Array]
"""Returns a network's outputs (N, K) for a batch."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Result of judging a network."""

    passed: bool
    figure: float
    """The decisive figure, in the unit of the problem."""
    description: str
    """The figure in words, with further results."""


class Problem(ABC):
    """One problem, for sequences of one length."""

    kind: ClassVar[str]
    inputs: int
    """D, inputs at each step."""
    outputs: int
    """K, outputs at each position with a target."""
    length: int
    """The length, whose meaning depends on the problem: see `lstmtui.reports.memory_tasks`."""

    def __init__(self, length: int) -> None:
        self.length = length

    @property
    def answer_names(self) -> str | None:
        """A letter for each of the K outputs; None for digits."""
        return None

    @abstractmethod
    def batch(self, rng: Random, B: int) -> Batch:
        """Return B training sequences."""

    @abstractmethod
    def judge(self, answers: Answers, rng: Random, *, whole: bool = True) -> Verdict:
        """Judge the outputs of `answers` on new sequences; on fewer ones, for a quick check, unless `whole`."""


def one_hot(codes: Array, size: int) -> Array:
    """Return codes (...) as (..., size) float32."""
    return np.eye(size, dtype=np.float32)[codes]


class Adding(Problem):
    """Adding problem: the sum of the two marked numbers among `length`."""

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
    """Copy memory: repeat ten symbols after `length` blanks."""

    kind = "classes"
    inputs, outputs = 10, 9
    symbols = 10

    def batch(self, rng: Random, B: int) -> Batch:
        x, y = formal_languages.copy_task(rng, self.length, B, self.symbols)
        return Batch(one_hot(x, self.inputs), np.ones(x.shape, bool), y.reshape(-1))

    def judge(self, answers: Answers, rng: Random, *, whole: bool = True) -> Verdict:
        B = 500 if whole else 100
        batch = self.batch(rng, B)
        outputs = answers(batch)
        right = (outputs.argmax(axis=1) == batch.y)[-self.symbols * B :]
        shifted = outputs - outputs.max(axis=1, keepdims=True)
        nll = np.log(np.exp(shifted).sum(axis=1)) - shifted[np.arange(len(batch.y)), batch.y]
        recalled, chance = float(right.mean()), self.symbols * math.log(8) / (self.length + 2 * self.symbols)
        description = (
            f"{recalled:.1%} of the symbols recalled, {nll.mean():.4f} nats a step (without memory {chance:.4f})"
        )
        return Verdict(recalled >= 0.99, recalled, description)


class TemporalOrder(Problem):
    """Temporal order: classify the order of two symbols among noise."""

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
    """A formal language: predict the set of possible next symbols after each symbol."""

    kind = "sets"

    def __init__(self, length: int, alphabet: str, predicted: str) -> None:
        """`predicted` holds the symbols that can be next symbols."""
        super().__init__(length)
        self.alphabet, self.predicted = alphabet, predicted
        self.inputs, self.outputs = len(alphabet), len(predicted)

    @property
    def answer_names(self) -> str | None:
        """The symbols that can be next symbols."""
        return self.predicted

    def encode(self, lines: Sequence[tuple[str, Sequence[str]]], T: int) -> Batch:
        """Return a batch of T steps from strings with the possible next symbols after each symbol."""
        x = np.zeros((T, len(lines), self.inputs), np.float32)
        asked = np.zeros((T, len(lines)), bool)
        sets = np.zeros((T, len(lines), self.outputs), np.float32)
        for b, (line, follows) in enumerate(lines):
            for t, (symbol, following) in enumerate(zip(line, follows, strict=True)):
                x[t, b, self.alphabet.index(symbol)] = 1
                asked[t, b] = True
                sets[t, b, [self.predicted.index(s) for s in following]] = 1
        return Batch(x, asked, sets[asked])

    def accepted(self, answers: Answers, batch: Batch) -> Array:
        """Return for each sequence whether all predicted sets are right (B,)."""
        return _whole_strings(np.all((answers(batch) > 0) == (batch.y > 0), axis=1), batch.asked)


def _whole_strings(right: Array, asked: Array) -> Array:
    """Return for each sequence whether all of its outputs are right (B,), outputs the same for each output (N,)."""
    steps = np.ones(asked.shape, bool)
    steps[asked] = right
    return np.asarray(steps.all(axis=0))


class Counting(_Language):
    """Counting languages such as a^n b^n: trained for n up to `length`, judged far beyond."""

    MAX_N = 1000
    """The largest n that is judged."""
    JUDGED_AT_ONCE = 100
    """Strings in one batch of the final judgement."""

    def __init__(self, length: int, letters: str) -> None:
        super().__init__(length, "S" + letters, letters + "T")
        self.letters = letters

    def line(self, n: int) -> tuple[str, list[str]]:
        """Return the string for n after the start symbol S, and the possible next symbols; T is the end."""
        follows = [self.letters[0]]
        for letter, following in zip(self.letters, self.letters[1:] + "T", strict=True):
            # The number of a is arbitrary; it determines the number of each later letter.
            first = letter == self.letters[0]
            follows += [letter + following] * n if first else [letter] * (n - 1) + [following]
        return "S" + "".join(letter * n for letter in self.letters), follows

    def batch(self, rng: Random, B: int) -> Batch:
        return self.encode([self.line(1 + b % self.length) for b in range(B)], 1 + len(self.letters) * self.length)

    def judge(self, answers: Answers, rng: Random, *, whole: bool = True) -> Verdict:
        reached, required = 0, 3 * self.length
        while reached < (self.MAX_N if whole else required):
            lengths = range(reached + 1, reached + 1 + (self.JUDGED_AT_ONCE if whole else self.length))
            batch = self.encode([self.line(n) for n in lengths], 1 + len(self.letters) * lengths[-1])
            right = self.accepted(answers, batch)
            reached += int(right.argmin()) if not right.all() else len(lengths)
            if not right.all():
                break
        suffix = " or more" if reached >= self.MAX_N else ""
        return Verdict(reached >= required, reached, f"all n up to {reached}{suffix} right")


class Brackets(_Language):
    """Nested brackets of two kinds, at most 8 deep: trained on strings up to `length`, judged on longer ones."""

    CLOSES: ClassVar = {"(": ")", "[": "]"}

    def __init__(self, length: int) -> None:
        super().__init__(length, "([)]", "([)]")

    def line(self, line: str) -> tuple[str, list[str]]:
        """Return `line` and the possible next symbols: both opening brackets, and the matching closing one."""
        follows, closing = [], ""
        for symbol in line:
            closing = closing + self.CLOSES[symbol] if symbol in self.CLOSES else closing[:-1]
            follows.append("([" + closing[-1:])
        return line, follows

    def strings(self, rng: Random, B: int, min_length: int, max_length: int) -> list[tuple[str, list[str]]]:
        """Return B strings of `min_length` to `max_length` symbols."""
        lines: list[tuple[str, list[str]]] = []
        draw = random.Random(int(rng.integers(2**62)))
        while len(lines) < B:
            for line in formal_languages.brackets(draw, B, max_length):
                if len(line) >= min_length:
                    lines.append(self.line(line))
        return lines[:B]

    def batch(self, rng: Random, B: int) -> Batch:
        return self.encode(self.strings(rng, B, 2, self.length), self.length)

    def judge(self, answers: Answers, rng: Random, *, whole: bool = True) -> Verdict:
        B = 1000 if whole else 200
        same = self.accepted(answers, self.encode(self.strings(rng, B, 2, self.length), self.length)).mean()
        T = 2 * self.length
        longer = self.accepted(answers, self.encode(self.strings(rng, B, T * 3 // 4 + 1, T), T)).mean()
        description = (
            f"{longer:.1%} of strings of {T * 3 // 4 + 1} to {T} right throughout, {same:.1%} of 2 to {self.length}"
        )
        return Verdict(bool(longer >= 0.95), float(longer), description)


class Reber(_Language):
    """Embedded Reber grammar: trained on the actual next symbol, judged by the set of possible ones."""

    kind = "classes"

    def __init__(self, length: int) -> None:
        super().__init__(length, "BTPSXVE", "BTPSXVE")

    def strings(self, rng: Random, B: int, max_length: int) -> list[str]:
        """Return B strings of at most `max_length` symbols."""
        lines: list[str] = []
        draw = random.Random(int(rng.integers(2**62)))
        while len(lines) < B:
            lines += [line for line in formal_languages.reber(draw, B) if len(line) <= max_length]
        return lines[:B]

    def batch(self, rng: Random, B: int) -> Batch:
        lines = self.strings(rng, B, self.length)
        return self.encode([(line[:-1], line[1:]) for line in lines], self.length - 1)

    def encode(self, lines: Sequence[tuple[str, Sequence[str]]], T: int) -> Batch:
        """Return a batch whose targets y (N,) are single next symbols."""
        batch = super().encode(lines, T)
        return batch._replace(y=batch.y.argmax(axis=1).astype(np.int32))

    def judge(self, answers: Answers, rng: Random, *, whole: bool = True) -> Verdict:
        lines = self.strings(rng, 1000 if whole else 256, 2 * self.length)
        batch = super().encode(
            [(line[:-1], formal_languages.reber_follows(line)) for line in lines], 2 * self.length - 1
        )
        outputs = answers(batch)
        # A prediction is legal if all possible symbols have larger logits than all impossible ones.
        illegal = np.where(batch.y > 0, -np.inf, outputs).max(axis=1)
        legal = illegal < np.where(batch.y > 0, outputs, np.inf).min(axis=1)
        strings = _whole_strings(legal, batch.asked)
        share = float(legal.mean())
        description = (
            f"{_percent(share)} of predictions legal, {int(strings.sum())} of {len(strings)} strings without a fault"
        )
        return Verdict(bool(legal.all()), share, description)


def _percent(share: float) -> str:
    """Format a share; only 1 is shown as 100 %."""
    return f"{min(share, 0.9999) if share < 1 else 1:.2%}"


def problem(task: str, length: int) -> Problem:
    """Return the problem called `task`. Raises UsageError for a length out of range."""
    min_length, make = PROBLEMS[task]
    if not min_length <= length <= MAX_LENGTH:
        raise UsageError(f"The task {task} needs a length from {min_length} to {MAX_LENGTH:,}, not {length}.")
    return make(length)


MAX_LENGTH = 10_000
PROBLEMS: dict[str, tuple[int, Callable[[int], Problem]]] = {
    "adding": (2, Adding),
    "copy": (1, Copying),
    "order": (10, TemporalOrder),
    "reber": (12, Reber),
    "anbn": (1, lambda length: Counting(length, "ab")),
    "anbncn": (1, lambda length: Counting(length, "abc")),
    "brackets": (4, Brackets),
}
"""Minimum length of each problem, and its constructor."""
