"""A new run that begins where another stood.

    python -m lstmtui.engine.training.fork [--from best] PARENT CHILD [KEY=VALUE ...]

Prints one JSON object: {"step": ...}, or {"error": sentence, "exit_code": n}. The parent may be training meanwhile.

The child gets the checkpoint with its moments and states, the tokenizer, and the lines of metrics and samples up to
there, so that its curve begins with its parent's. RunSettings that shape the tensors or the text stay.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path
from typing import Any

from lstmtui import config
from lstmtui.common.files import append_json_line, to_json, write_atomically
from lstmtui.common.opening import open_temporary, open_to_read
from lstmtui.engine import checkpoint, step_plan
from lstmtui.engine.checkpoint import Checkpoint
from lstmtui.engine.training.progress import progress_from
from lstmtui.errors import LstmtuiError, UsageError
from lstmtui.runs.creation import draft_folder
from lstmtui.runs.folder import RunFolder

CHANGEABLE = (
    *(name for name in config.LIVE if name != "bptt"),
    "steps", "schedule", "lr_end", "patience", "seed", "log_every", "eval_every", "save_every",
)  # fmt: skip
"""RunSettings that a fork may begin with another value of."""


def fork(parent: RunFolder, child: RunFolder, *, at: str = "latest", changes: dict[str, str]) -> int:
    """Write the folder of `child` and return the step it begins at.

    at    "latest", "best", or a step of which there is a checkpoint
    Raises UsageError for what cannot be forked, CorruptError for a damaged checkpoint, OSError.
    """
    settings = _settings(config.load(parent.config), changes)
    found = _checkpoint(parent, at)
    made = step_plan.stored(parent)
    if made is None:
        raise UsageError(f"Run '{parent.name}' has not begun to train yet, so there is nothing to fork.")
    if settings.length.steps is not None:
        made = made.ending_at(settings.length.steps)
    if made.total <= found.step:
        raise UsageError(
            f"Step {found.step} is where the schedule of run '{parent.name}' ends; give the fork more steps, "
            f"for example steps={2 * found.step or 1000}."
        )
    progress_from(found)  # refused here, before anything is written
    with draft_folder(child) as draft:
        _fill(draft, parent, settings, found, made, changes)
    return found.step


def _fill(
    child: RunFolder,
    parent: RunFolder,
    settings: config.RunSettings,
    found: Checkpoint,
    made: step_plan.Plan,
    changes: dict[str, str],
) -> None:
    """Write all files of the fork."""
    _copy(parent.tokenizer, child.tokenizer)
    for path in (parent.metrics, parent.samples):
        _copy(path, child.path / path.name, found.about["offsets"].get(path.name, 0))
    stored = found.about["progress"]
    best = stored["best_step"]
    if checkpoint.path_for(parent, best) not in checkpoint.list_paths(parent):
        # A better one has taken its place since; the child's first evaluation finds its own.
        best, stored = -1, {**stored, "best_step": -1, "best_nll": None}
    about = {**found.about, "progress": _progress(stored, changes, found.step)}
    checkpoint.save(child, found.step, found.tensors, about)
    if best >= 0:
        if best != found.step:
            _copy(checkpoint.path_for(parent, best), checkpoint.path_for(child, best))
        checkpoint.mark_best(child, best, stored["best_nll"])
    step_plan.store(child, made)
    append_json_line(child.events, {"event": "forked", "step": found.step, "parent": parent.name, **changes})
    write_atomically(child.config, config.dump(settings).encode())


def _settings(parent: config.RunSettings, changes: dict[str, str]) -> config.RunSettings:
    for key in changes:
        if key not in CHANGEABLE:
            raise UsageError(
                f"'{key}' cannot change in a fork{config.nearest(key, CHANGEABLE)}; these can: {', '.join(CHANGEABLE)}."
            )
    values = {key: config.convert(key, value, "fork") for key, value in changes.items()}
    if values.get("steps") is not None:
        values |= {"minutes": None, "epochs": None}
    return parent.changed(**values)


def _checkpoint(run: RunFolder, at: str) -> Checkpoint:
    if at == "best":
        if checkpoint.best_path(run) is None:
            raise UsageError(f"Run '{run.name}' has no best checkpoint yet; fork its latest.")
        found = checkpoint.best(run)
    elif at == "latest":
        found = checkpoint.newest(run)
    else:
        steps = [path.stem.removeprefix("step-").lstrip("0") or "0" for path in checkpoint.list_paths(run)]
        if at not in steps:
            raise UsageError(f"Run '{run.name}' has no checkpoint of step {at}; it has {', '.join(steps) or 'none'}.")
        found = checkpoint.load(checkpoint.path_for(run, int(at)))
    if found is None:
        raise UsageError(f"Run '{run.name}' has no checkpoint yet; save one first.")
    return found


def _progress(progress: dict[str, Any], changes: dict[str, str], step: int) -> dict[str, Any]:
    """Return the counters, without those live changes that the fork makes anew."""
    return {
        **progress,
        "live": {key: value for key, value in progress["live"].items() if key not in changes},
        "changes": [],
        "anchors": [step],
        "worse": 0,
    }


def _copy(source: Path, target: Path, size: int | None = None) -> None:
    """Copy a file, or the first `size` bytes of one that may be missing."""
    try:
        read = open_to_read(source)
    except FileNotFoundError:
        if size is None:
            raise
        return
    with read, open_temporary(target) as write:
        if size is None:
            shutil.copyfileobj(read, write)
        else:
            write.write(read.read(size))


def main(arguments: list[str]) -> int:
    """Fork, print, and return an exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m lstmtui.engine.training.fork", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("parent", type=Path)
    parser.add_argument("child", type=Path)
    parser.add_argument("--from", dest="at", default="latest", help="latest, best, or a step")
    parser.add_argument("changes", nargs="*", help="KEY=VALUE")
    given = parser.parse_args(arguments)
    changes = {key: value for key, _, value in (change.partition("=") for change in given.changes)}
    try:
        step = fork(RunFolder(given.parent), RunFolder(given.child), at=given.at, changes=changes)
    except LstmtuiError as error:
        print(to_json({"error": str(error), "exit_code": error.exit_code}))
        return error.exit_code
    except OSError as error:
        said = f"The fork cannot be written to {given.child} ({error.strerror or error})."
        print(to_json({"error": said, "exit_code": 1}))
        return 1
    print(to_json({"step": step}))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
