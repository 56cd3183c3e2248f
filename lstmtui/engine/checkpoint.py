"""Checkpoints: everything that a run needs to resume exactly, in one checksummed safetensors file.

    tensors    weights.NAME, ema.NAME, m.NAME, v.NAME (optimizer moments, in the arena's names), state.L.h, state.L.c
    metadata   lstmtui: one JSON object with format, step, progress, identity, and a digest of everything

The safetensors library neither syncs files nor detects flipped bits, and holds a file twice in memory to write it.
Therefore files are written and verified here.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import safetensors

from lstmtui.common.files import (
    FormatError,
    check_types,
    list_names,
    parse_object,
    read_json,
    sync_folder,
    to_json,
    write_atomically,
)
from lstmtui.common.opening import open_regular, private_folder
from lstmtui.errors import CorruptError, UnreadableError
from lstmtui.runs.folder import RunFolder

FORMAT = 1
MAX_RECENT = 2
"""Newest checkpoints that stay, besides the best."""

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The content of one file."""

    step: int
    tensors: dict[str, Array]
    about: dict[str, Any]
    """Identity (cell, sizes, tokenizer digest) and progress, as given to `save`."""


class _Digest:
    """SHA-256 over `about` and the names, types, shapes and bytes of all tensors, by name."""

    def __init__(self, about: dict[str, Any]) -> None:
        self._digest = hashlib.sha256(to_json(about).encode())

    def add(self, name: str, tensor: Array) -> None:
        tensor = np.ascontiguousarray(tensor)
        self._digest.update(f"\n{name} {tensor.dtype.str} {tensor.shape}\n".encode())
        self._digest.update(tensor.data.cast("B") if tensor.size else b"")

    def hex(self) -> str:
        return self._digest.hexdigest()


def _digest(tensors: dict[str, Array], about: dict[str, Any]) -> str:
    digest = _Digest(about)
    for name in sorted(tensors):
        digest.add(name, tensors[name])
    return digest.hex()


def path_for(run: RunFolder, step: int) -> Path:
    """Return the path of the checkpoint of `step`."""
    return run.checkpoints / f"step-{step:08d}.safetensors"


def save(
    run: RunFolder, step: int, tensors: dict[str, Array], about: dict[str, Any], keep: Collection[int] = ()
) -> Path:
    """Write the checkpoint of `step`, then remove those that are neither recent nor the best nor of a step in `keep`.

    Raises OSError when it cannot be written; the checkpoint before it is unchanged then.
    """
    path = write(run, step, tensors, about)
    _remove_old(run, {path_for(run, each) for each in keep})
    return path


def write(run: RunFolder, step: int, tensors: dict[str, Array], about: dict[str, Any]) -> Path:
    """Write the checkpoint of `step`. Raises OSError; a file that was there before is unchanged then."""
    private_folder(run.checkpoints)
    # The digest must cover the values as they will be read back from JSON.
    about = json.loads(to_json({"format": FORMAT, "step": step, **about}))
    metadata = {"lstmtui": to_json({**about, "digest": _digest(tensors, about)})}
    path = path_for(run, step)
    write_atomically(path, _encode(tensors, metadata))
    return path


def _encode(tensors: dict[str, Array], metadata: dict[str, str]) -> Iterator[bytes | memoryview]:
    """Yield a safetensors file in parts: its header, then the tensors without copies of them.

    The format is described in the documentation of the library: 8 bytes with the size of the header, the header in
    JSON, padded with spaces so that numbers are aligned, and the contiguous tensors, the widest numbers first.
    """
    order = sorted(tensors, key=lambda name: (-tensors[name].dtype.itemsize, name))
    header: dict[str, Any] = {"__metadata__": metadata}
    end = 0
    for name in order:
        tensor = tensors[name]
        begin, end = end, end + tensor.nbytes
        dtype, shape = _DTYPES[tensor.dtype.type], list(tensor.shape)
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}
    encoded = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    encoded += b" " * (-len(encoded) % 8)
    yield len(encoded).to_bytes(8, "little") + encoded
    for name in order:
        if tensors[name].size:
            yield np.ascontiguousarray(tensors[name]).data.cast("B")


_DTYPES: dict[type[np.generic], str] = {np.float32: "F32", np.float64: "F64"}


def _remove_old(run: RunFolder, keep: Collection[Path]) -> None:
    """Remove checkpoints that are neither recent nor the best nor in `keep`; none if the best is unknown.

    Files that cannot be removed stay until the next save.
    """
    try:
        found, best = list_paths(run), best_path(run)
    except CorruptError:
        return
    for path in found[MAX_RECENT:]:
        if path != best and path not in keep:
            with contextlib.suppress(OSError):
                path.unlink()


def remove_after(run: RunFolder, step: int) -> None:
    """Remove all checkpoints after `step`. Raises OSError, CorruptError.

    The oldest is removed first: while the newest exists, a resume begins there as if none had been removed.
    """
    for path in reversed(list_paths(run)):
        if step_from(path) > step:
            path.unlink(missing_ok=True)
    sync_folder(run.checkpoints)


_NAME = re.compile(r"step-\d{8,}\.safetensors")


def step_from(path: Path) -> int:
    """Return the step in the name of a checkpoint."""
    return int(path.stem.removeprefix("step-"))


def list_paths(run: RunFolder) -> list[Path]:
    """Return the run's checkpoints, newest first. Raises UnreadableError."""
    try:
        names = [name for name in list_names(run.checkpoints) if _NAME.fullmatch(name)]
    except OSError as error:
        raise UnreadableError(f"{run.checkpoints} cannot be read ({error.strerror or error}).") from error
    return sorted((run.checkpoints / name for name in names), key=step_from, reverse=True)


def mark_best(run: RunFolder, step: int, figure: str, value: float) -> None:
    """Record the checkpoint of `step` as the best, with its decisive figure. Raises OSError."""
    record = {"file": path_for(run, step).name, figure: value}
    write_atomically(run.checkpoints / "best.json", to_json(record).encode())


def best_path(run: RunFolder) -> Path | None:
    """Return the path of the best checkpoint; None if none is recorded or its file is gone.

    Raises CorruptError if the record cannot be read.
    """
    path = run.checkpoints / "best.json"
    record = read_json(path)
    if record is None:
        return None
    try:
        check_types(record, {"file": (str,)})
    except FormatError as error:
        raise CorruptError(f"{path} is damaged ({error}).") from error
    return next((found for found in list_paths(run) if found.name == record["file"]), None)


def load(path: Path, only: tuple[str, ...] = ("",)) -> Checkpoint:
    """Read and verify one checkpoint, and return the tensors whose names begin with one of `only`.

    Raises CorruptError for a damaged file, UnreadableError where the system refuses to read it.
    """
    tensors = {}
    try:
        os.close(open_regular(path))  # the library would block on a FIFO, and follow a link
        with safetensors.safe_open(path, framework="numpy") as file:
            about = parse_object(file.metadata()["lstmtui"])
            check_types(about, {"digest": (str,), "format": (int,), "step": (int,)})
            digest, version, step = about.pop("digest"), about["format"], about["step"]
            found = _Digest(about)
            for name in sorted(file.keys()):
                tensor = file.get_tensor(name)
                found.add(name, tensor)
                if name.startswith(only):
                    tensors[name] = tensor
    except OSError as error:
        raise UnreadableError(f"The checkpoint {path} cannot be read ({error.strerror or error}).") from error
    except (safetensors.SafetensorError, ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
        raise CorruptError(f"The checkpoint {path} is damaged; an older one or the best may still be good.") from error
    if version != FORMAT:
        raise CorruptError(f"The checkpoint {path} has format {version}, this lstmtui reads {FORMAT}; update lstmtui.")
    if digest != found.hex():
        raise CorruptError(f"The checkpoint {path} does not match its digest; an older one or the best may be good.")
    return Checkpoint(step, tensors, about)


def newest(run: RunFolder, warn: Any = lambda message: None, only: tuple[str, ...] = ("",)) -> Checkpoint | None:
    """Return the newest checkpoint that verifies, None if there are none; `warn` is called for each damaged one.

    `only` as in `load`. Raises CorruptError if there are checkpoints and none verifies.
    """
    last: CorruptError | None = None
    for path in list_paths(run):
        try:
            return load(path, only)
        except CorruptError as error:
            warn(str(error))
            last = error
    if last is not None:
        raise CorruptError(f"No checkpoint of run '{run.name}' can be read: {last}")
    return None


def best(run: RunFolder, warn: Any = lambda message: None, only: tuple[str, ...] = ("",)) -> Checkpoint | None:
    """Return the best checkpoint, or the newest that verifies if no best one is recorded or it is damaged.

    Raises UnreadableError where the system refuses to read it: another one would be mistaken for the best.
    """
    try:
        path = best_path(run)
        if path is not None:
            return load(path, only)
    except UnreadableError:
        raise
    except CorruptError as error:
        warn(str(error))
    return newest(run, warn, only)


def is_finite(found: Checkpoint) -> bool:
    """Return whether every number of a checkpoint is finite."""
    return all(bool(np.isfinite(tensor).all()) for tensor in found.tensors.values())


def restore(arena_views: dict[str, Array], tensors: dict[str, Array], prefix: str, where: str) -> None:
    """Copy tensors `prefix.NAME` into `arena_views`. Raises CorruptError for a missing one or another shape."""
    for name, view in arena_views.items():
        tensor = tensors.get(f"{prefix}.{name}")
        if tensor is None or tensor.shape != view.shape or tensor.dtype != view.dtype:
            found = "nothing" if tensor is None else f"{tensor.dtype}{tensor.shape}"
            raise CorruptError(
                f"{where} does not fit this run: {prefix}.{name} should be {view.dtype}{view.shape}, it holds {found}."
            )
        view[...] = tensor
