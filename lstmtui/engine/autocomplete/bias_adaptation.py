"""Adaptation of the biases of gates and softmax to what the user wrote, by dynamic evaluation.

The differences from the checkpoint are stored in the run's profile, and added to a copy of the weights.
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
from lstmtui.engine.autocomplete.store import profile_lock, set_aside
from lstmtui.engine.inference.loaded_model import LoadedModel
from lstmtui.engine.nn.language_model import LanguageModel
from lstmtui.engine.nn.params import Arena
from lstmtui.errors import LstmtuiError
from lstmtui.runs.folder import RunFolder

Array = np.ndarray[Any, Any]

WINDOW = 20
LEARNING_RATE = 0.02
MAX_TOKENS = 200_000
"""Tokens of a text that are used: its last ones."""
MAX_CHANGE = 2.0
"""The largest change of a bias."""
MAX_BYTES = 256 << 20
SEEN = "seen"
"""The array of the lines that have been learnt: a digest of DIGEST_BYTES for each."""
DIGEST_BYTES = 8


def adapt(model: LoadedModel, texts: Iterable[bytes]) -> tuple[dict[str, Any], Path | None]:
    """Adapt the biases to those lines of `texts` that have not been learnt before, and store the differences.

    Return the loss before and after, in nats per token, or nothing for too short a text, and the new path of a damaged
    file. Raises LstmtuiError where the differences cannot be read or written.
    """
    path = _path(model.run)
    with profile_lock(model.run):
        aside = None
        try:
            stored = _read(path)
        except ValueError:
            stored, aside = {}, set_aside(path)
        seen = {digest.tobytes() for digest in stored.get(SEEN, np.zeros((0, DIGEST_BYTES), np.uint8))}
        lines = [(_digest(line), line) for text in texts for line in text.splitlines(keepends=True)]
        text = b"".join(line for digest, line in lines if digest not in seen)
        tokens = np.asarray(model.tokenizer.encode(text)[-MAX_TOKENS:], np.int32)
        if len(tokens) <= WINDOW:
            return {}, aside
        weights = adapted_weights(model)
        losses = _train(model, weights, tokens)
        changes = {
            name: np.clip(weights[name] - model.weights[name], -MAX_CHANGE, MAX_CHANGE) for name in _biases(weights)
        }
        digests = b"".join(sorted(seen | {digest for digest, _ in lines}))
        changes[SEEN] = np.frombuffer(digests, np.uint8).reshape(-1, DIGEST_BYTES)
        try:
            write_atomically(path, pack(changes))
        except OSError as error:
            raise LstmtuiError(f"The profile {path} cannot be written ({error.strerror or error}).") from error
    tenth = max(1, len(losses) // 10)
    return {"nll_first": float(np.mean(losses[:tenth])), "nll_last": float(np.mean(losses[-tenth:]))}, aside


def _train(model: LoadedModel, weights: Arena, tokens: Array) -> list[float]:
    """Update the biases of `weights` on `tokens`; return the loss of each window before its update."""
    network = LanguageModel(model.settings, weights, WINDOW, 1, threads=1, backward=True)
    losses = []
    for low in range(0, len(tokens) - WINDOW, WINDOW):
        x, y = tokens[low : low + WINDOW, None], tokens[low + 1 : low + WINDOW + 1, None]
        losses.append(network.gradient(x, y))
        for name in _biases(weights):
            weights[name][...] -= LEARNING_RATE * np.clip(network.gradients[name], -1, 1)
        network.carry()
    return losses


def _biases(weights: Arena) -> list[str]:
    return [p.name for p in weights.layout if p.name.endswith(".b")]


def _digest(line: bytes) -> bytes:
    return hashlib.sha256(line.strip()).digest()[:DIGEST_BYTES]


def _read(path: Path) -> dict[str, Array]:
    """Return what is stored. Raises LstmtuiError if the system refuses to read it, ValueError if it is damaged."""
    try:
        data = read_file(path, MAX_BYTES)
    except OSError as error:
        raise LstmtuiError(
            f"The profile {path} cannot be read ({error.strerror or error}); nothing was changed."
        ) from error
    stored = {} if data is None else unpack(data)
    digests = stored.get(SEEN)
    if digests is not None and (digests.ndim != 2 or digests.shape[1] != DIGEST_BYTES or digests.dtype != np.uint8):
        raise ValueError("no biases")
    return stored


def adapted_weights(model: LoadedModel) -> Arena:
    """Return a copy of the weights with the stored changes that fit them."""
    try:
        changes = _read(_path(model.run))
    except (LstmtuiError, ValueError):
        changes = {}
    weights = Arena(model.weights.layout, model.weights.flat.dtype.type)
    weights.flat[...] = model.weights.flat
    for name, change in changes.items():
        fits = name in weights.views and weights[name].shape == change.shape and change.dtype == weights.flat.dtype
        if fits and np.isfinite(change).all():
            weights[name][...] += change
    return weights


def exists(run: RunFolder) -> bool:
    """Return whether biases have been adapted."""
    return _path(run).exists()


def forget(run: RunFolder) -> bool:
    """Remove the changes; return whether there were any."""
    with contextlib.suppress(OSError):
        _path(run).unlink()
        return True
    return False


def _path(run: RunFolder) -> Path:
    return run.autocomplete / "biases.npz"
