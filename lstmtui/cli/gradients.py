"""`lstmtui gradients [RUN]`: how far back the gradients of a run's best checkpoint reach."""

from __future__ import annotations

from typing import Annotated

import typer

from lstmtui.cli.options import AsJson, RunOrLatest, RunsDir, resolve_run
from lstmtui.cli.output import write, write_json
from lstmtui.errors import CorruptError


def gradients(
    run: RunOrLatest = "latest",
    lags: Annotated[
        int, typer.Option("--lags", min=1, max=2000, metavar="INTEGER", help="How many steps to look back.")
    ] = 100,
    json: AsJson = False,
    runs_dir: RunsDir = None,
) -> int:
    """Measure how gradients vanish or grow backwards through time, and how long the units remember.

    Training measures this at every evaluation; the screens (g, when a run is shown) and 'lstmtui plot' draw it.
    """
    from lstmtui.client.model import Model
    from lstmtui.reports.gradient_flow import describe_half_life, parse_flow

    found = resolve_run(run, runs_dir)
    with Model(found) as model:
        answer = model.ask("gradients", lags=lags)
    if json:
        write_json({"run": found.name, **answer})
        return 0
    flow = parse_flow(answer)
    if flow is None:
        raise CorruptError(f"The gradients of run '{found.name}' cannot be read; is it of another version?")
    write(f"{found.name}  {flow.cell}, step {flow.step}")
    names = [flow.name(layer) for layer in range(flow.layers)]
    width = max(map(len, names))
    for layer, name in enumerate(names):
        for state in ("h", "c") if flow.c.size else ("h",):
            write(f"  {name:<{width}}  dL/d{state} {flow.verdict(layer, state).words}")
        if half_life := describe_half_life(flow.half_life[layer]):
            write(f"  {'':<{width}}  {half_life}")
    return 0
