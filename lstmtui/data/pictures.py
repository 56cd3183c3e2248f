"""Pictures as squares of RGB values, read by Pillow, of the extra `pictures`.

    pixels, note = read_picture(Path("a.png"), 64)          # (64, 64, 3) uint8

The whole picture is scaled to fit, its sides in proportion, and stands in the middle of white paper, which also shows
through where it is transparent. What a file is, its first bytes say, not its name. The size in the header is checked
before any pixel is read, so that memory is bounded.
"""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lstmtui.data.file_kinds import SOUNDS, foreign_kind
from lstmtui.errors import LstmtuiError, UsageError

Image = Any
"""`PIL.Image.Image`, which is imported only where a picture is read."""
Pixels = NDArray[np.uint8]

MAX_PIXELS = 50_000_000
"""Of a picture that is read: 200 MB with transparency, and as much again while it is converted."""
WHITE = 255
CHANNELS = 3
SUFFIXES = (".png", ".jpg", ".jpeg", ".gif", ".webp", ".bmp", ".ppm", ".pgm")
"""Endings of the files of a folder that are taken for pictures."""
_FORMATS = ("PNG", "JPEG", "GIF", "WEBP", "BMP", "PPM")
"""What Pillow may try: no format that starts another program, whose library writes to the terminal, as that of TIFF, or
that is seldom used and seldom tested."""
_HEAD = 512
_ORIENTATION = 0x0112
"""The EXIF tag that says how the camera was held."""
MISSING = "Pictures need the package Pillow; install it with: pip install 'lstmtui[pictures]'."


class PictureError(UsageError):
    """A picture that cannot be read; the message is a sentence that names it."""

    def __init__(self, name: str, problem: str) -> None:
        """`problem` is the end of "The picture NAME ...", without the full stop."""
        super().__init__(f"The picture {name} {problem}.")
        self.problem = problem


class ReadPicture(NamedTuple):
    """A picture, and what a person should know of it."""

    pixels: Pixels
    """(side, side, 3)"""
    note: str
    """A sentence, such as that it is animated; empty for nothing."""


def require_library() -> None:
    """Raise LstmtuiError where the extra `pictures` is not installed, without loading it."""
    import importlib.util

    if importlib.util.find_spec("PIL") is None:
        raise LstmtuiError(MISSING)


def check_picture(path: Path) -> None:
    """Raise PictureError where the header of a picture says that it cannot be read; no pixel is read."""
    with _opened(path, str(path)):
        pass


def read_picture(source: Path | BinaryIO, side: int, name: str = "") -> ReadPicture:
    """Return a picture as a square of `side` pixels: a file, or a stream such as a pipe, which is called `name`.

    Raises PictureError for what is no picture, is damaged or too large, LstmtuiError where Pillow is missing.
    """
    name = name or str(source)
    with _opened(source, name) as image:
        note = f"The picture {name} is animated; its first frame is used." if _is_animated(image) else ""
        try:
            found = _drawn(image, side)
        except PictureError:
            raise
        except Exception as error:  # Pillow raises nearly every error for damaged files
            raise PictureError(name, "is cut short or damaged") from error
    return ReadPicture(found, note)


def fitted(values: NDArray[Any], side: int, name: str) -> Pixels:
    """Return an array of pixels, grey (H, W) or with 3 or 4 channels (H, W, C), 0 to 255, as a square of `side`.

    Raises PictureError for another shape or type, and for too many pixels.
    """
    from PIL import Image as pillow  # noqa: N813  (a module with the name of its class)

    if values.dtype != np.uint8 or values.ndim not in (2, 3) or (values.ndim == 3 and values.shape[2] not in (3, 4)):
        shape = " x ".join(map(str, values.shape))
        raise PictureError(name, f"is an array of {shape} {values.dtype}, not of uint8 with 1, 3 or 4 channels")
    height, width = values.shape[:2]
    if not height * width:
        raise PictureError(name, "has no pixels")
    if height * width > MAX_PIXELS:
        raise PictureError(name, _size_problem(width, height))
    return _on_paper(_as_colours(pillow.fromarray(values)), side)


# --- reading ----------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def _opened(source: Path | BinaryIO, name: str) -> Iterator[Image]:
    """Open a picture, of which only the header is read. Raises as `read_picture` does."""
    try:
        from PIL import Image as pillow  # noqa: N813
    except ImportError:
        raise LstmtuiError(MISSING) from None
    with contextlib.ExitStack() as stack:
        try:
            stream = stack.enter_context(_open_file(source, name)) if isinstance(source, Path) else source
            if not stream.seekable():
                stream = io.BytesIO(_all_of(stream, name))
            head = stream.read(_HEAD)
            stream.seek(0)
        except OSError as error:
            reason = "is missing" if isinstance(error, FileNotFoundError) else f"cannot be read ({error.strerror})"
            raise PictureError(name, reason) from error
        if not head:
            raise PictureError(name, "is empty")
        stack.enter_context(warnings.catch_warnings())
        warnings.simplefilter("ignore")  # of large pictures, whose size is checked here, and of damaged EXIF data
        try:
            image = stack.enter_context(pillow.open(stream, formats=_FORMATS))
        except pillow.DecompressionBombError as error:
            raise PictureError(name, _size_problem()) from error
        except Exception as error:  # as of damaged files
            raise PictureError(name, _foreign(head)) from error
        if image.width * image.height > MAX_PIXELS:
            raise PictureError(name, _size_problem(*image.size))
        yield image


def _open_file(path: Path, name: str) -> BinaryIO:
    """Open a file. Raises OSError, PictureError for what is none: opening a pipe would wait."""
    if path.stat() and not path.is_file():
        raise PictureError(name, "is a folder" if path.is_dir() else "is no file")
    return open(path, "rb")


def _all_of(stream: BinaryIO, name: str) -> bytes:
    """Return what is in a pipe. Raises PictureError for more bytes than a picture of MAX_PIXELS needs."""
    data = stream.read(4 * MAX_PIXELS + 1)
    if len(data) > 4 * MAX_PIXELS:
        raise PictureError(name, _size_problem())
    return data


def _size_problem(width: int = 0, height: int = 0) -> str:
    """Return what is wrong with the size of a picture; that of one with far too many pixels is not known."""
    limit = f"at most {MAX_PIXELS // 1_000_000} million can be read"
    if width and height:
        return f"has {width:,} x {height:,} pixels; {limit}"
    return f"has too many pixels; {limit}"


def _foreign(head: bytes) -> str:
    """Return what is wrong with a file that Pillow does not know, by its first bytes."""
    if b"<svg" in head.lower():
        return "is an SVG drawing; convert it to PNG"
    if head.startswith((b"II*\0", b"MM\0*")):
        return "is a TIFF picture; convert it to PNG"
    if kind := foreign_kind(head, SOUNDS):
        return f"is {kind}"
    if foreign_kind(head):
        return "is cut short or damaged"
    with contextlib.suppress(UnicodeDecodeError):
        head[: head.rfind(b"\n") + 1 or len(head)].decode("utf-8")
        return "is a text, not a picture"
    return "is no picture in a format that can be read"


def _is_animated(image: Image) -> bool:
    """Return whether a picture has several frames; a telephone's JPEG has others for its own use."""
    try:
        return image.format not in ("JPEG", "MPO") and bool(getattr(image, "is_animated", False))
    except Exception:  # a later frame is damaged
        return True


# --- drawing ----------------------------------------------------------------------------------------------------------


def _drawn(image: Image, side: int) -> Pixels:
    """Return the pixels of an open picture."""
    image.draft(None, (2 * side, 2 * side))  # a JPEG is decoded at an eighth of its size where that is enough
    orientation = _orientation(image)
    image.load()
    return _on_paper(_as_colours(image), side, orientation)


def _orientation(image: Image) -> int:
    """Return the EXIF orientation, 1 where nothing says it."""
    with contextlib.suppress(Exception):  # damaged EXIF data are no reason to refuse a picture
        return int(image.getexif().get(_ORIENTATION, 1))
    return 1


def _as_colours(image: Image) -> Image:
    """Return the picture as RGB, or as RGBA where it has transparency. Raises ValueError for unknown modes."""
    if image.mode.startswith("I"):  # 16 bits
        from PIL import Image as pillow  # noqa: N813

        values = np.clip(np.asarray(image), 0, 65535)
        image = pillow.fromarray((values // 257).astype(np.uint8))
    if image.mode in ("RGB", "RGBA"):
        return image
    return image.convert("RGBA" if image.has_transparency_data else "RGB")


def _on_paper(image: Image, side: int, orientation: int = 1) -> Pixels:
    """Return an RGB or RGBA picture in the middle of a white square, turned as EXIF says."""
    from PIL import Image as pillow  # noqa: N813

    scale = side / max(image.size)
    size = tuple(max(1, round(length * scale)) for length in image.size)
    if size != image.size:
        # The gap: a large picture is first averaged over blocks, which is quick and nearly the same.
        image = image.resize(size, pillow.Resampling.BICUBIC, reducing_gap=3.0)
    turns = pillow.Transpose
    turn = {
        2: turns.FLIP_LEFT_RIGHT, 3: turns.ROTATE_180, 4: turns.FLIP_TOP_BOTTOM, 5: turns.TRANSPOSE,
        6: turns.ROTATE_270, 7: turns.TRANSVERSE, 8: turns.ROTATE_90,
    }.get(orientation)  # fmt: skip
    if turn is not None:
        image = image.transpose(turn)
    paper = pillow.new("RGB", (side, side), (WHITE, WHITE, WHITE))
    corner = ((side - image.width) // 2, (side - image.height) // 2)
    paper.paste(image, corner, image if image.mode == "RGBA" else None)
    return np.array(paper)
