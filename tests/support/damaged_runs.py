"""Run folders that are damaged in one way each, as by a crash, a failing disk or an attacker."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from lstmtui.runs.folder import RunFolder

DEEP = "[" * 100_000
WRONG_VALUES: tuple[Any, ...] = (None, True, "text", -1, 1e308, 10**40, [], [1, "a"], {}, {"a": {}}, float("nan"))
"""Values that are not figures."""
JSON_FILES = ("status.json", "plan.json", "tokenizer.json")
LINES = ("metrics.jsonl", "events.jsonl", "samples.jsonl")
FILES = ("config.toml", *JSON_FILES, *LINES, "engine.lock", "engine.log")
ARRAYS = ("saturation-00001240.npz", "window.npz", "gradient-00001240.npz")


def _replace_by_folder(path: Path) -> None:
    path.unlink(missing_ok=True)
    path.mkdir()


def _replace_by_fifo(path: Path) -> None:
    path.unlink(missing_ok=True)
    os.mkfifo(path)


def _replace_by_loop(path: Path) -> None:
    path.unlink(missing_ok=True)
    path.symlink_to(path.name)


def _set(content: bytes) -> Callable[[Path], None]:
    return lambda path: (path.unlink(missing_ok=True), path.write_bytes(content))[0]


def _wrong_types(path: Path, source: random.Random) -> None:
    """Replace values of a JSON file, or of JSON lines, by values of other types."""
    lines = path.read_text().splitlines() if path.suffix == ".jsonl" else [path.read_text()]
    found = []
    for line in lines:
        record = json.loads(line)
        for name in list(record):
            if source.random() < 0.5:
                record[name] = source.choice(WRONG_VALUES)
        found.append(json.dumps(record))
    path.write_text("\n".join(found) + "\n")


def _flipped(path: Path, source: random.Random) -> None:
    data = bytearray(path.read_bytes())
    for _ in range(source.choice((1, 1, 1, 8))):
        data[source.randrange(len(data))] ^= 1 << source.randrange(8)
    path.write_bytes(data)


def _as_npy(path: Path) -> None:
    with open(path, "wb") as file:
        np.save(file, np.zeros(3))


def _as_text(path: Path) -> None:
    names = ("step", "gates", "left", "right", "values", "tokens", "cell", "h", "c", "half_life")
    np.savez(path, **dict.fromkeys(names, np.array(["a", "b"])))


def _as_numbers(path: Path) -> None:
    names = ("step", "gates", "left", "right", "values", "tokens", "cell", "h", "c", "half_life")
    np.savez(path, **dict.fromkeys(names, np.array(3)))


def _huge(path: Path) -> None:
    np.savez_compressed(path, step=1, gates=np.array(["i"]), left=np.zeros((1, 1, 80 << 20), np.float32))


WAYS: dict[str, Callable[[Path], object]] = {
    "a folder": _replace_by_folder,
    "a FIFO": _replace_by_fifo,
    "a loop": _replace_by_loop,
    "nothing": _set(b""),
    "noise": _set(bytes(range(256)) * 40),
    "depth": _set(DEEP.encode()),
}
ARRAY_WAYS: dict[str, Callable[[Path], object]] = {
    **WAYS, "one array": _as_npy, "texts": _as_text, "numbers": _as_numbers, "much": _huge,
}  # fmt: skip


def break_run(run: RunFolder, source: random.Random) -> str:
    """Damage one thing in an intact run, and return a description of it."""
    kind = source.choice(("file", "types", "types", "bytes", "bytes", "arrays", "arrays", "gone"))
    if kind == "types":
        name = source.choice((*JSON_FILES[:1], *LINES))
        _wrong_types(run.path / name, source)
        return f"{name}: wrong types"
    if kind == "bytes":
        name = source.choice(ARRAYS[:1] + LINES + ("status.json", "config.toml"))
        path = run.probes / name if name in ARRAYS else run.path / name
        _flipped(path, source)
        return f"{name}: flipped bits"
    if kind == "arrays":
        name, way = source.choice(ARRAYS), source.choice(list(ARRAY_WAYS))
        ARRAY_WAYS[way](run.probes / name)
        return f"{name}: {way}"
    name, way = source.choice(FILES), source.choice(list(WAYS))
    if kind == "gone":
        (run.path / name).unlink(missing_ok=True)
        return f"no {name}"
    WAYS[way](run.path / name)
    return f"{name}: {way}"
