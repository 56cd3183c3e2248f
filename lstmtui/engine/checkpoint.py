"""Checkpoints: list_paths a run needs to go on exactly where it was, in one safetensors file that proves itself whole.

    tensors    weights.NAME, ema.NAME, m.NAME, v.NAME (optimizer moments, in the arena's names), state.L.h, state.L.c
    metadata   lstmtui: one JSON object with format, step, progress, settings that matter for loading, and a digest

safetensors itself neither syncs nor notices a flipped bit, and to write it needs all of a file in memory twice, so
writing and proving are done here.
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
"""How many of the newest checkpoints stay, besides the best."""

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What one file holds."""

    step: int
    tensors: dict[str, Array]
    about: dict[str, Any]
    """Identity (cell, sizes, tokenizer digest) and progress, as given to `save`."""


class _Digest:
    """SHA-256 over `about` and the names, types, shapes and bytes of all tensors, in the order of their names."""

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
    """Return where the checkpoint of `step` stands."""
    return run.checkpoints / f"step-{step:08d}.safetensors"


def save(
    run: RunFolder, step: int, tensors: dict[str, Array], about: dict[str, Any], keep: Collection[int] = ()
) -> Path:
    """Write the checkpoint of `step`, then remove those that are neither the newest nor the best nor of a step to keep.

    Raises OSError when it cannot be written; then the one before it still stands.
    """
    path = write(run, step, tensors, about)
    _tidy(run, {path_for(run, each) for each in keep})
    return path


def write(run: RunFolder, step: int, tensors: dict[str, Array], about: dict[str, Any]) -> Path:
    """Write the checkpoint of `step`. Raises OSError, then what stood there still stands."""
    private_folder(run.checkpoints)
    # What JSON makes of it is what is read back, and so what the digest must cover.
    about = json.loads(to_json({"format": FORMAT, "step": step, **about}))
    metadata = {"lstmtui": to_json({**about, "digest": _digest(tensors, about)})}
    path = path_for(run, step)
    write_atomically(path, _file(tensors, metadata))
    return path


def _file(tensors: dict[str, Array], metadata: dict[str, str]) -> Iterator[bytes | memoryview]:
    """Yield a safetensors file in parts: its header, then tensor after tensor from where they lie.

    See the format's description in the documentation of the library: 8 bytes with the header's size, the header in
    JSON, padded with spaces so that numbers are aligned, and the tensors side by side, the widest numbers first.
    """
    order = sorted(tensors, key=lambda name: (-tensors[name].dtype.itemsize, name))
    header: dict[str, Any] = {"__metadata__": metadata}
    end = 0
    for name in order:
        tensor = tensors[name]
        begin, end = end, end + tensor.nbytes
        kind, shape = _KINDS[tensor.dtype.type], list(tensor.shape)
        header[name] = {"dtype": kind, "shape": shape, "data_offsets": [begin, end]}
    written = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    written += b" " * (-len(written) % 8)
    yield len(written).to_bytes(8, "little") + written
    for name in order:
        if tensors[name].size:
            yield np.ascontiguousarray(tensors[name]).data.cast("B")


_KINDS: dict[type[np.generic], str] = {np.float32: "F32", np.float64: "F64"}


def _tidy(run: RunFolder, keep: Collection[Path]) -> None:
    """Remove what is neither among the newest nor to keep; nothing where it cannot be told which is the best.

    What cannot be removed stays until the next time.
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
    """Remove all checkpoints after that of `step`. Raises OSError, CorruptError.

    The oldest goes first: as long as the newest stands, a resume begins there as if nothing had been removed.
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


def mark_best(run: RunFolder, step: int, nll: float) -> None:
    """Name the checkpoint of `step` as the best. Raises OSError."""
    write_atomically(run.checkpoints / "best.json", to_json({"file": path_for(run, step).name, "nll": nll}).encode())


def best_path(run: RunFolder) -> Path | None:
    """Return the best checkpoint, if one is named and there. Raises CorruptError where that cannot be told."""
    path = run.checkpoints / "best.json"
    named = read_json(path)
    if named is None:
        return None
    try:
        check_types(named, {"file": (str,)})
    except FormatError as error:
        raise CorruptError(f"{path} is damaged ({error}).") from error
    return next((found for found in list_paths(run) if found.name == named["file"]), None)


def load(path: Path, only: tuple[str, ...] = ("",)) -> Checkpoint:
    """Read and prove one checkpoint, tensor by tensor, keeping those whose names begin with one of `only`.

    Raises CorruptError with what is wrong with it, UnreadableError where it cannot be read.
    """
    tensors = {}
    try:
        os.close(open_regular(path))  # the library would wait for a FIFO, and follow a link
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


def newest(run: RunFolder, complain: Any = lambda message: None, only: tuple[str, ...] = ("",)) -> Checkpoint | None:
    """Return the newest checkpoint that verifies; `complain` hears of those passed over. None when there is none.

    `only` as in `load`.

    Raises CorruptError when there are some but none verifies.
    """
    last: CorruptError | None = None
    for path in list_paths(run):
        try:
            return load(path, only)
        except CorruptError as error:
            complain(str(error))
            last = error
    if last is not None:
        raise CorruptError(f"No checkpoint of run '{run.name}' can be read: {last}")
    return None


def best(run: RunFolder, complain: Any = lambda message: None, only: tuple[str, ...] = ("",)) -> Checkpoint | None:
    """Return the best checkpoint, or the newest that verifies where no best one is named or it is damaged.

    Raises UnreadableError where it cannot be read: what is used instead would pass for the best.
    """
    try:
        path = best_path(run)
        if path is not None:
            return load(path, only)
    except UnreadableError:
        raise
    except CorruptError as error:
        complain(str(error))
    return newest(run, complain, only)


def is_finite(found: Checkpoint) -> bool:
    """Return whether every number of a checkpoint is finite."""
    return all(bool(np.isfinite(tensor).all()) for tensor in found.tensors.values())


def restore(arena_views: dict[str, Array], tensors: dict[str, Array], prefix: str, where: str) -> None:
    """Copy tensors `prefix.NAME` into `arena_views`. Raises CorruptError when one is missing or of another shape."""
    for name, view in arena_views.items():
        tensor = tensors.get(f"{prefix}.{name}")
        if tensor is None or tensor.shape != view.shape or tensor.dtype != view.dtype:
            found = "nothing" if tensor is None else f"{tensor.dtype}{tensor.shape}"
            raise CorruptError(
                f"{where} does not fit this run: {prefix}.{name} should be {view.dtype}{view.shape}, it holds {found}."
            )
        view[...] = tensor
