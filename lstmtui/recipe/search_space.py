"""What a search varies: settings with the values that they can have, around what the recipe chooses for the text.

    lr                   the usual range, here a factor of 4 to both sides of the recipe's learning rate
    lr=0.001..0.01       a range
    cell=lstm|gru        these values

All functions are pure, so that the same command makes the same search.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lstmtui.config import FIELDS, LENGTHS, RunSettings, base_type, convert, nearest, option
from lstmtui.errors import UsageError

OPTION = "--over"
SIZE_STEP = 64
"""Units between two sizes of a layer: whole tiles of the kernels."""
MIN_SIZE_STEP = 8
DIGITS = 3
"""Significant digits of a number that was drawn: enough to tell runs apart, few enough to type again."""
LOGARITHMIC = ("lr", "lr_end", "weight_decay", "clip")
SIZES = ("hidden", "embedding")
DOUBLINGS = ("batch", "bptt")
"""Searched in powers of two times the smallest value."""


@dataclass(frozen=True, slots=True)
class Range:
    """A setting with a number between two others, both included."""

    name: str
    low: float
    high: float
    logarithmic: bool = False
    step: int | None = None
    """Of whole numbers; None for others."""

    def holds(self, value: Any) -> bool:
        """Return whether a trial can have `value`."""
        if not isinstance(value, int | float) or isinstance(value, bool) or not self.low <= value <= self.high:
            return False
        return self.step is None or (value - self.low) % self.step == 0

    def rounded(self, value: float) -> float:
        """Return a drawn number with few digits, within the range."""
        if self.step is not None:
            return int(value)
        return min(self.high, max(self.low, float(f"{value:.{DIGITS}g}")))

    def text(self) -> str:
        """Return it for people."""
        steps = f" in steps of {self.step}" if self.step is not None and self.step > 1 else ""
        return f"{self.low:g} to {self.high:g}{steps}{', logarithmic' if self.logarithmic else ''}"


@dataclass(frozen=True, slots=True)
class Choices:
    """A setting with some values."""

    name: str
    values: tuple[Any, ...]

    def holds(self, value: Any) -> bool:
        """Return whether a trial can have `value`."""
        return value in self.values

    def text(self) -> str:
        """Return it for people."""
        return ", ".join(map(format_value, self.values))


Dimension = Range | Choices
Space = tuple[Dimension, ...]


def format_value(value: Any) -> str:
    """Return a value as an option has it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)


# --- the usual ranges -------------------------------------------------------------------------------------------------


def _factor(factor: float, otherwise: float = 0.0) -> Callable[[str, Any], Dimension]:
    """A logarithmic range around the recipe's choice, or around `otherwise` where that is 0."""

    def around(name: str, value: Any) -> Dimension:
        centre = value or otherwise
        return Range(name, _within(name, centre / factor), _within(name, centre * factor), logarithmic=True)

    return around


def _up_to(high: float) -> Callable[[str, Any], Dimension]:
    return lambda name, value: Range(name, 0.0, max(high, value))


def _these(*values: Any) -> Callable[[str, Any], Dimension]:
    """Some values, and that of the recipe."""
    return lambda name, value: Choices(name, tuple(sorted({*values, value})))


def _sizes(name: str, value: Any) -> Dimension:
    """Sizes from a quarter of the recipe's choice to its double: up to four times its work, down to a sixteenth."""
    common = math.gcd(value, SIZE_STEP)
    step = max(1, value // 4) if value < SIZE_STEP else common if common >= MIN_SIZE_STEP else SIZE_STEP
    return Range(name, value - (value - value // 4) // step * step, value + value // step * step, step=step)


def _layers(name: str, value: Any) -> Dimension:
    return Range(name, 1, value + 1, step=1)


def _doublings(name: str, value: Any) -> Dimension:
    return Choices(name, tuple(dict.fromkeys((max(1, value // 2), value, 2 * value))))


def _steps(name: str, value: Any) -> Dimension:
    return Range(name, 0, 4 * value or 200, step=max(1, (4 * value or 200) // 20))


USUAL: dict[str, Callable[[str, Any], Dimension]] = {
    "hidden": _sizes, "embedding": _sizes, "layers": _layers, "forget_bias": _up_to(2.0),
    "dropout": _up_to(0.5), "dropout_in": _up_to(0.5), "dropout_rise": _up_to(1.0), "weight_drop": _up_to(0.5),
    "embedding_dropout": _up_to(0.2), "activation_reg": _up_to(4.0), "temporal_reg": _up_to(4.0),
    "weight_decay": _factor(10, 0.01), "lr": _factor(4), "lr_end": _factor(10, 0.01), "clip": _factor(4),
    "warmup": _steps, "momentum": _up_to(0.95), "beta1": _these(0.8, 0.9, 0.95), "beta2": _these(0.95, 0.99, 0.999),
    "ema": _these(0.0, 0.99, 0.999), "batch": _doublings, "bptt": _doublings,
}  # fmt: skip
"""Settings with a range of their own; of any other that can be searched, all values, or those that a person gives."""
SEARCHED = ("Network", "Regularisation", "Optimisation")
"""Groups of settings that can be searched."""
FIXED = {
    "start": "it is the run that all trials begin with",
    "seed": "that would find luck; 'lstmtui compare --seeds' shows how much seeds differ",
    **dict.fromkeys(LENGTHS, "all trials have the same budget"),
    "patience": "all trials have the same budget",
}
"""Settings that a person may want to search, and why not."""


def searchable() -> list[str]:
    """Return the names of the settings that can be searched."""
    return [
        name
        for name, field in FIELDS.items()
        if name not in FIXED and (field.metadata["group"] in SEARCHED or name in DOUBLINGS)
    ]


def parse(text: str, chosen: RunSettings, given: Collection[str] = ()) -> Space:
    """Return what `--over TEXT` names.

    chosen    what the recipe chooses
    given     settings to which a person gave a value of their own
    Raises UsageError.
    """
    space: dict[str, Dimension] = {}
    for part in filter(None, map(str.strip, text.split(","))):
        key, equals, values = part.partition("=")
        name = _name(key.strip())
        if name in space:
            raise UsageError(f"{OPTION}: {name} stands there twice.")
        if name in given:
            raise UsageError(f"Give either {option(name)} or {name} in {OPTION}: one fixes it, the other searches it.")
        space[name] = _parsed(name, values.strip()) if equals else _usual(name, chosen.value(name))
    if not space:
        raise UsageError(f"{OPTION}: name the settings to search, such as {OPTION} lr,hidden.")
    _check_together(space, given)
    return tuple(space.values())


def _name(key: str) -> str:
    """Return the setting called `key`. Raises UsageError for one that does not exist or cannot be searched."""
    name, can = key.replace("-", "_"), searchable()
    if name not in FIELDS:
        raise UsageError(f"{OPTION}: there is no setting '{key}'{nearest(key, can)}; there are {', '.join(can)}.")
    if name not in can:
        reason = FIXED.get(name)
        if reason is None:
            group = FIELDS[name].metadata["group"]
            reason = "then trials could not be compared" if group in ("Corpus", "Length") else "it changes no training"
        raise UsageError(f"{OPTION}: {name} cannot be searched: {reason}; these can: {', '.join(can)}.")
    return name


def _usual(name: str, value: Any) -> Dimension:
    if name in USUAL:
        return USUAL[name](name, value)
    if base_type(name)[0] is bool:
        return Choices(name, (True, False))
    if choices := FIELDS[name].metadata["choices"]:
        return Choices(name, tuple(choices))
    raise UsageError(f"{OPTION}: {name} has no usual range; give one, such as {name}=1..100.")


def _parsed(name: str, values: str) -> Dimension:
    where = f"{OPTION} {name}"
    low, dots, high = values.partition("..")
    if not dots:
        chosen = tuple(dict.fromkeys(_converted(name, one.strip(), where) for one in values.split("|")))
        if len(chosen) < 2:
            raise UsageError(
                f"{where}: '{values}' leaves nothing to search; give a range such as 1..2, or values such as 'a|b'."
            )
        return Choices(name, chosen)
    if base_type(name)[0] not in (int, float):
        raise UsageError(f"{where}: a range is for numbers; give values such as '{name}=a|b'.")
    first, last = _converted(name, low.strip(), where), _converted(name, high.strip(), where)
    if not first < last:
        raise UsageError(f"{where}: the range {values} is empty; the smaller number comes first.")
    if name in DOUBLINGS:
        return Choices(name, tuple(first << n for n in range((last // first).bit_length())))
    if base_type(name)[0] is int:
        step = math.gcd(first, last, SIZE_STEP) if name in SIZES else 1
        return Range(name, first, last, step=step)
    return Range(name, first, last, logarithmic=name in LOGARITHMIC and first > 0)


def _converted(name: str, text: str, where: str) -> Any:
    """Return a value of a setting. Raises UsageError for one that is not, and for 'auto'."""
    value = convert(name, text, where)
    if value is None:
        raise UsageError(f"{where}: give values; 'auto' is the recipe's choice, which the first trial has anyway.")
    return value


def _within(name: str, value: float) -> float:
    """Return a number with few digits, within the bounds of a setting."""
    high = FIELDS[name].metadata["high"]
    rounded = float(f"{value:.{DIGITS}g}")
    return rounded if high is None else min(high, rounded)


def _check_together(space: Mapping[str, Dimension], given: Collection[str]) -> None:
    """Raise UsageError for settings of which some trials could not have both."""
    sizes = {"tied", "embedding", "hidden"}
    both = sizes & (space.keys() | set(given))
    if {"tied", "embedding"} <= both and (both - set(given)):
        raise UsageError(f"{OPTION}: tied weights need an embedding of the layers' size; leave tied or embedding out.")


# --- trials -----------------------------------------------------------------------------------------------------------


def recipe_values(space: Space, chosen: RunSettings) -> dict[str, Any] | None:
    """Return the recipe's choices, which the first trial has; None where the space lacks one of them."""
    values = {one.name: chosen.value(one.name) for one in space}
    return values if all(one.holds(values[one.name]) for one in space) else None


def describe(space: Space, chosen: RunSettings) -> list[str]:
    """Return a line for each setting: its values, and the recipe's choice."""
    width = max(len(one.name) for one in space)
    return [f"{one.name:{width}}  {one.text()} (recipe: {format_value(chosen.value(one.name))})" for one in space]


def record(space: Space) -> list[dict[str, Any]]:
    """Return a space for JSON."""
    return [
        {"name": one.name, "choices": list(one.values)}
        if isinstance(one, Choices)
        else {"name": one.name, "low": one.low, "high": one.high, "logarithmic": one.logarithmic, "step": one.step}
        for one in space
    ]


def from_record(found: Sequence[Any]) -> Space:
    """Return the space that `record` wrote. Raises UsageError, KeyError, TypeError or ValueError for another one."""
    space: list[Dimension] = []
    for one in found:
        name = _name(str(one["name"]))
        if "choices" in one:
            space.append(Choices(name, tuple(convert(name, value, name) for value in one["choices"])))
        else:
            low, high = convert(name, one["low"], name), convert(name, one["high"], name)
            step = one["step"]
            if not low < high or not (step is None or (isinstance(step, int) and step > 0)):
                raise ValueError(name)
            space.append(Range(name, low, high, logarithmic=bool(one["logarithmic"]) and low > 0, step=step))
    return tuple(space)
