"""The run that comes with the program: a language model of everyday English, called `base`.

The package holds it in base/run.zip, beside base/card.toml. Commands use a copy, `.base/base` in the folder of runs,
which is unpacked when the run is first named and which no list of runs shows. The index, the profile and whatever else
is written for it lie in the copy; the package is only read. A newer version replaces the copy's files, and leaves the
profile.

    run.zip   files of a run that has ended, and its weights in three parts, which together take a third of a checkpoint
              weights.head   the header of the checkpoint, whose tensors are float32, one after the other
              weights.high, weights.low   the two bytes of each number in bfloat16, the upper half of float32
              Its comment is the version.
"""

from __future__ import annotations

import contextlib
import json
import tomllib
import zipfile
from collections.abc import Iterator
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from lstmtui.common.files import read_file, write_atomically
from lstmtui.common.opening import private_folder
from lstmtui.errors import LstmtuiError
from lstmtui.runs.folder import RunFolder, is_run

NAME = "base"
FOLDER = ".base"
"""The folder in that of the runs which the copy lies in. Lists leave out names that begin with a dot."""
HEAD, HIGH, LOW = "weights.head", "weights.high", "weights.low"
BEST = "checkpoints/best.json"


def stored_run() -> Traversable:
    """Return the archive in the package."""
    return resources.files("lstmtui") / "base" / "run.zip"


def stored_card() -> Traversable:
    """Return the card in the package."""
    return resources.files("lstmtui") / "base" / "card.toml"


def copy_in(root: Path) -> RunFolder:
    """Return the folder of the copy in a folder of runs."""
    return RunFolder(root / FOLDER / NAME)


def is_base(run: RunFolder) -> bool:
    """Return whether `run` is a copy of the run that comes with the program."""
    return run.name == NAME and run.path.parent.name == FOLDER


def unpacked(root: Path) -> RunFolder | None:
    """Return the copy in a folder of runs, made or renewed if need be; None where the package holds no run.

    Raises LstmtuiError where the copy cannot be written.
    """
    archive = stored_run()
    if not archive.is_file():
        return None
    run = copy_in(root)
    with archive.open("rb") as file, zipfile.ZipFile(file) as contents:
        try:
            if read_file(_version(run)) != contents.comment or not is_run(run.path):
                _unpack(contents, run)
        except OSError as error:
            raise LstmtuiError(
                f"The run that comes with lstmtui cannot be unpacked into {run.path} ({error.strerror or error}); "
                "--runs-dir or LSTMTUI_RUNS names another folder."
            ) from error
    return run


def card() -> dict[str, Any]:
    """Return the card of the run: title, date, data, figures and limits."""
    return tomllib.loads(stored_card().read_text("utf-8"))


def _version(run: RunFolder) -> Path:
    return run.path.parent / "version"


def _unpack(contents: zipfile.ZipFile, run: RunFolder) -> None:
    """Write every file; the version comes last, so that what was interrupted is done again. Raises OSError."""
    run.path.parent.parent.mkdir(parents=True, exist_ok=True)
    for folder in (run.path.parent, run.path, run.checkpoints, run.autocomplete):
        private_folder(folder)
    with contextlib.suppress(FileNotFoundError):
        (run.autocomplete / "biases.npz").unlink()  # differences from the weights of another version
    names = set(contents.namelist()) - {HEAD, HIGH, LOW}
    weights = run.checkpoints / json.loads(contents.read(BEST))["file"]
    write_atomically(weights, _weights(contents))
    # A folder is a run once it has a config.toml: it is written when the rest is there.
    for name in sorted(names, key=lambda name: name == run.config.name):
        write_atomically(run.path / name, contents.read(name))
    for path in run.checkpoints.glob("step-*"):
        if path != weights:
            path.unlink()
    write_atomically(_version(run), contents.comment)


def _weights(contents: zipfile.ZipFile) -> Iterator[bytes]:
    """Yield the parts of the checkpoint."""
    high, low = contents.read(HIGH), contents.read(LOW)
    numbers = bytearray(4 * len(high))
    numbers[2::4], numbers[3::4] = low, high
    yield contents.read(HEAD)
    yield bytes(numbers)
