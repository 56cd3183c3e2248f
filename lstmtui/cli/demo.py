"""`lstmtui demo`: a stored run, played back on the screens."""

from __future__ import annotations

from typing import Annotated

import typer

from lstmtui.cli.screen_options import Charset, Theme
from lstmtui.runs.replay import SECONDS
from lstmtui.runs.replay import demo as play


def demo(
    seconds: Annotated[
        float, typer.Option("--seconds", min=1, max=600, metavar="NUMBER", help="How long it takes.")
    ] = SECONDS,
    theme: Theme = None,
    charset: Charset = None,
) -> int:
    """Watch a run that was recorded, played back in 20 seconds: the screens as they are while a network learns.

    An LSTM of two layers of 48 units learns English by characters; nothing is computed, and nothing is left behind.
    """
    from lstmtui import tui

    tui.require_terminal("lstmtui train")
    with play(seconds) as run:
        return tui.run(str(run.path), screen="live", theme=theme, charset=charset)
