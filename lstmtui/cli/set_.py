"""`lstmtui set RUN KEY=VALUE...`."""

from __future__ import annotations

from typing import Annotated

import typer

from lstmtui import config
from lstmtui.cli import request
from lstmtui.cli.options import Run, RunsDir, parse_changes, resolve_run
from lstmtui.cli.output import notify
from lstmtui.runs import requests


def set_(
    run: Run,
    changes: Annotated[list[str], typer.Argument(metavar="KEY=VALUE", help=f"KEY is one of {', '.join(config.LIVE)}.")],
    runs_dir: RunsDir = None,
) -> int:
    """Change settings of a run while it trains, for example: lstmtui set diary lr=0.001."""
    found = resolve_run(run, runs_dir)
    pairs = parse_changes(changes)
    for key, value in pairs:
        requests.parse_change(key, value)  # all are checked before the first is sent
    for key, value in pairs:
        answer = request.send(found, "set", key=key, value=value)
        if answer is None:
            raise request.not_answered(found)
        notify(answer)
    return 0
