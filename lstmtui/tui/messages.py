"""What crosses a screen's border: one frozen look at a run, or at all runs, sent by a reader thread."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from textual.message import Message

from lstmtui.runs.snapshot import RunSnapshot, Saturation


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)  # arrays are neither equal nor unequal
class GateWindow:
    """The gates of one sequence over the newest window: `values` (L, G, T, H) float16, and the T tokens as texts."""

    step: int
    gates: tuple[str, ...]
    values: Any
    text: tuple[str, ...] = ()
    """Not safe for a terminal; empty where the tokens cannot be told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunView:
    """One look at a run: its snapshot, its gate probes (oldest first), and whether its folder has vanished."""

    snapshot: RunSnapshot
    probes: tuple[Saturation, ...] = ()
    window: GateWindow | None = None
    gone: bool = False


class PollResult(Message):
    """Something was read again; a newer look replaces an older one that still waits."""

    def can_replace(self, message: Message) -> bool:
        return type(message) is type(self)


class RunPolled(PollResult):
    """A run was read again."""

    def __init__(self, view: RunView) -> None:
        super().__init__()
        self.view = view


class RunsPolled(PollResult):
    """All runs were read again."""

    def __init__(self, runs: tuple[RunSnapshot, ...], error: str = "") -> None:
        super().__init__()
        self.runs = runs
        self.error = error
