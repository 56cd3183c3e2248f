"""`lstmtui mv OLD NEW`."""

from __future__ import annotations

from typing import Annotated

import typer

from lstmtui.cli.options import RunsDir, resolve_run, run_names
from lstmtui.cli.output import notify
from lstmtui.common.files import read_json
from lstmtui.errors import CorruptError
from lstmtui.runs.folder import RunFolder
from lstmtui.runs.names import rename_run


def mv(
    old: Annotated[
        str,
        typer.Argument(metavar="OLD", help="The run, by name or path.", autocompletion=run_names, show_default=False),
    ],
    new: Annotated[str, typer.Argument(metavar="NEW", help="What to call it from now on.", show_default=False)],
    runs_dir: RunsDir = None,
) -> int:
    """Give a run another name. A run that trains has to be stopped first."""
    run = resolve_run(old, runs_dir)
    renamed = rename_run(run, new)
    _keep_tokens(renamed)
    notify(f"Run '{run.name}' is now '{renamed.name}'.")
    return 0


def _keep_tokens(run: RunFolder) -> None:
    """Let the cache know under which name the run needs its tokens now."""
    from lstmtui.data import corpus

    try:
        plan = read_json(run.plan)
    except CorruptError:
        return
    if plan is not None and isinstance(digest := plan.get("corpus"), str):
        corpus.retain_dataset(digest, run.path)
