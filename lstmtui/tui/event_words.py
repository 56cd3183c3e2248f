"""Events of a run as screens show them, a line each."""

from __future__ import annotations

from typing import Any

from lstmtui.common.terminal_text import one_line
from lstmtui.runs.snapshot import LANGUAGE_FIGURE

DECIDING = {"nll": ("", " nats"), "f1": ("word F1 ", ""), "wer": ("WER ", ""), "bleu": ("BLEU ", "")}
"""What stands before and behind the value of a figure that decides; any other has its name before it."""


def describe(event: dict[str, Any]) -> str:
    """Return an event of events.jsonl in words; an unknown one by its name and fields."""
    name = str(event.get("event", "?"))
    if name == "answered":
        return str(event.get("message", "")) or "done"
    if name == "prepared" and "pairs" in event:
        return f"read {_number(event, 'pairs')} pairs to train on"
    if name == "prepared" and "recordings" in event:
        return f"read {_number(event, 'recordings')} recordings to train on"
    if name == "prepared" and "pictures" in event:
        return f"read {_number(event, 'pictures')} pictures to train on"
    if name == "prepared":
        return f"read {_number(event, 'train')} tokens to train on, {_number(event, 'valid')} to validate"
    if name == "noted":
        return str(event.get("message", "")) or "noted"
    if name == "compiled":
        return f"compiled in {_number(event, 'seconds', 1)} s"
    if name == "planned":
        each = f" of {_number(event, 'seconds_per_step', 3)} s" if event.get("seconds_per_step") else ""
        return f"planned {_number(event, 'steps')} steps{each}"
    if name == "replanned":
        return f"re-planned{_at(event)}: {_number(event, 'steps')} steps fit the time, not {_number(event, 'before')}"
    if name == "set":
        undone = "set back" if event.get("undone") is True else "set"
        return f"{event.get('key')} {undone} from {event.get('before')} to {event.get('value')}{_at(event)}"
    if name == "evaluated":
        best = ", the best so far" if event.get("best") is True else ""
        decides = next((figure for figure in DECIDING if figure in event), "loss")
        return f"evaluated{_at(event)}: {_decisive(event, decides, decides)}{best}"
    if name == "finished":
        decides = str(event.get("decides", LANGUAGE_FIGURE))
        parts = [f"{split} {_decisive(event, split, decides)}" for split in ("valid", "test") if split in event]
        return f"finished{_at(event)}" + (f": {', '.join(parts)}" if parts else "")
    if name == "rewound":
        return f"rewound from step {_number(event, 'before')} to the best one, {_number(event, 'step')}"
    if name == "rolled back":
        return f"rolled back to step {_number(event, 'step')}, learning rate times {_number(event, 'lr_scale', 3)}"
    rest = [
        f"{k.replace('_', ' ')} {f'{v:.3g}' if isinstance(v, float) else v}"
        for k, v in event.items()
        if k not in _OMITTED_FIELDS and isinstance(v, str | int | float)
    ]
    return f"{name}{_at(event)}" + (f": {', '.join(rest)}" if rest else "")


def _decisive(event: dict[str, Any], field: str, decides: str) -> str:
    """Return the value of the figure `decides`, which a field of an event has."""
    before, behind = DECIDING.get(decides, (f"{one_line(decides, 12)} ", ""))
    return f"{before}{_number(event, field, 3)}{behind}"


_OMITTED_FIELDS = ("event", "at", "step", "pid", "request")


def _at(event: dict[str, Any]) -> str:
    return f" at step {_number(event, 'step')}" if isinstance(event.get("step"), int | float) else ""


def _number(event: dict[str, Any], key: str, digits: int = 0) -> str:
    value = event.get(key)
    return f"{value:,.{digits}f}" if isinstance(value, int | float) else "?"
