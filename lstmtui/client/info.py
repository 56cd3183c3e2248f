"""Ask the engine what it finds on this machine: python -m lstmtui.engine.services.info."""

from __future__ import annotations

import contextlib
from typing import Any

from lstmtui.client.process import Child

TIMEOUT = 60.0
"""Seconds to wait for the answer."""


def engine_facts() -> dict[str, Any]:
    """Return versions, vector features, threads and the GPU. Raises LstmtuiError if the engine cannot be loaded."""
    with contextlib.closing(Child("The engine", "lstmtui.engine.services.info")) as process:
        return process.first_answer(timeout=TIMEOUT)
