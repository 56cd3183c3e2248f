"""`lstmtui rm RUN...`."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from lstmtui.cli.options import RunsDir, run_names
from lstmtui.cli.output import notify
from lstmtui.errors import UsageError
from lstmtui.runs import listing, removal


def rm(
    runs: Annotated[list[str], typer.Argument(metavar="RUN", help="Runs to remove.", autocompletion=run_names)],
    yes: Annotated[bool, typer.Option("--yes", "-y", metavar="", help="Do not ask.")] = False,
    runs_dir: RunsDir = None,
) -> int:
    """Remove runs with their checkpoints permanently."""
    root = runs_dir.expanduser() if runs_dir else None
    found = [listing.find_removable_run(name, root) for name in runs]
    names = ", ".join(f"'{run.name}'" for run in found)
    if not yes:
        if not sys.stdin.isatty():
            raise UsageError(f"Removing {names} needs a confirmation on a terminal, or --yes.")
        typer.confirm(f"Remove {names} with all checkpoints?", abort=True, err=True)
    for run in found:
        left = removal.remove_run(run)
        notify(f"Removed '{run.name}'." + (f" Left other files: {', '.join(left)}." if left else ""))
    return 0
