"""Health of a run as screens show it: a glyph and a colour for each level, and the sentences about a sick run."""

from __future__ import annotations

from lstmtui.reports.health import SICK, Health, judge
from lstmtui.runs.snapshot import RunSnapshot

GLYPHS = {"good": "✓", "doubtful": "▲", "sick": "✗", "unknown": "·"}
"""One glyph a level, so that none is shown by colour alone."""
COLOURS = {"good": "$success", "doubtful": "$warning", "sick": "$error", "unknown": ""}
"""Theme variables by level."""


def label(found: Health) -> str:
    """Return a judgement in a few words: ✗ lr too high."""
    return f"{GLYPHS[found.level]} {found.word}"


def sentences(snapshot: RunSnapshot) -> str:
    """Return what is wrong with a run that is sick, and what to change; empty for others."""
    found = judge(snapshot)
    return " ".join(found.sentences) if found.level == SICK else ""
