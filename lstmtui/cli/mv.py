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
    new: Annotated[str, typer.Argument(metavar="NEW", help="The new name.", show_default=False)],
    runs_dir: RunsDir = None,
) -> int:
    """Rename a run. A run that trains must be stopped first."""
    run = resolve_run(old, runs_dir)
    renamed = rename_run(run, new)
    _update_token_reference(renamed)
    notify(f"Run '{run.name}' is now '{renamed.name}'.")
    return 0


def _update_token_reference(run: RunFolder) -> None:
    """Record in the cache the new name of the run that needs its tokens."""
    from lstmtui.data import corpus

    try:
        plan = read_json(run.plan)
    except CorruptError:
        return
    if plan is not None and isinstance(digest := plan.get("corpus"), str):
        corpus.retain_dataset(digest, run.path)
