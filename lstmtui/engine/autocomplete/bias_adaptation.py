"""Dynamic evaluation of a small set of weights: the biases of gates and softmax, moved towards what a person wrote.

They are kept as differences from the checkpoint in the run's profile, and applied to a copy of the weights.
Source: Krause et al. 2018, arXiv:1709.07432, with plain SGD on the biases alone.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from lstmtui.common.files import read_file, write_atomically
from lstmtui.common.npz import pack, unpack
from lstmtui.engine.autocomplete.store import changing, put_aside
from lstmtui.engine.inference.loaded_model import LoadedModel
from lstmtui.engine.nn.language_model import Network
from lstmtui.engine.nn.params import Arena
from lstmtui.errors import LstmtuiError
from lstmtui.runs.folder import RunFolder

Array = np.ndarray[Any, Any]

WINDOW = 20
RATE = 0.02
MOST = 200_000
"""Tokens of a text that are learnt from: its last ones."""
LARGEST = 2.0
"""No bias moves further than this."""
MAX_BYTES = 256 << 20
SEEN = "seen"
"""The array of what the biases were moved along: a digest of MARK bytes for each line."""
MARK = 8


def learn(trained: LoadedModel, texts: Iterable[bytes]) -> tuple[dict[str, Any], Path | None]:
    """Move the biases along the lines of `texts` that they have not been moved along before, and keep the differences.

    Return the loss before and after, in nats per token, where there was enough to learn from, and where a file was put
    that could not be understood. Raises LstmtuiError where they cannot be read or written.
    """
    path = _path(trained.run)
    with changing(trained.run):
        aside = None
        try:
            stored = _stored(path)
        except ValueError:
            stored, aside = {}, put_aside(path)
        seen = {mark.tobytes() for mark in stored.get(SEEN, np.zeros((0, MARK), np.uint8))}
        lines = [(_mark(line), line) for text in texts for line in text.splitlines(keepends=True)]
        text = b"".join(line for mark, line in lines if mark not in seen)
        tokens = np.asarray(trained.tokenizer.encode(text)[-MOST:], np.int32)
        if len(tokens) <= WINDOW:
            return {}, aside
        weights = applied(trained)
        losses = _move(trained, weights, tokens)
        names = [p.name for p in weights.layout if p.name.endswith(".b")]
        moved = {n: np.clip(weights[n] - trained.weights[n], -LARGEST, LARGEST) for n in names}
        marks = np.frombuffer(b"".join(sorted(seen | {mark for mark, _ in lines})), np.uint8).reshape(-1, MARK)
        try:
            write_atomically(path, pack({**moved, SEEN: marks}))
        except OSError as error:
            raise LstmtuiError(f"The profile {path} cannot be written ({error.strerror or error}).") from error
    tenth = max(1, len(losses) // 10)
    return {"nll_first": float(np.mean(losses[:tenth])), "nll_last": float(np.mean(losses[-tenth:]))}, aside


def _move(trained: LoadedModel, weights: Arena, tokens: Array) -> list[float]:
    """Move the biases of `weights` along `tokens`; return the loss of each window before."""
    network = Network(trained.settings, weights, WINDOW, 1, threads=1, backward=True)
    names = [p.name for p in weights.layout if p.name.endswith(".b")]
    losses = []
    for low in range(0, len(tokens) - WINDOW, WINDOW):
        x, y = tokens[low : low + WINDOW, None], tokens[low + 1 : low + WINDOW + 1, None]
        losses.append(network.gradient(x, y))
        for name in names:
            weights[name][...] -= RATE * np.clip(network.gradients[name], -1, 1)
        network.carry()
    return losses


def _mark(line: bytes) -> bytes:
    return hashlib.sha256(line.strip()).digest()[:MARK]


def _stored(path: Path) -> dict[str, Array]:
    """Return what is kept. Raises LstmtuiError where the system does not let it be read, ValueError for damage."""
    try:
        data = read_file(path, MAX_BYTES)
    except OSError as error:
        raise LstmtuiError(
            f"The profile {path} cannot be read ({error.strerror or error}); nothing was changed."
        ) from error
    stored = {} if data is None else unpack(data)
    marks = stored.get(SEEN)
    if marks is not None and (marks.ndim != 2 or marks.shape[1] != MARK or marks.dtype != np.uint8):
        raise ValueError("no biases")
    return stored


def applied(trained: LoadedModel) -> Arena:
    """Return a copy of the weights with what was learnt; the weights themselves where nothing fits."""
    try:
        moved = _stored(_path(trained.run))
    except (LstmtuiError, ValueError):
        moved = {}
    weights = Arena(trained.weights.layout, trained.weights.flat.dtype.type)
    weights.flat[...] = trained.weights.flat
    for name, by in moved.items():
        fits = name in weights.views and weights[name].shape == by.shape and by.dtype == weights.flat.dtype
        if fits and np.isfinite(by).all():
            weights[name][...] += by
    return weights


def known(run: RunFolder) -> bool:
    """Return whether anything was learnt."""
    return _path(run).exists()


def forget(run: RunFolder) -> bool:
    """Forget it; return whether there was anything."""
    with contextlib.suppress(OSError):
        _path(run).unlink()
        return True
    return False


def _path(run: RunFolder) -> Path:
    return run.autocomplete / "biases.npz"
