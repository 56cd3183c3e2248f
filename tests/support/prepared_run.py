"""Run folders as an engine writes them, without an engine."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from lstmtui import config, recipe
from lstmtui.common.files import to_json, write_atomically
from lstmtui.common.npz import pack
from lstmtui.runs.folder import RunFolder
from lstmtui.runs.lock import EngineLock
from lstmtui.runs.snapshot import QUANTILES

GATES = {
    "rnn": ("h",),
    "lstm": ("i", "f", "g", "o"),
    "peephole": ("i", "f", "g", "o"),
    "coupled": ("i", "g", "o"),
    "gru": ("r", "z", "n"),
}
NOW = 1_790_000_000.0
"""A fixed time for folders whose screens must not change from day to day."""
TEXT = (
    "The value of the expression is the result of calling the function with the arguments given, and the names "
    "that are bound in the enclosing block are not visible to it.\n\nIf the object has a method of that name, "
    "it is called with no arguments; else the statement raises an exception of the type that was named in the "
    "clause, and the remaining part of the loop is not executed."
)


def losses(step: int) -> tuple[float, float]:
    """Return typical training and validation losses: a steep start, a long tail, a growing gap."""
    train = 1.25 + 2.2 * math.exp(-step / 90) + 0.9 * math.exp(-step / 900) + 0.03 * math.sin(step * 1.7)
    return train, train + 0.02 + 0.1 * (1 - math.exp(-step / 1500))


def make_run(
    root: Path,
    name: str = "diary-lstm",
    *,
    state: str | None = "training",
    step: int = 1240,
    steps: int = 2900,
    message: str = "",
    points: bool = True,
    samples: Sequence[str] = (TEXT,),
    events: Sequence[dict[str, Any]] | None = None,
    probes: int = 3,
    beat: float | None = None,
    status: dict[str, Any] | None = None,
    **settings: Any,
) -> RunFolder:
    """Write a run folder and return it. `state` None: never started; `settings` are fields of config.Settings."""
    given = config.Settings(
        **{"corpus": ("diary.txt",), "hidden": 48, "layers": 2, "steps": max(1, steps), "log_every": 10, **settings}
    )
    read_as = given.purpose if given.purpose in config.TEXT_PURPOSES else "text"
    text = dataclasses.replace(given, threads=2, purpose=read_as)
    chosen = recipe.resolve(text, corpus_bytes=1_000_000).changed(purpose=given.purpose)
    run = RunFolder(root / name)
    run.path.mkdir(parents=True)
    write_atomically(run.config, config.dump(chosen).encode())
    if state is None:
        return run
    at = time.time() if beat is None else beat
    told = {
        "state": state, "message": message, "exit_code": 0, "pid": 1, "host": "here", "started": at - 60,
        "heartbeat": at, "step": step, "steps": steps, "epoch": 2, "tokens": step * 2048, "parameters": 812_345,
        "seconds": step * 0.04, "seconds_left": (steps - step) * 0.04, "tokens_per_second": 48_213.0,
        "steps_per_second": 23.5, **(status or {}),
    }  # fmt: skip
    write_atomically(run.status, to_json(told).encode())
    if points:
        _lines(run.metrics, _metrics(step, chosen.run.log_every, chosen))
    _lines(
        run.samples,
        [
            {"step": step * (i + 1) // len(samples), "temperature": 0.8, "prompt": "", "text": text}
            for i, text in enumerate(samples)
        ],
    )
    said = [{"event": "started", "pid": 1}, {"event": "evaluated", "step": step, "nll": 1.61, "best": True}]
    _lines(run.events, [{"at": at - 10, **event} for event in (said if events is None else events)])
    _probes(run, probes, chosen, step)
    if given.purpose == "translation":
        _attention(run, probes, step)
    if given.purpose == "speech":
        _posteriors(run, probes, step)
    return run


def _metrics(step: int, every: int, settings: config.RunSettings) -> Iterator[dict[str, Any]]:
    best = math.inf
    for at in range(every, step + 1, every):
        train, valid = losses(at)
        yield {
            "split": "train", "step": at, "tokens": at * 2048, "seconds": at * 0.04, "loss": train,
            "lr": 4e-3 * (1 - at / (2 * step)), "grad_norm": 0.6 + 0.3 * math.sin(at), "clipped": 0.12,
            "update_ratio": 1.2e-3, "tokens_per_second": 48_000.0, "memory_mb": 312.0,
        }  # fmt: skip
        if at % 100 == 0:
            without = settings.data.tokens == "words" or settings.data.purpose == "speech"
            characters = None if without else valid / math.log(2)
            yield {
                "split": "valid", "step": at, "seconds": at * 0.04, "nll": valid, "perplexity": math.exp(valid),
                "bits_per_char": characters, "best": valid < best,
                **({"wer": valid / 8, "cer": valid / 20} if settings.data.purpose == "speech" else {}),
            }  # fmt: skip
            best = min(best, valid)


def _probes(run: RunFolder, number: int, settings: config.RunSettings, step: int) -> None:
    gates, layers, hidden = (
        GATES[settings.network.cell],
        int(settings.network.layers or 1),
        int(settings.network.hidden or 1),
    )
    named: dict[str, Any] = {}
    if settings.data.purpose == "translation":
        layers, named = 4, {"layer_names": ["encoder 1 forward", "encoder 1 backward", "decoder 1", "decoder 2"]}
    if settings.data.purpose == "speech":
        layers, named = 2, {"layer_names": ["encoder 1 forward", "encoder 1 backward"]}
    source = np.random.default_rng(7)
    for i in range(number):
        grown = (i + 1) / max(1, number)
        left = source.beta(0.6, 2.4, (layers, len(gates), hidden)).astype(np.float32) * grown
        right = source.beta(0.5, 1.6, (layers, len(gates), hidden)).astype(np.float32) * grown * (1 - left)
        run.probes.mkdir(exist_ok=True)
        at = step * (i + 1) // number
        lowest = [(gate.bounds or (-2.0, 1.0))[0] for gate in config.CELLS[settings.network.cell].gates]
        spread = np.linspace(0.5 - grown / 2, 0.5 + grown / 2, len(QUANTILES))
        quantiles = np.array([[low + (1 - low) * spread for low in lowest]] * layers, np.float32)
        probe = pack({"step": at, "gates": gates, "left": left, "right": right, "quantiles": quantiles, **named})
        (run.probes / f"saturation-{at:08d}.npz").write_bytes(probe)


def _attention(run: RunFolder, number: int, step: int) -> None:
    """Write attention that is smeared at first, and nearly a diagonal at the end."""
    run.probes.mkdir(exist_ok=True)
    source, target = (["a", "man", "rides", "a", "bike", ".", "</s>"], ["ein", "mann", "fährt", "fahrrad", ".", "</s>"])
    nearest = np.abs(np.arange(6)[:, None] * 1.17 - np.arange(7))
    for i in range(number):
        weights = np.exp(-nearest * 4 * i / max(1, number - 1))
        at = step * (i + 1) // number
        arrays = {"step": at, "source": source, "target": target, "part": "validation"}
        arrays["weights"] = (weights / weights.sum(axis=1, keepdims=True)).astype(np.float16)
        (run.probes / f"attention-{at:08d}.npz").write_bytes(pack(arrays))


def _posteriors(run: RunFolder, number: int, step: int) -> None:
    """Write what is heard of "two one": mostly the blank at first."""
    run.probes.mkdir(exist_ok=True)
    labels, values = ["", " ", "t", "w", "o", "n", "e"], np.zeros((48, 7))
    for n, k in enumerate((2, 3, 4, 1, 4, 5, 6)):
        values[6 * n + 2, k] = values[6 * n + 3, k] = 1
    values[:, 0] = 1 - values.sum(axis=1)
    for i in range(number):
        at, sure = step * (i + 1) // number, (i + 1) / number
        mixed = (sure * values + (1 - sure) * np.eye(7)[0]).astype(np.float16)
        arrays = {"step": at, "values": mixed, "labels": labels, "reference": "two one", "transcript": "two one"}
        (run.probes / f"posteriors-{at:08d}.npz").write_bytes(pack(arrays))


def _lines(path: Path, records: Any) -> None:
    path.write_text("".join(to_json(record) + "\n" for record in records), encoding="utf-8")


@contextmanager
def alive(run: RunFolder) -> Iterator[RunFolder]:
    """Hold the run's lock, as a running engine does."""
    lock = EngineLock(run)
    try:
        yield run
    finally:
        lock.release()
