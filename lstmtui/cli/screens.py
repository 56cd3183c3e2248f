"""`lstmtui` and `lstmtui type [RUN]`: the commands that open the screens."""

from __future__ import annotations

from lstmtui.cli.options import RunOrLatest
from lstmtui.cli.screen_options import Charset, Theme


def latest(theme: str | None = None, charset: str | None = None) -> int:
    """Open the screens on the latest run, or on the list of runs."""
    from lstmtui import tui

    return tui.run(theme=theme, charset=charset)


def type_(run: RunOrLatest = "latest", theme: Theme = None, charset: Charset = None) -> int:
    """Type with a trained run, which suggests the next words, translates or transcribes."""
    from lstmtui import tui
    from lstmtui.runs.listing import find_run, latest_or_base

    found = latest_or_base(run)
    find_run(found)  # an unknown name is refused before the screen opens
    return tui.run(found, screen="type", theme=theme, charset=charset)
