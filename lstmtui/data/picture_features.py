"""Vectors of pictures that another network has made: a .npy file (pictures, vectors, size), mapped.

Row n is the picture that a table or a folder names in place n; they take the place of patches, and are not augmented.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lstmtui.config import PictureSettings
from lstmtui.errors import UsageError

CHUNK_PICTURES = 256


@dataclass(frozen=True, slots=True)
class FeatureGrids:
    """The vectors of pictures."""

    values: NDArray[np.floating]
    """(total, S, D), mapped from a file, read-only."""
    rows: NDArray[np.int64]
    """(N,): the row of each picture."""
    digest: str

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def usable(self) -> NDArray[np.bool_]:
        """(N,): all of them."""
        return np.ones(len(self), np.bool_)

    @property
    def notes(self) -> tuple[str, ...]:
        """Nothing: features have no peculiarities."""
        return ()

    def select(self, chosen: NDArray[np.bool_]) -> FeatureGrids:
        """Return the chosen pictures, in their order."""
        return FeatureGrids(self.values, self.rows[chosen], self.digest)

    def vectors(self, n: int, s: PictureSettings, rng: np.random.Generator | None = None) -> NDArray[np.float32]:
        """Return the vectors (S, D) of picture n; neither the settings nor `rng` change them."""
        return np.asarray(self.values[self.rows[n]], np.float32)


def map_features(path: Path) -> NDArray[np.floating]:
    """Return the vectors (N, S, D) in a file, mapped. Raises UsageError for what is no such file."""
    found = _mapped(path)
    if found.ndim != 3 or not np.issubdtype(found.dtype, np.floating):
        raise UsageError(
            f"The features {path} must be one array (pictures, vectors, size) of floating-point numbers, not "
            f"{_describe(found)}."
        )
    if not found.size:
        raise UsageError(f"The features {path} are empty: {_describe(found)}.")
    return found


def _mapped(path: Path) -> NDArray[Any]:
    """Return the array in a file, mapped. Raises UsageError."""
    try:
        found = np.load(path, mmap_mode="r", allow_pickle=False)
    except FileNotFoundError:
        raise UsageError(f"There is no file of features {path}.") from None
    except Exception as error:  # NumPy raises nearly every error for foreign bytes
        raise UsageError(f"The file of features {path} cannot be read; give an array of NumPy (.npy).") from error
    if not isinstance(found, np.ndarray):
        raise UsageError(f"The file of features {path} has several arrays; give one (.npy).")
    return np.asarray(found)


def _describe(values: NDArray[Any]) -> str:
    return f"{' x '.join(map(str, values.shape))} {values.dtype}"


def read_vectors(path: Path, shape: tuple[int, int]) -> NDArray[np.float32]:
    """Return the vectors (S, D) of one picture, of a file (S, D) or (1, S, D).

    Raises UsageError for another file or shape, and for numbers that are not finite.
    """
    values = _mapped(path)
    if values.ndim == 3 and len(values) == 1:
        values = values[0]
    if values.shape != shape or not np.issubdtype(values.dtype, np.floating):
        raise UsageError(f"The features {path} are {_describe(values)}; this run reads one picture a file, {shape}.")
    if not np.isfinite(values).all():
        raise UsageError(f"The features {path} have numbers that are not finite.")
    return np.asarray(values, np.float32)


def feature_grids(path: Path, places: Sequence[int], shape: tuple[int, int]) -> FeatureGrids:
    """Return the vectors of the pictures at `places`, of the shape (S, D).

    Raises UsageError as `map_features` does, for another shape, for too few rows, and for numbers that are not finite.
    """
    values = map_features(path)
    if values.shape[1:] != shape:
        raise UsageError(
            f"The features {path} have vectors {values.shape[1:]}, not {shape}, which this run was made for."
        )
    rows = np.array(places, np.int64)
    if len(rows) and rows.max() >= len(values):
        require_rows(path, len(values), int(rows.max()) + 1)
    found = hashlib.sha256(repr((values.dtype.str, values.shape)).encode())
    for at in range(0, len(rows), CHUNK_PICTURES):
        chunk = values[rows[at : at + CHUNK_PICTURES]]
        finite = np.isfinite(chunk).all(axis=(1, 2))
        if not finite.all():
            row = int(rows[at + int(np.argmin(finite))])
            raise UsageError(f"The features {path} have numbers that are not finite, first in row {row:,}.")
        found.update(np.ascontiguousarray(chunk).data)
    return FeatureGrids(values, rows, found.hexdigest())


def require_rows(path: Path, rows: int, pictures: int) -> None:
    """Raise UsageError where a file of features has not one row for each picture."""
    if rows != pictures:
        raise UsageError(f"The features {path} have {rows:,} rows, not one for each of the {pictures:,} pictures.")
