"""Times and sizes as text, the same on every screen and in every command."""

from __future__ import annotations

import math
import time


def format_duration(seconds: float) -> str:
    """Return a time span in its two largest units: 8 s, 1 min 12 s, 2 h 05 min, 3 d 4 h."""
    if not math.isfinite(seconds):
        return "–"
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    if whole < 86400:
        return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
    return f"{whole // 86400} d {whole % 86400 // 3600} h"


def percent(rate: float) -> str:
    """Return an error rate in at most five characters: 4.6%, 100%."""
    return f"{100 * rate:.{1 if rate < 0.9995 else 0}f}%"


def format_age(seconds_since: float, now: float | None = None) -> str:
    """Return how long ago a Unix time was, short enough for a table: 12 s, 5 min, 3 h, 2 d."""
    gone = max(0.0, (time.time() if now is None else now) - seconds_since)
    for unit, size in (("d", 86400.0), ("h", 3600.0), ("min", 60.0)):
        if gone >= size:
            return f"{gone / size:.0f} {unit}"
    return f"{gone:.0f} s"


def format_size(count: float) -> str:
    """Return a number of bytes as text: 812 B, 1.9 MB."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000 or unit == "GB":
            break
        count /= 1000
    return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
