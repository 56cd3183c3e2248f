"""Pictures in the cache: decoded and brought to one size once, mapped from a file afterwards.

    CACHE/pictures/DIGEST/   pixels.bin   contents.json

pixels.bin has the RGB values (N, side, side, 3) of one picture after the other. The digest is that of the files' bytes,
of the pictures chosen in them and of the side. A picture that cannot be decoded is white, and named in contents.json.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lstmtui.common.paths import cache_root
from lstmtui.config import PictureSettings
from lstmtui.data.captions import Captions, PictureName
from lstmtui.data.packed_pictures import PackedPictures, read_packed
from lstmtui.data.picture_augmentation import prepare
from lstmtui.data.pictures import WHITE, PictureError, Pixels, ReadPicture, fitted, read_picture
from lstmtui.data.token_files import ArrayFile, TokenFiles, map_array, read_contents, write_contents

Progress = Callable[[float], None]


class PictureFiles(TokenFiles):
    """One folder of decoded pictures."""

    kind, noun = "pictures", "decoded pictures"


@dataclass(frozen=True, slots=True)
class StoredPictures:
    """Decoded pictures of one size."""

    values: NDArray[np.uint8]
    """(total, side, side, 3), mapped from a file, read-only."""
    rows: NDArray[np.int64]
    """(N,): the row of each picture."""
    digest: str
    damaged: dict[int, str]
    """A sentence for each row that could not be decoded; it is white."""
    remarks: tuple[str, ...]
    """A sentence for each picture that a person should know something of."""

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, n: int) -> Pixels:
        """Return the pixels (side, side, 3) of picture n."""
        found: Pixels = self.values[self.rows[n]]
        return found

    @property
    def usable(self) -> NDArray[np.bool_]:
        """(N,): which pictures could be decoded."""
        return ~np.isin(self.rows, list(self.damaged))

    @property
    def notes(self) -> tuple[str, ...]:
        """What a person should know: the first sentence of each kind, and how many others there are."""
        return tuple(
            f"{found[0]}{f' ({len(found) - 1:,} more like it.)' if len(found) > 1 else ''}"
            for found in (tuple(self.damaged.values()), self.remarks)
            if found
        )

    def select(self, chosen: NDArray[np.bool_]) -> StoredPictures:
        """Return the chosen pictures, in their order."""
        return StoredPictures(self.values, self.rows[chosen], self.digest, self.damaged, self.remarks)

    def vectors(self, n: int, s: PictureSettings, rng: np.random.Generator | None = None) -> NDArray[np.float32]:
        """Return picture n as the input (S, D) of a network, moved by `rng`, see `prepare`."""
        return prepare(self[n], s, rng)


def stored_pictures(
    captions: Captions, side: int, *, progress: Progress = lambda done: None, cache: Path | None = None
) -> StoredPictures:
    """Return the pictures from the cache, decoded where they are not there.

    progress   is called with the part that is done, from 0 to 1
    Raises LstmtuiError where they cannot be kept; PictureError for a file that has gone, UsageError for a packed one
    that is damaged.
    """
    files = PictureFiles(cache or cache_root(), {"side": side, "pictures": _digest(captions)})

    def fill(draft: Path) -> None:
        damaged: dict[int, str] = {}
        remarks: list[str] = []
        with ArrayFile(draft / "pixels.bin", np.dtype(np.uint8)) as file:
            for n, found in enumerate(_decoded(captions.pictures, side)):
                if isinstance(found, PictureError):
                    damaged[n] = str(found)
                    found = ReadPicture(np.full((side, side, 3), WHITE, np.uint8), "")
                file.write(found.pixels.ravel())
                remarks += [found.note] if found.note else []
                progress((n + 1) / len(captions))
        write_contents(draft, {"pixels": file.entry, "damaged": list(damaged.items()), "remarks": remarks})

    def read(folder: Path) -> StoredPictures:
        contents = read_contents(folder)
        # Slices of np.memmap take several times as long as those of an array.
        values = np.asarray(map_array(folder / "pixels.bin", contents["pixels"])).reshape(-1, side, side, 3)
        return StoredPictures(
            values, np.arange(len(values)), files.digest, dict(contents["damaged"]), tuple(contents["remarks"])
        )

    return files.read(read) or files.store(fill, read)


def _digest(captions: Captions) -> str:
    """Return the digest of the bytes of all files, and of the rows of packed ones. Raises PictureError."""
    found, packed = hashlib.sha256(), dict[Path, bytes]()
    for name in captions.pictures:
        if name.row is None:
            found.update(_digest_of_file(name))
        else:
            if name.file not in packed:
                packed[name.file] = _digest_of_file(name)
            found.update(packed[name.file] + json.dumps(name.row).encode())
    return found.hexdigest()


def _digest_of_file(name: PictureName) -> bytes:
    try:
        with open(name.file, "rb") as stream:
            return hashlib.file_digest(stream, "sha256").digest()
    except OSError as error:
        raise PictureError(str(name.file), f"cannot be read ({error.strerror or error})") from error


class _Open(NamedTuple):
    """The packed file that was read last."""

    file: Path
    pictures: PackedPictures


def _decoded(names: tuple[PictureName, ...], side: int) -> Iterator[ReadPicture | PictureError]:
    """Yield each picture, or what is wrong with it. Raises UsageError for a damaged packed file."""
    last: _Open | None = None
    for file, row in names:
        try:
            if row is None:
                yield read_picture(file, side)
                continue
            if last is None or last.file != file:
                last = _Open(file, read_packed(file))
            yield ReadPicture(fitted(last.pictures[row], side, str(PictureName(file, row))), "")
        except PictureError as error:
            yield error
