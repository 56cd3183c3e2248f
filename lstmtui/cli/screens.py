"""The bare `lstmtui` and `lstmtui type [RUN]`: the doors to the screens."""

from __future__ import annotations

from lstmtui.cli.options import RunOrLatest


def latest() -> int:
    """Open the screens on the latest run, or on the list of runs."""
    from lstmtui import tui

    return tui.run()


def type_(run: RunOrLatest = "latest") -> int:
    """Type with a trained run: the next words appear as you go."""
    from lstmtui import tui
    from lstmtui.runs.folder import find

    find(run)  # an unknown name is refused before the screen opens
    return tui.run(run, screen="type")
