"""For tests of screens: a fake model and forecaster, the characters on the screen, and waiting for a condition."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from textual import events
from textual.app import App
from textual.keys import _character_to_key
from textual.pilot import Pilot

from lstmtui.client.model import Candidate
from lstmtui.config import RunSettings
from lstmtui.errors import LstmtuiError
from lstmtui.tui.screens.live import LiveScreen

SIZES = ((80, 24), (120, 40), (200, 60), (40, 12), (20, 5), (1, 1))


class FakeModel:
    """Continues every text in the same way, and records the texts."""

    about: dict[str, Any] = {"cell": "lstm", "layers": 2, "hidden": 48, "tokens": "chars", "step": 1200}  # noqa: RUF012

    def __init__(
        self,
        candidates: tuple[tuple[str, float], ...] = (("ction ", 0.6), ("nction", 0.2)),
        phrase: str = "ction is called",
    ) -> None:
        self.candidates, self.phrase = candidates, phrase
        self.asked: list[str] = []
        self.kept: str | None = None
        self.closed = False
        self.error: LstmtuiError | None = None

    def complete(self, text: str, *, k: int = 5, phrase: bool = False, passed: Sequence[str] = ()) -> list[Candidate]:
        self.asked.append(text)
        if self.error is not None:
            raise self.error
        return [Candidate(self.phrase, 0.1)] if phrase else [Candidate(t, p) for t, p in self.candidates[:k]]

    def ask(self, op: str, **details: object) -> NoReturn:
        raise LstmtuiError(f"No {op} today.")

    def adapt(self, text: str) -> int:
        self.kept = text
        return len(text.split())

    def forget(self) -> None:
        self.kept = None

    def close(self) -> None:
        self.closed = True


class FakeForecaster:
    """Predicts the same cost for every network."""

    def __init__(self) -> None:
        self.asked: list[RunSettings] = []
        self.error: LstmtuiError | None = None

    def ask(self, settings: RunSettings) -> dict[str, Any]:
        if self.error is not None:
            raise self.error
        self.asked.append(settings)
        return {
            "vocabulary": 65, "tokens": 900_000, "parameters": 812_345, "flop_per_token": 4_800_000,
            "memory_mb": 84.2, "machine_mb": 8000.0,
        }  # fmt: skip

    def measure(self, settings: RunSettings) -> dict[str, Any]:
        return {**self.ask(settings), "tokens_per_second": 26_300.0}

    def close(self) -> None:
        pass


def typed(app: App[Any], *keys: str) -> None:
    """Send keys without waiting for their effect, as a terminal does."""
    assert app._driver is not None
    for key in keys:
        character = " " if key == "space" else key if len(key) == 1 else None
        event = events.Key(_character_to_key(key) if len(key) == 1 else key, character)
        event.set_sender(app)
        app._driver.send_message(event)


def painted(app: App[Any]) -> str:
    """Return the characters on the screen, line by line."""
    return "\n".join(
        "".join(s.text for s in strip if not s.control) for strip in app.screen._compositor.render_strips()
    )


def control_characters(text: str) -> set[str]:
    """Return the characters that a terminal could obey or that change the direction of text."""
    turning = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
    unsafe = {"Cc", "Cs", "Zl", "Zp"}
    found = set(text) - {"\n"}
    return {c for c in found if unicodedata.category(c) in unsafe or unicodedata.bidirectional(c) in turning}


async def until(pilot: Pilot[Any], condition: Callable[[], Any], seconds: float = 8.0) -> None:
    """Wait until `condition` holds; fail with the screen's text when it does not."""
    for _ in range(int(seconds / 0.02)):
        if condition():
            return
        await pilot.pause(0.02)
    raise AssertionError(f"the condition did not come true; on the screen:\n{painted(pilot.app)}")


async def live_screen(pilot: Pilot[Any]) -> LiveScreen:
    """Wait until the live screen shows its run, and return it."""
    await until(pilot, lambda: isinstance(pilot.app.screen, LiveScreen) and pilot.app.screen.view is not None)
    await pilot.pause()
    screen = pilot.app.screen
    assert isinstance(screen, LiveScreen)
    return screen
