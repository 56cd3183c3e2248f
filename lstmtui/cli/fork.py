"""`lstmtui fork RUN [KEY=VALUE...]`."""

from __future__ import annotations

from typing import Annotated

import typer

from lstmtui.cli.options import Run, RunsDir, parse_changes, resolve_run, run_argument
from lstmtui.cli.output import notify, write


def fork(
    run: Run,
    changes: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="KEY=VALUE",
            help="Settings of the fork that differ, such as lr=0.001 or steps=5000.",
            show_default=False,
        ),
    ] = None,
    at: Annotated[str, typer.Option("--from", metavar="WHERE", help="latest, best, or a step.")] = "latest",
    name: Annotated[str | None, typer.Option(metavar="NAME", help="What to call the fork (auto).")] = None,
    runs_dir: RunsDir = None,
) -> int:
    """Make a new run that begins at a checkpoint of another, for example: lstmtui fork diary --from best lr=0.001."""
    from lstmtui.client import runs

    found = resolve_run(run, runs_dir)
    child, step = runs.fork(found, at=at, name=name, changes=dict(parse_changes(changes or [])))
    write(child.name)
    notify(f"It begins at step {step} of '{found.name}'; 'lstmtui resume {run_argument(child)}' starts it.")
    return 0
