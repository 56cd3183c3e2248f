"""Forecast what a network would cost: parameters, memory and speed, asked of a process of the engine."""

from __future__ import annotations

import threading
from typing import Any

from lstmtui import config
from lstmtui.client.process import Child


class Forecaster:
    """Forecasts what a network would cost, in a process of its own that starts with the first question.

    Thread-safe: callers wait for each other. Raises the LstmtuiError that the process reports.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._child: Child | None = None

    def ask(self, settings: config.RunSettings) -> dict[str, Any]:
        """Return `parameters`, `flop_per_token`, `memory_mb`, `vocabulary` and `tokens` of resolved settings."""
        return self._ask("ask", settings)

    def measure(self, settings: config.RunSettings) -> dict[str, Any]:
        """Return the same and `tokens_per_second`, measured; may take a minute where kernels must be compiled."""
        return self._ask("measure", settings)

    def close(self) -> None:
        """End the process; a call that waits for an answer raises LstmtuiError."""
        if self._child is not None:
            self._child.close()

    def _ask(self, op: str, settings: config.RunSettings) -> dict[str, Any]:
        with self._lock:
            if self._child is None:
                self._child = Child("The forecast", "lstmtui.engine.benchmark.forecast")
        return self._child.ask({"op": op, "settings": settings.flat()})
