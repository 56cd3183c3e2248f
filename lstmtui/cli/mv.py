"""`lstmtui mv OLD NEW`."""

from __future__ import annotations

from typing import Annotated

import typer

from lstmtui.cli.options import RunsDir, recognise, run_names
from lstmtui.cli.output import say
from lstmtui.runs import folder


def mv(
    old: Annotated[
        str,
        typer.Argument(metavar="OLD", help="The run, by name or path.", autocompletion=run_names, show_default=False),
    ],
    new: Annotated[str, typer.Argument(metavar="NEW", help="What to call it from now on.", show_default=False)],
    runs_dir: RunsDir = None,
) -> int:
    """Give a run another name. A run that trains has to be stopped first."""
    run = recognise(old, runs_dir)
    renamed = folder.rename(run, new)
    say(f"Run '{run.name}' is now '{renamed.name}'.")
    return 0
