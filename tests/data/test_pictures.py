"""Pictures of every kind become squares on white paper; what is none is refused in a sentence."""

from __future__ import annotations

import io
import os
import resource

import numpy as np
import pytest
from PIL import Image
from support.pictures import encoded, huge_png, shape_picture

from lstmtui.data.pictures import PictureError, check_picture, fitted, read_picture

RED_LEFT = shape_picture("red", "left")
KINDS = {
    "png": (encoded(RED_LEFT), 0),
    "palette": (encoded(RED_LEFT, mode="P"), 0),
    "gif": (encoded(RED_LEFT, "GIF"), 0),
    "bmp": (encoded(RED_LEFT, "BMP"), 0),
    "ppm": (encoded(RED_LEFT, "PPM"), 0),
    "webp": (encoded(RED_LEFT, "WEBP", lossless=True), 0),
    "jpeg": (encoded(RED_LEFT, "JPEG", quality=95, subsampling=0), 8),
    "CMYK jpeg": (encoded(RED_LEFT, "JPEG", mode="CMYK", quality=95, subsampling=0), 8),
}


def read(data: bytes, side: int = 16):
    return read_picture(io.BytesIO(data), side, "a.png")


@pytest.mark.parametrize("kind", KINDS)
def test_a_picture_of_any_kind_has_its_colours(kind):
    data, tolerance = KINDS[kind]
    pixels, note = read(data)
    assert pixels.shape == (16, 16, 3)
    assert pixels.dtype == np.uint8
    assert np.abs(pixels.astype(int) - RED_LEFT).max() <= tolerance
    assert note == ""


@pytest.mark.parametrize("kind", ["RGBA", "LA", "P with transparency"])
def test_paper_shows_through_where_a_picture_is_transparent(kind):
    pixels = np.zeros((4, 4, 4), np.uint8)
    pixels[:2, :, 3] = 255
    if kind == "P with transparency":
        image = Image.new("P", (4, 4), 1)
        image.putpalette([0, 0, 0, 9, 9, 9])
        image.paste(0, (0, 0, 4, 2))
        file = io.BytesIO()
        image.save(file, "PNG", transparency=1)
        data = file.getvalue()
    else:
        data = encoded(pixels, mode=kind)
    found = read(data, 4).pixels
    assert (found[:2] == 0).all()
    assert (found[2:] == 255).all()


def test_half_transparent_ink_is_mixed_with_the_paper():
    pixels = np.zeros((2, 2, 4), np.uint8)
    pixels[..., 3] = 102
    assert (read(encoded(pixels), 2).pixels == 153).all()


def test_grey_of_sixteen_bits_is_scaled():
    file = io.BytesIO()
    Image.fromarray(np.array([[0, 65535], [257 * 7, 32896]], np.uint16)).save(file, "PNG")
    assert read(file.getvalue(), 2).pixels[..., 0].tolist() == [[0, 255], [7, 128]]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_picture_stands_as_exif_says(orientation):
    upright = np.full((16, 8, 3), 255, np.uint8)
    upright[:4, :4] = 0
    turns = {
        1: [], 2: [np.fliplr], 3: [np.flipud, np.fliplr], 4: [np.flipud], 5: [np.transpose],
        6: [np.rot90], 7: [np.transpose, np.flipud, np.fliplr], 8: [np.rot90, np.flipud, np.fliplr],
    }[orientation]  # fmt: skip
    stored = upright
    for turn in turns:
        stored = stored.transpose(1, 0, 2) if turn is np.transpose else turn(stored)
    exif = Image.Exif()
    exif[0x0112] = orientation
    found = read(encoded(np.ascontiguousarray(stored), "PNG", exif=exif)).pixels
    assert (found[:4, 4:8] == 0).all()
    assert (found == 0).sum() == 16 * 3


def test_sides_keep_their_proportion_in_the_middle_of_the_paper():
    wide = np.zeros((4, 16, 3), np.uint8)
    found = read(encoded(wide), 8).pixels
    assert (found[3:5] == 0).all()
    assert (found[:3] == 255).all()
    assert (found[5:] == 255).all()
    thin = read(encoded(np.zeros((300, 1, 3), np.uint8)), 8).pixels
    assert (thin == 0).sum() == 8 * 3


def test_a_single_pixel_fills_the_square():
    assert (read(encoded(np.full((1, 1, 3), 9, np.uint8))).pixels == 9).all()


def test_the_first_frame_of_an_animation_is_used_and_noted():
    first, second = (Image.fromarray(shape_picture(colour, "left")) for colour in ("red", "blue"))
    file = io.BytesIO()
    first.save(file, "GIF", save_all=True, append_images=[second])
    pixels, note = read(file.getvalue())
    assert (pixels == RED_LEFT).all()
    assert note == "The picture a.png is animated; its first frame is used."


BAD = {
    "is empty": b"",
    "is cut short or damaged": encoded(np.random.default_rng(1).integers(0, 255, (64, 64, 3), np.uint8))[:3000],
    "is cut short or damaged ": b"\x89PNG\r\n\x1a\n" + bytes(99),
    "has 20,000 x 2,501 pixels; at most 50 million can be read": huge_png(20_000, 2_501),
    "has too many pixels; at most 50 million can be read": huge_png(20_000, 20_000),
    "is an SVG drawing; convert it to PNG": b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"/>',
    "is a TIFF picture; convert it to PNG": encoded(RED_LEFT, "TIFF"),
    "is a text, not a picture": b"a cat on a mat\n",
    "is a PDF document": b"%PDF-1.7",
    "is a FLAC recording": b"fLaC\x00",
    "is a Git LFS pointer, not the file itself": b"version https://git-lfs.github.com/spec/v1\n",
    "is no picture in a format that can be read": b"\xff\xfe\x00\x01" * 9,
}


@pytest.mark.parametrize("problem", BAD)
def test_what_is_no_picture_is_refused_in_a_sentence(problem):
    with pytest.raises(PictureError) as refused:
        read(BAD[problem])
    assert str(refused.value) == f"The picture a.png {problem.strip()}."


def test_a_large_picture_is_refused_by_its_header():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for size in ((20_000, 20_000), (2**31 - 1, 2**31 - 1), (7_100, 7_100)):
        with pytest.raises(PictureError):
            read(huge_png(*size))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20_000  # KiB


def test_a_name_that_is_no_file_is_refused(tmp_path):
    with pytest.raises(PictureError, match=r"is missing\.$"):
        check_picture(tmp_path / "none.png")
    with pytest.raises(PictureError, match=r"is a folder\.$"):
        check_picture(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(PictureError, match=r"is no file\.$"):
        check_picture(tmp_path / "pipe")


def test_the_header_alone_is_checked(tmp_path):
    (tmp_path / "a.png").write_bytes(huge_png(100, 100))
    check_picture(tmp_path / "a.png")
    with pytest.raises(PictureError, match="is cut short or damaged"):
        read_picture(tmp_path / "a.png", 8)


def test_arrays_are_fitted_as_files_are():
    grey = np.array([[0, 255], [255, 0]], np.uint8)
    assert (fitted(grey, 2, "x")[..., 1] == grey).all()
    assert fitted(np.dstack([grey] * 4), 4, "x").shape == (4, 4, 3)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (np.zeros((2, 2), np.float32), "is an array of 2 x 2 float32, not of uint8"),
        (np.zeros((2, 2, 2), np.uint8), "is an array of 2 x 2 x 2 uint8"),
        (np.zeros((0, 2), np.uint8), "has no pixels"),
        (np.lib.stride_tricks.as_strided(np.zeros(1, np.uint8), (9000, 9000), (0, 0)), "has 9,000 x 9,000 pixels"),
    ],
)
def test_arrays_that_are_no_picture_are_refused(values, words):
    with pytest.raises(PictureError, match=words):
        fitted(values, 4, "x")
