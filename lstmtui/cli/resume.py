"""`lstmtui resume [RUN]`."""

from __future__ import annotations

from lstmtui.cli.options import AsJson, Detach, RunOrLatest, RunsDir, recognise, short
from lstmtui.cli.output import emit_json, say


def resume(run: RunOrLatest = "latest", detach: Detach = False, json: AsJson = False, runs_dir: RunsDir = None) -> int:
    """Continue a run from its newest checkpoint, exactly where it was."""
    from lstmtui import api, config
    from lstmtui.cli.follow import follow
    from lstmtui.errors import LockedError
    from lstmtui.runs.folder import engine_alive
    from lstmtui.runs.reader import RunReader

    found = recognise(run, runs_dir)
    config.load(found.config)  # a damaged run is refused here, in one sentence
    name = short(found)
    if engine_alive(found):
        raise LockedError(f"Run '{found.name}' is already training; 'lstmtui show {name}' tells how far it is.")
    say(f"Run {found.name} in {found.path}")
    before = RunReader(found).refresh()
    process = api.start(found)
    if detach:
        say(f"It trains on its own now: 'lstmtui show {name}', 'lstmtui stop {name}', or 'lstmtui' to watch.")
        if json:
            emit_json({"run": found.name, "path": str(found.path), "pid": process.pid})
        return 0
    return follow(found, process, before=before, as_json=json)
