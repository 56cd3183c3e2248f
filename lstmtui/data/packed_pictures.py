"""Many small pictures in one .npz file.

images     (N, height, width) grey values, or indices into `palette`; or (N, height, width, 3 or 4) RGB or RGBA; uint8
palette    (up to 256, 3 or 4) RGB or RGBA, uint8; where the images are indices
"""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lstmtui.errors import UsageError

IMAGES, PALETTE = "images", "palette"
SUFFIX = ".npz"
MAX_BYTES = 2 << 30
"""Of all pictures of a file, which are in memory together while they are read."""


@dataclass(frozen=True, slots=True)
class PackedPictures:
    """The pictures of a file."""

    images: NDArray[np.uint8]
    palette: NDArray[np.uint8] | None

    def __getitem__(self, n: int) -> NDArray[np.uint8]:
        """Return picture n, grey (height, width) or with 3 or 4 channels."""
        picture: NDArray[np.uint8] = self.images[n]
        return picture if self.palette is None else self.palette[picture]


def count_packed(path: Path) -> int:
    """Return how many pictures a file has, by its header. Raises UsageError for another or a damaged file."""
    try:
        with zipfile.ZipFile(path) as archive, archive.open(f"{IMAGES}.npy") as member:
            version = np.lib.format.read_magic(member)
            read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
            shape, _, dtype = read(member)
    except KeyError:
        raise UsageError(f"The file {path} has no array {IMAGES!r} of pictures (N, height, width).") from None
    except OSError as error:
        raise UsageError(f"The file {path} cannot be read ({error.strerror or error}).") from error
    except Exception as error:  # zipfile and NumPy raise nearly every error for foreign bytes
        raise UsageError(f"The file {path} holds no arrays of NumPy (.npz).") from error
    if dtype != np.uint8 or len(shape) not in (3, 4) or (len(shape) == 4 and shape[3] not in (3, 4)):
        found = " x ".join(f"{size:,}" for size in shape)
        raise UsageError(
            f"The array {IMAGES!r} of {path} must be (N, height, width) or RGB, uint8, not {found} {dtype}."
        )
    if np.prod(shape, dtype=np.float64) > MAX_BYTES:
        raise UsageError(f"The pictures of {path} have more than {MAX_BYTES >> 30} GiB together; divide the file.")
    return int(shape[0])


def read_packed(path: Path) -> PackedPictures:
    """Return the pictures of a file. Raises UsageError as `count_packed` does, and for a palette that has no colour for
    a picture."""
    count_packed(path)
    try:
        with np.load(path, allow_pickle=False) as arrays:
            images = arrays[IMAGES]
            palette = arrays.get(PALETTE)
    except Exception as error:  # of a damaged file
        raise UsageError(f"The file {path} is cut short or damaged.") from error
    if palette is None:
        return PackedPictures(images, None)
    if palette.ndim != 2 or palette.shape[1] not in (3, 4) or palette.dtype != np.uint8 or images.ndim != 3:
        raise UsageError(f"The palette of {path} must be (colours, 3 or 4), uint8, of pictures (N, height, width).")
    if images.size and images.max() >= len(palette):
        raise UsageError(f"The palette of {path} has {len(palette):,} colours, too few for its pictures.")
    return PackedPictures(images, palette)
