"""Decoded pictures in the cache: decoded once, found again, and decoded anew where file or side differ."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from support.pictures import caption_table, encoded, huge_png, shape_picture, write_picture

from lstmtui.config import PictureSettings
from lstmtui.data import picture_file
from lstmtui.data.captions import open_rows, read_rows
from lstmtui.data.picture_augmentation import picture_of
from lstmtui.data.picture_file import stored_pictures
from lstmtui.data.pictures import PictureError
from lstmtui.errors import UsageError


def captions(*names):
    return open_rows(*read_rows([str(name) for name in names]))


@pytest.fixture
def table(tmp_path):
    return caption_table(tmp_path / "a")


def test_each_picture_has_its_pixels(table, tmp_path):
    done = []
    found = stored_pictures(captions(table), 16, progress=done.append, cache=tmp_path)
    assert found.values.shape == (16, 16, 16, 3)
    assert not found.values.flags.writeable
    assert (found[6] == shape_picture("blue", "right")).all()
    assert done == pytest.approx(np.arange(1, 17) / 16)
    assert found.usable.all()
    s = PictureSettings(side=16, patch=4)
    assert (picture_of(found.vectors(6, s), 4) == found[6]).all()
    assert (found.vectors(6, s, np.random.default_rng(1)) != found.vectors(6, s)).any()
    chosen = found.select(np.arange(16) == 6)
    assert len(chosen) == 1
    assert (chosen[0] == found[6]).all()


def test_they_are_decoded_once(table, tmp_path, monkeypatch):
    first = stored_pictures(captions(table), 8, cache=tmp_path)
    monkeypatch.setattr(picture_file, "read_picture", None)
    again = stored_pictures(captions(table), 8, cache=tmp_path)
    assert again.digest == first.digest
    np.testing.assert_array_equal(again.values, first.values)


def test_another_file_side_or_choice_is_another_folder(table, tmp_path):
    whole = captions(table)
    digests = [stored_pictures(whole, side, cache=tmp_path).digest for side in (8, 16)]
    digests.append(stored_pictures(whole.select(np.arange(16) < 9), 8, cache=tmp_path).digest)
    write_picture(table.parent / "images" / "left-red.png", shape_picture("red", "right"))
    digests.append(stored_pictures(whole, 8, cache=tmp_path).digest)
    assert len(set(digests)) == 4


@pytest.mark.parametrize("name", ["pixels.bin", "contents.json"])
@pytest.mark.parametrize("damage", [lambda data: data[:-1], lambda data: b"x" + data[1:], lambda data: b""])
def test_a_damaged_folder_is_decoded_anew(table, tmp_path, name, damage):
    first = np.array(stored_pictures(captions(table), 8, cache=tmp_path).values)
    (path,) = (tmp_path / "pictures").glob(f"*/{name}")
    path.write_bytes(damage(path.read_bytes()))
    np.testing.assert_array_equal(stored_pictures(captions(table), 8, cache=tmp_path).values, first)


def test_damage_and_animations_are_told(table, tmp_path):
    images = table.parent / "images"
    (images / "left-green.png").write_bytes(huge_png(99, 99))  # its header is sound
    red, blue = (picture for picture in map(_image, ("red", "blue")))
    red.save(images / "left-blue.png", "GIF", save_all=True, append_images=[blue])
    for _ in range(2):
        found = stored_pictures(captions(table), 8, cache=tmp_path)
        assert found.damaged == {1: f"The picture {images / 'left-green.png'} is cut short or damaged."}
        assert (found[1] == 255).all()
        assert found.usable.tolist() == [n != 1 for n in range(16)]
        assert found.remarks == (f"The picture {images / 'left-blue.png'} is animated; its first frame is used.",)
    assert found.notes == (*found.damaged.values(), *found.remarks)
    twice = dataclasses.replace(found, remarks=("It moves.", "It moves, too."))
    assert twice.notes[1] == "It moves. (1 more like it.)"
    assert found.select(np.arange(16) > 0).usable.tolist() == [False] + [True] * 14


def _image(colour):
    import io

    from PIL import Image

    return Image.open(io.BytesIO(encoded(shape_picture(colour, "left"))))


def test_packed_pictures_are_scaled(tmp_path):
    images = np.stack([np.full((4, 4), grey, np.uint8) for grey in (0, 100, 200)])
    np.savez_compressed(tmp_path / "p.npz", images=images)
    (tmp_path / "c.tsv").write_text("caption\tp\nlight\t2\ndark\t0\n")
    found = stored_pictures(captions(tmp_path / "p.npz"), 8, cache=tmp_path)
    assert [int(pixels[3, 3, 1]) for pixels in found] == [200, 0]


def test_a_file_that_has_gone_or_is_damaged_is_named(table, tmp_path):
    found = captions(table)
    (table.parent / "images" / "left-red.png").unlink()
    with pytest.raises(PictureError, match=r"left-red\.png cannot be read"):
        stored_pictures(found, 8, cache=tmp_path)
    np.savez(tmp_path / "p.npz", images=np.zeros((1, 4, 4), np.uint8))
    (tmp_path / "c.tsv").write_text("caption\tp\none\t0\n")
    packed = captions(tmp_path / "p.npz")
    (tmp_path / "p.npz").write_bytes(b"PK")
    with pytest.raises(UsageError, match=r"p\.npz holds no arrays"):
        stored_pictures(packed, 8, cache=tmp_path)
