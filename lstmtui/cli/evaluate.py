"""`lstmtui evaluate RUN FILE`."""

from __future__ import annotations

from typing import Annotated

import typer

from lstmtui.cli.options import AsJson, Run, RunsDir, recognise
from lstmtui.cli.output import emit, emit_json, figures


def evaluate(
    run: Run,
    files: Annotated[list[str], typer.Argument(metavar="FILE...", help="Text that the run has not seen.")],
    json: AsJson = False,
    runs_dir: RunsDir = None,
) -> int:
    """Measure how well a trained run predicts a text."""
    from lstmtui import api
    from lstmtui.data.corpus import resolve

    found = recognise(run, runs_dir)
    resolve(files).check()
    with api.Model(found) as model:
        result = model.ask("evaluate", files=files)
    if json:
        emit_json({"run": found.name, "files": files, **result})
    else:
        emit(figures(result))
    return 0
