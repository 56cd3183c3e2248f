"""Dynamic evaluation of a small set of weights: the biases of gates and softmax, moved towards what a person wrote.

They are kept as differences from the checkpoint in the run's profile, and applied to a copy of the weights.
Source: Krause et al. 2018, arXiv:1709.07432, with plain SGD on the biases alone.
"""

from __future__ import annotations

import contextlib
from typing import Any

import numpy as np

from lstmtui.engine.autocomplete.arrays import packed, unpacked
from lstmtui.engine.model import Network
from lstmtui.engine.params import Arena
from lstmtui.engine.trained import Trained
from lstmtui.errors import LstmtuiError
from lstmtui.files import write_atomically
from lstmtui.opening import private_folder, read_bytes
from lstmtui.runs.folder import RunFolder

Array = np.ndarray[Any, Any]

WINDOW = 20
RATE = 0.02
MOST = 200_000
"""Tokens of a text that are learnt from: its last ones."""
LARGEST = 2.0
"""No bias moves further than this."""


def learn(trained: Trained, text: bytes) -> dict[str, Any]:
    """Move the biases along `text`, keep the differences, and return the loss before and after, in nats per token.

    Raises LstmtuiError where they cannot be written.
    """
    tokens = np.asarray(trained.tokenizer.encode(text)[-MOST:], np.int32)
    if len(tokens) <= WINDOW:
        return {}
    weights = applied(trained)
    network = Network(trained.settings, weights, WINDOW, 1, threads=1, backward=True)
    names = [p.name for p in weights.layout if p.name.endswith(".b")]
    losses = []
    for low in range(0, len(tokens) - WINDOW, WINDOW):
        x, y = tokens[low : low + WINDOW, None], tokens[low + 1 : low + WINDOW + 1, None]
        losses.append(network.gradient(x, y))
        for name in names:
            weights[name][...] -= RATE * np.clip(network.gradients[name], -1, 1)
        network.carry()
    moved = {n: np.clip(weights[n] - trained.weights[n], -LARGEST, LARGEST) for n in names}
    path = _path(trained.run)
    try:
        private_folder(path.parent)
        write_atomically(path, packed(moved))
    except OSError as error:
        raise LstmtuiError(f"The profile {path} cannot be written ({error.strerror or error}).") from error
    tenth = max(1, len(losses) // 10)
    return {"nll_first": float(np.mean(losses[:tenth])), "nll_last": float(np.mean(losses[-tenth:]))}


def applied(trained: Trained) -> Arena:
    """Return a copy of the weights with what was learnt; the weights themselves where nothing fits."""
    try:
        moved = unpacked(read_bytes(_path(trained.run)))
    except (OSError, ValueError):
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


def _path(run: RunFolder) -> Any:
    return run.autocomplete / "biases.npz"
