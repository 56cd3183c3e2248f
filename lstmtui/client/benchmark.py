"""Measure how fast this machine trains, in a process of the engine: python -m lstmtui.engine.benchmark.bench."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from lstmtui.client.process import Child


def results(*options: str) -> Iterator[dict[str, Any]]:
    """Yield the figures of each cell and shape as they come; `options` are those of the engine's program.

    Raises the LstmtuiError that the process reports.
    """
    with contextlib.closing(Child("The benchmark", "lstmtui.engine.benchmark.bench", *options)) as process:
        yield from process.answers()
