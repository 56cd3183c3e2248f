"""Pictures with captions: tables, packed files, folders, and what is left out of them."""

from __future__ import annotations

import numpy as np
import pytest
from support.pictures import caption_table, encoded, huge_png, shape_picture, write_picture

from lstmtui.data.captions import LeftOut, PictureName, Row, open_rows, read_rows, rows_to_test
from lstmtui.errors import UsageError

RED = shape_picture("red", "left")


def opened(*names, check=True):
    rows, left_out = read_rows([str(name) for name in names])
    return open_rows(rows, left_out, check=check), left_out


@pytest.mark.parametrize("inside", [True, False])
def test_a_table_names_files_beside_it_or_in_images(tmp_path, inside):
    table = caption_table(tmp_path, ("train", "val", "test"))
    write_picture(tmp_path / "left-red.png", RED)
    rows, left_out = read_rows([str(tmp_path if inside else table)])
    assert rows[0] == Row(PictureName(tmp_path / "left-red.png"), ("red left",), "left", "train")
    assert rows[1] == Row(
        PictureName(tmp_path / "images" / "left-green.png"), ("green left",), "left", "valid", place=1
    )
    found = open_rows(rows, left_out)
    assert len(found) == left_out.count == 16
    assert left_out.notes() == []
    assert found.places == tuple(range(16))


def test_several_lines_and_aliases_are_captions_of_one_picture(tmp_path):
    write_picture(tmp_path / "a.png", RED)
    (tmp_path / "t.tsv").write_text(
        "image\tcaption\taliases\tconcept\n"
        "a.png\ta  red half\tred, a red half, half in red\tshape\n"
        "a.png\tscarlet\n"
    )  # fmt: skip
    found, left_out = opened(tmp_path / "t.tsv")
    assert found.references == (("a red half", "red", "half in red", "scarlet"),)
    assert found.concepts == ("shape",)
    assert left_out.count == 1


def test_packed_pictures_have_the_table_beside_them(tmp_path):
    np.savez_compressed(tmp_path / "Flat.npz", images=np.zeros((3, 4, 4), np.uint8))
    (tmp_path / "c.tsv").write_text("file\tcaption\tflat\nx.png\tone\t2\ny.png\ttwo\t\nz.png\tthree\t0\n")
    by_file, _ = opened(tmp_path / "Flat.npz")
    by_table, _ = opened(tmp_path / "c.tsv")
    assert by_file == by_table
    assert by_file.pictures == (PictureName(tmp_path / "Flat.npz", 2), PictureName(tmp_path / "Flat.npz", 0))
    assert str(by_file.pictures[0]).endswith("Flat.npz, row 2")


def test_a_folder_pairs_pictures_with_the_lines_beside_them(tmp_path):
    for name in ("b.png", "deep/a.JPG", "c.png"):
        write_picture(tmp_path / name, RED)
    (tmp_path / "b.txt").write_text("a red  half\n\nred\n")
    (tmp_path / "deep" / "a.txt").write_text("left")
    found, left_out = opened(tmp_path)
    assert found.references == (("a red half", "red"), ("left",))
    assert left_out.notes() == ["Of 3 pictures, 1 is left out: 1 without a text beside it."]


def test_what_cannot_be_used_is_left_out_and_told(tmp_path):
    for name in ("a", "b"):
        write_picture(tmp_path / f"{name}.png", RED)
    (tmp_path / "c.png").write_bytes(huge_png(20_000, 20_000))
    (tmp_path / "d.png").write_text("a cat\n")
    (tmp_path / "t.tsv").write_text("file\tcaption\na.png\tred\nb.png\t\nc.png\thuge\nd.png\tcat\ne.png\tgone\n")
    found, left_out = opened(tmp_path / "t.tsv")
    assert found.references == (("red",),)
    assert left_out.notes() == [
        f"Of 5 pictures, 4 are left out: 1 without a caption, 3 that cannot be read; the first of these: The picture "
        f"{tmp_path / 'c.png'} has too many pixels; at most 50 million can be read."
    ]
    unchecked, _ = opened(tmp_path / "t.tsv", check=False)
    assert unchecked.places == (0, 2, 3, 4)
    assert unchecked.select(np.array([False, True, False, True])).references == (("huge",), ("gone",))


def test_a_row_beyond_the_packed_pictures_is_left_out(tmp_path):
    np.savez_compressed(tmp_path / "p.npz", images=np.zeros((1, 4, 4), np.uint8))
    (tmp_path / "c.tsv").write_text("caption\tp\none\t0\ntwo\t1\n")
    found, left_out = opened(tmp_path / "p.npz")
    assert len(found) == 1
    assert "row 1 is not among the 1 picture of the file." in left_out.notes()[0]


def test_the_rows_for_the_test_are_chosen(tmp_path):
    rows, _ = read_rows([str(caption_table(tmp_path, ("train", "test")))])
    chosen, note = rows_to_test(rows)
    assert {row.part for row in chosen} == {"test"}
    assert note == "Of 16 pictures, the 8 for the test are evaluated (column split)."
    assert rows_to_test(chosen) == (chosen, "")
    assert open_rows(chosen, LeftOut()).places == tuple(range(1, 16, 2))


def several(folder):
    for name in ("x", "y"):
        np.savez_compressed(folder / f"{name}.npz", images=np.zeros((1, 4, 4), np.uint8))
    return written(folder / "c.tsv", "caption\tx\ty\none\t0\t0\n")


def written(path, text):
    path.write_text(text)
    return path


BAD = {
    "There is no folder or table": lambda folder: folder / "none",
    "give those that are meant: x.npz, y.npz": several,
    "must name its columns, with tabs between them": lambda folder: written(folder / "t.tsv", "file,caption\na,b\n"),
    "is one picture": lambda folder: write_picture(folder / "a.png", RED),
    "has no picture with a .txt file of the same name": lambda folder: folder,
    "with the columns caption and a, which has the row": lambda folder: written(folder / "a.npz", "x"),
    "has no row number in the column x": lambda folder: written(several(folder), "caption\tx\none\tfirst\n"),
    "names no file": lambda folder: written(folder / "t.tsv", "file\tcaption\n\tb\n"),
}


@pytest.mark.parametrize("words", BAD)
def test_a_name_that_cannot_be_used_is_refused_in_a_sentence(tmp_path, words):
    with pytest.raises(UsageError) as refused:
        read_rows([str(BAD[words](tmp_path))])
    assert words in str(refused.value)
    assert str(refused.value).endswith(".")


def test_pictures_without_any_text_are_counted(tmp_path):
    (tmp_path / "a.gif").write_bytes(encoded(RED, "GIF"))
    with pytest.raises(UsageError, match=r"has 1 picture in it, but no \.txt file of the same name"):
        read_rows([str(tmp_path)])
