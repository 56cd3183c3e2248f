"""Probes of a run: gate saturation and attention by step, and the newest window of activations."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lstmtui.common.npz import read_arrays
from lstmtui.runs.folder import RunFolder
from lstmtui.runs.snapshot import QUANTILES, AttentionProbe, Posteriors, Saturation


def step_of(path: Path) -> int:
    """Return the step in the name of the file of a probe; -1 if it has none."""
    digits = path.stem.rpartition("-")[2]
    return int(digits) if digits.isascii() and digits.isdigit() else -1


def read_saturation(run: RunFolder, *, newest: int = 64) -> list[Saturation]:
    """Return the newest saturation probes of one shape, oldest first; damaged ones are skipped."""
    paths = sorted(run.probes.glob("saturation-*.npz"))[-newest:]
    found = [probe for path in paths if (probe := _saturation(path)) is not None]
    return [probe for probe in found if _form(probe) == _form(found[-1])]


def _form(probe: Saturation) -> tuple[object, ...]:
    return probe.gates, probe.left.shape, probe.layer_names


def _saturation(path: Path) -> Saturation | None:
    stored = read_arrays(path, "step", "gates", "left", "right", optional=("layer_names", "quantiles"))
    if stored is None or stored["step"].size != 1 or stored["step"].dtype.kind not in "iu":
        return None
    gates, left, right = tuple(str(gate) for gate in stored["gates"].ravel()), stored["left"], stored["right"]
    if not (left.ndim == right.ndim == 3 and left.shape == right.shape and left.dtype.kind == right.dtype.kind == "f"):
        return None
    if not left.size or left.shape[1] != len(gates):
        return None
    names = _layer_names(stored, len(left))
    return Saturation(
        step=int(stored["step"].item()), gates=gates, left=left, right=right, layer_names=names,
        quantiles=_quantiles(stored, left.shape[:2]),
    )  # fmt: skip


def _quantiles(stored: dict[str, Any], of_gates: tuple[int, int]) -> Any:
    """Return the quantiles of gates; None where they are missing, or are no numbers."""
    found = stored.get("quantiles")
    if found is None or found.dtype.kind != "f" or found.shape != (*of_gates, len(QUANTILES)):
        return None
    return found if (found - found == 0).all() else None


def _layer_names(stored: dict[str, Any], layers: int) -> tuple[str, ...]:
    """Return the names of the layers; none where they are not stored."""
    names = stored.get("layer_names")
    return tuple(str(name) for name in names.ravel()) if names is not None and names.size == layers else ()


def read_attention(run: RunFolder, *, newest: int = 64) -> list[AttentionProbe]:
    """Return the newest attention probes, oldest first; damaged ones are skipped."""
    paths = sorted(run.probes.glob("attention-*.npz"))[-newest:]
    return [probe for path in paths if (probe := _attention(path)) is not None]


def _attention(path: Path) -> AttentionProbe | None:
    stored = read_arrays(path, "step", "source", "target", "weights", "part")
    if stored is None or stored["step"].size != 1 or stored["step"].dtype.kind not in "iu":
        return None
    source, target = (tuple(str(piece) for piece in stored[name].ravel()) for name in ("source", "target"))
    weights, part = stored["weights"], stored["part"]
    if weights.dtype.kind != "f" or weights.shape != (len(target), len(source)) or not weights.size or part.size != 1:
        return None
    weights = weights.astype("float32").clip(0, 1)
    if not (weights == weights).all():
        return None
    return AttentionProbe(
        step=int(stored["step"].item()), source=source, target=target, weights=weights, part=str(part.item())
    )


def read_pictures(run: RunFolder) -> Any:
    """Return the pictures (N, side, side, 3) uint8 whose captions the samples have; None without any."""
    stored = read_arrays(run.probes / "pictures.npz", "pixels")
    if stored is None:
        return None
    pixels = stored["pixels"]
    is_whole = pixels.dtype.kind == "u" and pixels.itemsize == 1 and pixels.ndim == 4 and pixels.shape[3] == 3
    return pixels if is_whole and pixels.size and pixels.shape[1] == pixels.shape[2] else None


def read_posteriors(run: RunFolder, *, newest: int = 64) -> list[Posteriors]:
    """Return what was heard in a recording, oldest first; damaged probes are skipped."""
    paths = sorted(run.probes.glob("posteriors-*.npz"))[-newest:]
    return [probe for path in paths if (probe := _posteriors(path)) is not None]


def _posteriors(path: Path) -> Posteriors | None:
    stored = read_arrays(path, "step", "values", "labels", "reference", "transcript")
    if stored is None or stored["step"].size != 1 or stored["step"].dtype.kind not in "iu":
        return None
    values, labels = stored["values"], tuple(str(label) for label in stored["labels"].ravel())
    if values.ndim != 2 or values.dtype.kind != "f" or not values.size or values.shape[1] != len(labels):
        return None
    values = values.astype("float32").clip(0, 1)
    if not (values == values).all():
        return None
    texts = [str(stored[name].item()) if stored[name].size == 1 else "" for name in ("reference", "transcript")]
    return Posteriors(int(stored["step"].item()), values, labels, *texts)


def read_window(run: RunFolder) -> dict[str, Any] | None:
    """Return the newest window of activations; None where it is missing or damaged.

    `step`, `gates`, `values` (L, G, T, H) float16, `tokens` (T,) int32, `layer_names` as of a `Saturation`, and
    `pieces`, the texts of the tokens that each layer has read. Layers with names have pieces, others `tokens`.
    """
    stored = read_arrays(
        run.probes / "window.npz", "step", "gates", "values", optional=("tokens", "layer_names", "pieces")
    )
    if stored is None or stored["step"].size != 1 or stored["step"].dtype.kind not in "iu":
        return None
    values = stored["values"]
    gates = tuple(str(gate) for gate in stored["gates"].ravel())
    if not (values.ndim == 4 and values.size and values.dtype.kind == "f" and values.shape[1] == len(gates)):
        return None
    names, tokens = _layer_names(stored, len(values)), stored.get("tokens")
    if (not names) if tokens is None else (tokens.ndim != 1 or tokens.dtype.kind not in "iu"):
        return None
    return {
        "step": int(stored["step"].item()), "gates": gates, "values": values, "tokens": tokens, "layer_names": names,
        "pieces": _pieces(stored, values) if names else (),
    }  # fmt: skip


def _pieces(stored: dict[str, Any], values: Any) -> tuple[tuple[str, ...], ...]:
    """Return the texts of the tokens of each layer; none where they do not fit."""
    pieces = stored.get("pieces")
    if pieces is None or pieces.shape != (values.shape[0], values.shape[2]) or pieces.dtype.kind != "U":
        return ()
    # What is padded has no text; every layer has read a token.
    ends = [max((t for t, piece in enumerate(of_layer) if piece), default=0) + 1 for of_layer in pieces.tolist()]
    return tuple(tuple(of_layer[:end]) for of_layer, end in zip(pieces.tolist(), ends, strict=True))
