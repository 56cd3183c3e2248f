"""Pictures for tests: files of every kind, tables of them with captions, and packed ones."""

from __future__ import annotations

import io
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

COLOURS = {"red": (255, 0, 0), "green": (0, 255, 0), "blue": (0, 0, 255), "black": (0, 0, 0)}
PLACES = ("left", "right", "top", "bottom")


def shape_picture(colour: str, place: str, side: int = 16) -> NDArray[np.uint8]:
    """Return white paper (side, side, 3) whose half at `place` has a colour: its caption is both words."""
    pixels = np.full((side, side, 3), 255, np.uint8)
    half = side // 2
    rows, columns = {
        "left": (slice(None), slice(half)), "right": (slice(None), slice(half, None)),
        "top": (slice(half), slice(None)), "bottom": (slice(half, None), slice(None)),
    }[place]  # fmt: skip
    pixels[rows, columns] = COLOURS[colour]
    return pixels


def encoded(pixels: NDArray[np.uint8], kind: str = "PNG", mode: str = "", **options: Any) -> bytes:
    """Return the file of pixels, converted to a mode of Pillow's."""
    image = Image.fromarray(pixels)
    file = io.BytesIO()
    (image.convert(mode) if mode else image).save(file, kind, **options)
    return file.getvalue()


def huge_png(width: int, height: int) -> bytes:
    """Return a PNG whose header promises so many pixels, and which has none."""
    header = width.to_bytes(4, "big") + height.to_bytes(4, "big") + b"\x08\x02\x00\x00\x00"
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(bytes(100))), (b"IEND", b""))
    body = b"".join(
        len(data).to_bytes(4, "big") + name + data + zlib.crc32(name + data).to_bytes(4, "big") for name, data in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + body


def write_picture(path: Path, pixels: NDArray[np.uint8]) -> Path:
    """Write a picture in the format of its ending, and return `path`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return path


def shapes() -> list[tuple[str, str]]:
    """Return colour and place of every picture that `caption_table` writes."""
    return [(colour, place) for place in PLACES for colour in COLOURS]


def caption_table(folder: Path, splits: Sequence[str] = ("train",), side: int = 16) -> Path:
    """Write a picture of each colour and place with a table of their captions, and return the table.

    splits   of one picture after the other, again and again
    """
    lines = ["file\tsplit\tbase\tcaption"]
    for n, (colour, place) in enumerate(shapes()):
        name = f"{place}-{colour}.png"
        write_picture(folder / "images" / name, shape_picture(colour, place, side))
        lines.append(f"{name}\t{splits[n % len(splits)]}\t{place}\t{colour} {place}")
    table = folder / "captions.tsv"
    table.write_text("\n".join(lines) + "\n")
    return table
