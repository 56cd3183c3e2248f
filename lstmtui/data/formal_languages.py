"""Generators of formal languages from the literature as lines of text, and of three memory tasks as arrays.

The name of a generator is, for example, `reber` or `reber:lines=1000,seed=7`.
"""

from __future__ import annotations

import inspect
import random
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lstmtui.errors import UsageError

Lines = Iterator[str]

# Each state has two transitions (symbol, next state); after state 5 comes E.
_REBER = (
    (("T", 1), ("P", 2)),
    (("S", 1), ("X", 3)),
    (("T", 2), ("V", 4)),
    (("X", 2), ("S", 5)),
    (("P", 3), ("V", 5)),
)


def reber(rng: random.Random, lines: int = 20_000) -> Lines:
    """Embedded Reber grammar: the second symbol recurs as the second to last.

    Source: Hochreiter and Schmidhuber 1997, "Long short-term memory", experiment 1; Reber 1967.
    """
    for _ in range(lines):
        branch = rng.choice("TP")
        inner, state = "B", 0
        while state != 5:
            symbol, state = rng.choice(_REBER[state])
            inner += symbol
        yield f"B{branch}{inner}E{branch}E"


def reber_follows(line: str) -> list[str]:
    """Return the possible next symbols after each symbol but the last of an embedded Reber string, in order.

    Raises ValueError for any other line.
    """
    follows, state, inner = ["PT", "B"], 0, line[2:]
    while True:
        following = "".join(sorted(symbol for symbol, _ in _REBER[state])) if state != 5 else "E"
        follows.append(following)
        inner = inner[1:]
        if not inner or inner[0] not in following:
            raise ValueError(f"{line!r} is not an embedded Reber string")
        if state == 5:
            break
        state = dict(_REBER[state])[inner[0]]
    if line != f"B{line[1:2]}{line[2:-2]}{line[1:2]}E" or inner[1:] != line[1] + "E":
        raise ValueError(f"{line!r} is not an embedded Reber string")
    return [*follows, line[1], "E"]


def anbn(rng: random.Random, lines: int = 20_000, most: int = 12) -> Lines:
    """a^n b^n, 1 <= n <= most.

    Source: Gers and Schmidhuber 2001, "LSTM recurrent networks learn simple context-free and context-sensitive
    languages".
    """
    for _ in range(lines):
        n = rng.randint(1, most)
        yield "a" * n + "b" * n


def anbncn(rng: random.Random, lines: int = 20_000, most: int = 12) -> Lines:
    """a^n b^n c^n, 1 <= n <= most: context-sensitive.

    Source: Gers and Schmidhuber 2001, as for `anbn`.
    """
    for _ in range(lines):
        n = rng.randint(1, most)
        yield "a" * n + "b" * n + "c" * n


def brackets(rng: random.Random, lines: int = 20_000, length: int = 40, depth: int = 8) -> Lines:
    """Well-nested round and square brackets (Dyck-2), 2 to `length` long, at most `depth` deep.

    Source: Hewitt et al. 2020, arXiv:2010.07515 (bounded depth); Suzgun et al. 2019, arXiv:1911.03329.
    """
    for _ in range(lines):
        remaining = 2 * rng.randint(1, max(1, length // 2))
        line, unclosed = "", ""
        while remaining > 0:
            if not unclosed or (len(unclosed) < depth and remaining > len(unclosed) and rng.random() < 0.5):
                unclosed += rng.choice("([")
                line += unclosed[-1]
            else:
                line += ")" if unclosed[-1] == "(" else "]"
                unclosed = unclosed[:-1]
            remaining -= 1
        yield line


def copy(rng: random.Random, lines: int = 20_000, length: int = 10, delay: int = 0) -> Lines:
    """Copy task: up to `length` letters, `delay` dots, a colon, and the letters again.

    Source: Graves et al. 2014, arXiv:1410.5401, section 4.1; with a delay, Hochreiter and Schmidhuber 1997.
    """
    for _ in range(lines):
        word = "".join(rng.choices("abcdefgh", k=rng.randint(1, length)))
        yield f"{word}{'.' * delay}:{word}"


class Generator(NamedTuple):
    """A generator, its title and the limits of its settings."""

    make: Callable[..., Lines]
    title: str
    minimums: dict[str, int]
    """Minimum of each setting."""


GENERATORS = {
    "reber": Generator(reber, "embedded Reber grammar", {"lines": 1}),
    "anbn": Generator(anbn, "a^n b^n", {"lines": 1, "most": 1}),
    "anbncn": Generator(anbncn, "a^n b^n c^n", {"lines": 1, "most": 1}),
    "brackets": Generator(brackets, "nested brackets (Dyck-2)", {"lines": 1, "length": 2, "depth": 1}),
    "copy": Generator(copy, "copy task", {"lines": 1, "length": 1, "delay": 0}),
}


def is_generator(name: str) -> bool:
    """Return whether `name`, with or without settings, names a generator."""
    return name.partition(":")[0] in GENERATORS


def generate_text(name: str) -> bytes:
    """Return the lines of the generator called `name`. Raises UsageError for invalid settings."""
    generator, settings = parse_name(name)
    seed = settings.pop("seed", 0)
    # `random` hashes a string seed with SHA-512, which gives the same stream on every platform.
    rng = random.Random(f"{name.partition(':')[0]} {seed}")
    return "".join(f"{line}\n" for line in generator.make(rng, **settings)).encode("ascii")


def parse_name(name: str) -> tuple[Generator, dict[str, int]]:
    """Return the generator and the settings of a name such as `reber:lines=10,seed=1`. Raises UsageError."""
    kind, _, rest = name.partition(":")
    generator = GENERATORS[kind]
    minimums = {**generator.minimums, "seed": 0}
    settings: dict[str, int] = {}
    for item in filter(None, rest.split(",")):
        key, _, value = item.partition("=")
        if key not in minimums:
            raise UsageError(f"The generator {kind} has no setting {key!r}; it has {', '.join(minimums)}.")
        if not value.isascii() or not value.isdigit() or not minimums[key] <= int(value) < 10**9:
            raise UsageError(
                f"The generator {kind} needs a whole number of at least {minimums[key]} for {key}, not {value!r}."
            )
        settings[key] = int(value)
    return generator, settings


def default_settings(name: str) -> dict[str, int]:
    """Return every setting of a generator with its default."""
    parameters = inspect.signature(GENERATORS[name].make).parameters
    return {key: parameters[key].default for key in GENERATORS[name].minimums} | {"seed": 0}


def temporal_order_task(
    rng: np.random.Generator, length: int, B: int
) -> tuple[NDArray[np.int32], NDArray[np.int64], NDArray[np.int32]]:
    """Return x (T, B), the last step of each sequence (B,), and y (B,): its class XX, XY, YX or YY, 0 to 3.

    x starts with E (6) and ends with B (7) after `length` to 1.1 `length` symbols. It has an X (4) or Y (5) at 0.1 to
    0.2 of `length` and another at 0.5 to 0.6; the other symbols are noise (0 to 3), and 0 follows the end.
    Source: Hochreiter and Schmidhuber 1997, experiment 6a, of length 100 to 110.
    """
    if length < 10:
        raise ValueError("the temporal order task needs ten steps")
    T, streams = length + length // 10, np.arange(B)
    x = rng.integers(0, 4, (T, B), np.int32)
    ends = rng.integers(length - 1, T, B)
    first = rng.integers(length // 10, length // 5 + 1, B)
    second = rng.integers(length // 2, length * 6 // 10 + 1, B)
    classes = rng.integers(0, 2, (2, B), np.int32)
    x[0] = 6
    x[first, streams], x[second, streams] = 4 + classes
    x[ends, streams] = 7
    x[np.arange(T)[:, None] > ends] = 0
    return x, ends, 2 * classes[0] + classes[1]


def adding_task(rng: np.random.Generator, T: int, B: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return x (T, B, 2), numbers in [0, 1) and marks, and y (B,), the sum of the two marked numbers.

    Each half has one mark. A guess of 1 has a mean squared error of 1/6 = 0.167.
    Source: Hochreiter and Schmidhuber 1997, experiment 4, in the form of Le et al. 2015, arXiv:1504.00941.
    """
    if T < 2:
        raise ValueError("the adding task needs two steps")
    x = np.zeros((T, B, 2), np.float32)
    x[:, :, 0] = rng.random((T, B), np.float32)
    streams = np.arange(B)
    first, second = rng.integers(0, T // 2, B), rng.integers(T // 2, T, B)
    x[first, streams, 1] = 1
    x[second, streams, 1] = 1
    return x, x[first, streams, 0] + x[second, streams, 0]


def copy_task(
    rng: np.random.Generator, delay: int, B: int, length: int = 10, symbols: int = 8
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Return x and y (delay + 2 * length, B): `length` symbols, blanks, a cue, and blanks for the repetition.

    Symbols are 1 .. `symbols`, 0 is the blank, `symbols` + 1 the cue, `length` steps before the end.
    Source: Arjovsky et al. 2016, arXiv:1511.06464, section 5.1; Hochreiter and Schmidhuber 1997.
    """
    if delay < 1:
        raise ValueError("the copy task needs a blank for its cue")
    data = rng.integers(1, symbols + 1, (length, B), np.int32)
    x = np.zeros((delay + 2 * length, B), np.int32)
    y = np.zeros_like(x)
    x[:length] = data
    x[-length - 1] = symbols + 1
    y[-length:] = data
    return x, y
