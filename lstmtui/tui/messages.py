"""What a polling thread posts to a screen: the frozen state of one run, or of all runs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from textual.message import Message

from lstmtui.runs.snapshot import AttentionProbe, Posteriors, RunSnapshot, Saturation


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)  # arrays have no truth value
class GateWindow:
    """The gates of one sequence over the newest window: `values` (L, G, T, H) float16, and the T tokens as texts."""

    step: int
    gates: tuple[str, ...]
    values: Any
    text: tuple[str, ...] = ()
    """Not safe for a terminal; empty where the tokenizer is missing."""
    layer_names: tuple[str, ...] = ()
    """As of a `Saturation`."""
    pieces: tuple[tuple[str, ...], ...] = ()
    """The tokens of each layer as texts, of layers with names; they may be fewer than T."""

    def read(self, layer: int) -> tuple[tuple[str, ...], int]:
        """Return the tokens that a layer has read as texts, and how many they are."""
        text = self.pieces[layer] if layer < len(self.pieces) else self.text
        return text, len(text) if self.pieces else int(self.values.shape[2])


@dataclass(frozen=True, slots=True, kw_only=True)
class RunView:
    """The state of a run: its snapshot, its probes (oldest first), and whether its folder is gone."""

    snapshot: RunSnapshot
    probes: tuple[Saturation, ...] = ()
    window: GateWindow | None = None
    attention: tuple[AttentionProbe, ...] = ()
    posteriors: tuple[Posteriors, ...] = ()
    pictures: Any = None
    """Those of the samples of captions (N, h, w, 3); None without any."""
    gone: bool = False


class PollResult(Message):
    """The result of one read; a newer one replaces an older one that still waits."""

    def can_replace(self, message: Message) -> bool:
        return type(message) is type(self)


class RunPolled(PollResult):
    """A run was read."""

    def __init__(self, view: RunView) -> None:
        super().__init__()
        self.view = view


class RunsPolled(PollResult):
    """All runs were read."""

    def __init__(
        self,
        runs: tuple[RunSnapshot, ...],
        error: str = "",
        probes: tuple[Path | None, tuple[Saturation, ...]] = (None, ()),
    ) -> None:
        """`probes` are the path of the chosen run and its newest gate probe."""
        super().__init__()
        self.runs = runs
        self.error = error
        self.probes = probes
