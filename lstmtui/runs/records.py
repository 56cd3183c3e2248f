"""JSON records of a run that anyone may have edited, checked field by field."""

from __future__ import annotations

import math
from dataclasses import fields
from typing import Any

from lstmtui.runs.snapshot import LANGUAGE_FIGURE, Sample, TrainPoint, ValidPoint

MAX_COUNT = float(1 << 53)
"""The largest count; beyond it floats do not represent every whole number."""
MAX_FLOAT = 3.5e38
"""The largest figure, since all come from single precision; arithmetic with larger ones would overflow."""


def usable_fields(record: dict[str, Any]) -> dict[str, Any]:
    """Return a record without numbers that are NaN, infinite or beyond MAX_COUNT."""
    return {k: v for k, v in record.items() if not isinstance(v, int | float) or -MAX_COUNT <= v <= MAX_COUNT}


_STATUS_TYPES: dict[str, tuple[type, ...]] = {
    **dict.fromkeys(("step", "steps", "pid", "exit_code", "parameters", "vocabulary", "tokens"), (int,)),
    "valid_tokens": (int,),
    **dict.fromkeys(("epoch", "seconds", "seconds_left", "steps_per_second", "tokens_per_second"), (int, float)),
    **dict.fromkeys(("heartbeat", "started", "preparing_done", "compiling_done", "compiling_kernels"), (int, float)),
    **dict.fromkeys(("state", "message", "host", "beginning", "preparing", "compiling"), (str,)),
    **dict.fromkeys(("live", "copied", "result"), (dict,)),
}  # fmt: skip
_RESULT_TYPES: dict[str, tuple[type, ...]] = {
    "best_step": (int,), "seconds": (int, float), "sample": (str,), "copied": (dict, type(None)), "valid": (dict,),
    "test": (dict,), "passed": (bool,), "verdict": (str,), "figure": (int, float, type(None)), "sequences": (int,),
}  # fmt: skip
_FIGURE_TYPES: dict[str, tuple[type, ...]] = {
    **dict.fromkeys(("nll", "perplexity", "bits_per_char", "unknown"), (int, float, type(None))), "tokens": (int,),
    "whole": (bool,),
}  # fmt: skip


def status_fields(record: dict[str, Any]) -> dict[str, Any]:
    """Return a status, and the result in it, without the fields of a wrong type."""
    status = _typed(record, _STATUS_TYPES)
    if "result" in status:
        result = _typed(status["result"], _RESULT_TYPES)
        for split in ("valid", "test"):
            if split in result:
                figures = _typed(result[split], _FIGURE_TYPES)
                result[split] = figures if "tokens" in figures or figures.get("whole", True) else {}
        status["result"] = result
    return status


def _typed(record: dict[str, Any], types: dict[str, tuple[type, ...]]) -> dict[str, Any]:
    usable = usable_fields(record)
    return {name: value for name, value in usable.items() if name not in types or type(value) in types[name]}


_AXES = ("step", "tokens", "seconds")
"""Fields that are axes of charts and must be finite."""
_NAMES = tuple(f.name for f in fields(TrainPoint))


def parse_point(kind: Any, record: dict[str, Any]) -> Any:
    """Return the TrainPoint, ValidPoint or Sample of a JSON record; None where a field is missing or invalid."""
    if kind is ValidPoint:
        return _valid_point(record)
    if kind is Sample:
        return _sample(record)
    values = {}
    for name in _NAMES:
        value = record.get(name)
        if value is None:
            if name not in ("loss", "grad_norm", "update_ratio", "processors"):
                return None
            value = float("nan")
        if (value := _number(value, is_axis=name in _AXES)) is None:
            return None
        values[name] = value
    return kind(**values)


def _sample(record: dict[str, Any]) -> Sample | None:
    """Return a sample, without its surprise and its copied passage where these do not fit its text."""
    step, temperature = _number(record.get("step"), is_axis=True), _number(record.get("temperature"))
    prompt, text, usual = record.get("prompt"), record.get("text"), _number(record.get("usual"))
    if step is None or temperature is None or not isinstance(prompt, str) or not isinstance(text, str):
        return None
    return Sample(
        step=step, temperature=temperature, prompt=prompt, text=text, surprise=_surprise(record, len(text)),
        copied=_copied(record.get("copied"), len(text)), usual=usual,
    )  # fmt: skip


def _copied(place: object, characters: int) -> tuple[int, int] | None:
    """Return where a passage begins and its length; None where it is not within so many characters."""
    if not isinstance(place, list) or [type(n) for n in place] != [int, int]:
        return None
    first, count = place
    return (first, count) if first >= 0 < count and first + count <= characters else None


def _surprise(record: dict[str, Any], characters: int) -> tuple[tuple[int, float], ...]:
    """Return the characters and bits of each token of a sample; empty where they do not cover its text."""
    bits = record.get("bits")
    if not isinstance(bits, list):
        return ()
    lengths = record.get("pieces", [1] * len(bits))
    if not isinstance(lengths, list) or len(lengths) != len(bits):
        return ()
    if not all(type(n) is int and 0 < n <= characters for n in lengths) or sum(lengths) != characters:
        return ()
    usable = all(isinstance(b, int | float) and _number(b, is_axis=True) is not None for b in bits)
    return tuple(zip(lengths, map(float, bits), strict=True)) if usable else ()


def _valid_point(record: dict[str, Any]) -> ValidPoint | None:
    """Return an evaluation with every figure that it holds."""
    step, seconds = (_number(record.get(name), is_axis=True) for name in ("step", "seconds"))
    decides, best = record.get("decides", LANGUAGE_FIGURE), record.get("best")
    if step is None or seconds is None or not isinstance(decides, str) or not isinstance(best, bool):
        return None
    names = (name for name in record if name not in _VALID_FIELDS)
    figures = {
        name: _number(record[name]) for name in names if record[name] is None or _number(record[name]) is not None
    }
    if figures.get(decides) is None:
        return None
    return ValidPoint(step=int(step), seconds=seconds, best=best, figures=figures, decides=decides)


_VALID_FIELDS = ("split", "step", "seconds", "best", "decides")
"""Fields of an evaluation that are no figures."""


def _number(value: Any, *, is_axis: bool = False) -> Any:
    """Return a number of a record, infinite where arithmetic with it would overflow; None for anything else."""
    if not isinstance(value, int | float) or (isinstance(value, int) and abs(value) > MAX_COUNT):
        return None
    if isinstance(value, float) and abs(value) > MAX_FLOAT:
        value = math.copysign(math.inf, value)
    return value if not is_axis or (math.isfinite(value) and value >= 0) else None
