"""Create a run, start its engine process, fork it.

    run = create(settings, name="diary")
    start(run)                                   # python -m lstmtui.engine RUN_FOLDER, a process of its own

The engine process outlives this one: closing a screen or a terminal never ends a training run.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from lstmtui import config
from lstmtui.client.process import Child, command
from lstmtui.common.files import write_atomically
from lstmtui.common.opening import open_to_append
from lstmtui.common.paths import runs_root
from lstmtui.errors import LstmtuiError, UsageError
from lstmtui.runs.creation import draft_folder
from lstmtui.runs.folder import RunFolder, is_imported, is_occupied
from lstmtui.runs.names import check_run_name, free_run_name

if TYPE_CHECKING:
    from lstmtui.data.open import Data


def create(
    settings: config.Settings,
    *,
    name: str | None = None,
    root: Path | None = None,
    text: Path | None = None,
    data: Data | None = None,
) -> RunFolder:
    """Check the corpus, let the recipe choose the settings that are not given, and write a new run folder.

    text    a file of the corpus, in the folder of runs, that exists for this run alone; it is moved into the run
    data    what `open_data` returns for the settings, where it has been read
    Raises UsageError for a corpus or a name that cannot be used.
    """
    from lstmtui.data.open import open_data
    from lstmtui.data.reading import absolute_names

    if settings.log == "tensorboard":
        from lstmtui.exchange.tensorboard import require_package

        require_package()
    root = root or runs_root()
    corpus = open_data(config.DataSettings.of(settings)) if data is None else data
    resolved = corpus.resolve(settings).changed(  # with absolute paths, so that it can be resumed from any folder
        corpus=absolute_names(settings.corpus),
        valid=absolute_names(settings.valid),
        test=absolute_names(settings.test),
    )
    name = (
        check_run_name(name)
        if name is not None
        else free_run_name(root, f"{Path(settings.corpus[0]).stem}-{settings.cell}")
    )
    run = RunFolder(root / name)
    if text is not None:
        own = str(run.text.absolute())
        names = tuple(own if one == str(text.absolute()) else one for one in resolved.data.corpus)
        resolved = resolved.changed(corpus=names)
    return write(resolved, run, text=text)


def write(settings: config.RunSettings, run: RunFolder, *, text: Path | None = None) -> RunFolder:
    """Write the folder of a run with `settings`, as a whole or not at all; `text` moves into it."""
    try:
        with draft_folder(run) as draft:
            if text is not None:
                os.replace(text, draft.text)
            write_atomically(draft.config, config.dump(settings).encode())
    except OSError as error:
        raise LstmtuiError(f"The run folder {run.path} cannot be written ({error.strerror or error}).") from error
    return run


def start(
    run: RunFolder, device: str | None = None, *, more: tuple[str, float] | None = None
) -> subprocess.Popen[bytes]:
    """Start the engine on `run`, from its newest checkpoint if it has one, as a process that outlives this one.

    device    "auto", "cpu" or "cuda"; None: the one of the run's settings
    more      how much longer to train, such as ("steps", 500); the unit is one of config.LENGTHS
    Raises UsageError for an imported run, LstmtuiError.
    """
    if is_imported(run):
        raise UsageError(
            f"Run '{run.name}' has no text to train on; 'lstmtui train FILE --from {run.name}' trains a new run "
            f"that begins with its weights."
        )
    # In a session of its own: Ctrl-C and a closing terminal reach the front end alone, which asks the engine to stop.
    options = [*([device] if device else []), *(["{}={}".format(*more)] if more else [])]
    try:
        log = open_to_append(run.log)
    except OSError as error:
        raise LstmtuiError(f"{run.log} cannot be written ({error.strerror or error}).") from error
    with log:
        return subprocess.Popen(
            command("lstmtui.engine", str(run.path), *options),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


def fork(
    run: RunFolder, *, at: str = "latest", name: str | None = None, changes: dict[str, str] | None = None
) -> tuple[RunFolder, int]:
    """Make a run beside `run` that begins at one of its checkpoints, and return it, not started, with its step.

    at         "latest", "best" or a step
    changes    settings that differ, as text
    Raises UsageError, CorruptError, LstmtuiError.
    """
    root = run.path.parent
    child = RunFolder(root / (check_run_name(name) if name is not None else free_run_name(root, f"{run.name}-fork")))
    if is_occupied(child.path):
        raise UsageError(f"There is already a run '{child.name}'; choose another name.")
    settings = [f"{key}={value}" for key, value in (changes or {}).items()]
    arguments = [f"--from={at}", str(run.path), str(child.path), *settings]
    with contextlib.closing(Child("The fork", "lstmtui.engine.training.fork", *arguments)) as process:
        return child, int(process.first_answer()["step"])
