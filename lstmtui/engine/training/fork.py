"""Fork of a run: a new run that continues from a checkpoint of another one.

    python -m lstmtui.engine.training.fork [--from best] PARENT CHILD [KEY=VALUE ...]

Prints one JSON object: {"step": ...}, or {"error": sentence, "exit_code": n}. The parent may train at the same time.

The child gets the checkpoint with its moments and states, the tokenizer, and the lines of metrics and samples up to
that step, so that its curves include its parent's. Settings that determine the tensors or the text cannot change.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path
from typing import Any

from lstmtui import config
from lstmtui.common.files import append_json_line, write_atomically
from lstmtui.common.opening import open_temporary, open_to_read
from lstmtui.engine import checkpoint, step_plan
from lstmtui.engine.answering import error_answer, write_line
from lstmtui.engine.checkpoint import Checkpoint
from lstmtui.engine.training.progress import progress_from
from lstmtui.errors import LstmtuiError, UsageError
from lstmtui.runs.creation import draft_folder
from lstmtui.runs.folder import RunFolder

CHANGEABLE = (
    *(name for name in config.LIVE if name != "bptt"),
    "steps", "schedule", "lr_end", "patience", "seed", "log_every", "eval_every", "save_every",
)  # fmt: skip
"""Settings that a fork may change."""


def fork(parent: RunFolder, child: RunFolder, *, at: str = "latest", changes: dict[str, str]) -> int:
    """Write the folder of `child` and return its first step.

    at    "latest", "best", or the step of a checkpoint

    Raises UsageError if the fork is impossible, CorruptError for a damaged checkpoint, OSError.
    """
    settings = _child_settings(config.load(parent.config), changes)
    source = _parent_checkpoint(parent, at)
    plan = step_plan.stored(parent)
    if plan is None:
        raise UsageError(f"Run '{parent.name}' has not started to train yet, so there is nothing to fork.")
    if settings.length.steps is not None:
        plan = plan.ending_at(settings.length.steps)
    if plan.total <= source.step:
        raise UsageError(
            f"Step {source.step} is the end of the schedule of run '{parent.name}'; give the fork more steps, "
            f"for example steps={2 * source.step or 1000}."
        )
    progress_from(source)  # raises before anything is written
    with draft_folder(child) as draft:
        _fill(draft, parent, settings, source, plan, changes)
    return source.step


def _fill(
    child: RunFolder,
    parent: RunFolder,
    settings: config.RunSettings,
    source: Checkpoint,
    plan: step_plan.Plan,
    changes: dict[str, str],
) -> None:
    """Write all files of the fork."""
    _copy(parent.tokenizer, child.tokenizer)
    for path in (parent.metrics, parent.samples):
        _copy(path, child.path / path.name, source.about["offsets"].get(path.name, 0))
    stored = progress_from(source).as_dict()
    best = stored["best_step"]
    if checkpoint.path_for(parent, best) not in checkpoint.list_paths(parent):
        # The parent has replaced it by a better one since; the child's first evaluation sets a new best.
        best, stored = -1, {**stored, "best_step": -1, "best_value": None}
    about = {**source.about, "progress": _child_progress(stored, changes, source.step)}
    checkpoint.save(child, source.step, source.tensors, about)
    if best >= 0:
        if best != source.step:
            _copy(checkpoint.path_for(parent, best), checkpoint.path_for(child, best))
        checkpoint.mark_best(child, best, stored["decides"], stored["best_value"])
    step_plan.store(child, plan)
    append_json_line(child.events, {"event": "forked", "step": source.step, "parent": parent.name, **changes})
    write_atomically(child.config, config.dump(settings).encode())


def _child_settings(parent: config.RunSettings, changes: dict[str, str]) -> config.RunSettings:
    for key in changes:
        if key not in CHANGEABLE:
            raise UsageError(
                f"'{key}' cannot change in a fork{config.nearest(key, CHANGEABLE)}; these can: {', '.join(CHANGEABLE)}."
            )
    values = {key: config.convert(key, value, "fork") for key, value in changes.items()}
    if values.get("steps") is not None:
        values |= {"minutes": None, "epochs": None}
    return parent.changed(**values)


def _parent_checkpoint(run: RunFolder, at: str) -> Checkpoint:
    if at == "best":
        if checkpoint.best_path(run) is None:
            raise UsageError(f"Run '{run.name}' has no best checkpoint yet; fork its latest.")
        source = checkpoint.best(run)
    elif at == "latest":
        source = checkpoint.newest(run)
    else:
        steps = [path.stem.removeprefix("step-").lstrip("0") or "0" for path in checkpoint.list_paths(run)]
        if at not in steps:
            raise UsageError(f"Run '{run.name}' has no checkpoint of step {at}; it has {', '.join(steps) or 'none'}.")
        source = checkpoint.load(checkpoint.path_for(run, int(at)))
    if source is None:
        raise UsageError(f"Run '{run.name}' has no checkpoint yet; save one first.")
    return source


def _child_progress(progress: dict[str, Any], changes: dict[str, str], step: int) -> dict[str, Any]:
    """Return the counters, without the live changes that the fork overrides."""
    return {
        **progress,
        "live": {key: value for key, value in progress["live"].items() if key not in changes},
        "changes": [],
        "anchors": [step],
        "worse": 0,
    }


def _copy(source: Path, target: Path, size: int | None = None) -> None:
    """Copy a file; with `size`, copy its first bytes, and nothing if it is missing."""
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
    """Fork a run, print the result, and return an exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m lstmtui.engine.training.fork", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("parent", type=Path)
    parser.add_argument("child", type=Path)
    parser.add_argument("--from", dest="at", default="latest", help="latest, best, or a step")
    parser.add_argument("changes", nargs="*", help="KEY=VALUE")
    args = parser.parse_args(arguments)
    changes = {key: value for key, _, value in (change.partition("=") for change in args.changes)}
    try:
        step = fork(RunFolder(args.parent), RunFolder(args.child), at=args.at, changes=changes)
    except LstmtuiError as error:
        write_line(error_answer(error))
        return error.exit_code
    except OSError as error:
        message = f"The fork cannot be written to {args.child} ({error.strerror or error})."
        write_line(error_answer(LstmtuiError(message)))
        return 1
    write_line({"step": step})
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
