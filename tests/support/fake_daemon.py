"""A daemon that is always there, in place of that of a run: `install` before the command runs.

"ca" and any other word are continued by -1, -2 ...; "teh" is replaced; "rare" is improbable; "slow" takes long;
"broken" raises; "echo" gets the number of characters that came.
"""

from __future__ import annotations

import time
from typing import Any

from lstmtui.client import daemon
from lstmtui.errors import CorruptError


def ask(run: object, question: dict[str, Any]) -> dict[str, Any]:
    """Answer as a daemon does."""
    text = question["text"]
    if text.endswith("broken"):
        raise CorruptError("The run is damaged.")
    if text.endswith("echo"):
        return {"candidates": [{"text": "!", "probability": float(len(text))}]}
    if text.endswith("teh"):
        return {"candidates": [{"text": "the", "probability": 0.9, "replaces": 3}]}
    if text.endswith("slow"):
        time.sleep(0.3)
    best = 0.01 if text.endswith("rare") else 0.8
    more = " and more" if question["phrase"] else ""
    found = [{"text": f"-{n}{more}", "probability": best / n} for n in range(1, question["k"] + 1)]
    return {"candidates": found}


def install() -> None:
    """Put the functions in place of those of `lstmtui.client.daemon`."""
    daemon.ask = ask  # type: ignore[assignment]
    daemon.ask_when_ready = ask  # type: ignore[assignment]
    daemon.start = lambda run: None
