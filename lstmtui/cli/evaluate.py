"""`lstmtui evaluate RUN FILE`."""

from __future__ import annotations

from typing import Annotated

import typer

from lstmtui.cli.options import AsJson, Run, RunsDir, recognise
from lstmtui.cli.output import emit, emit_json, figures, say


def evaluate(
    run: Run,
    files: Annotated[list[str], typer.Argument(metavar="FILE...", help="Text that the run has not seen.")],
    json: AsJson = False,
    runs_dir: RunsDir = None,
) -> int:
    """Measure how well a trained run predicts a text."""
    from lstmtui import api, config
    from lstmtui.data.corpus import resolve

    found = recognise(run, runs_dir)
    resolve(files).check(config.load(found.config).tokens)
    with api.Model(found) as model:
        result = model.ask("evaluate", files=files)
    if json:
        emit_json({"run": found.name, "files": files, **result})
    else:
        emit(figures(result))
        if result.get("unknown"):
            say(f"{result['unknown']:.1%} of it is not in the run's vocabulary.")
    return 0
