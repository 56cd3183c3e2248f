"""Tables of files with texts."""

from __future__ import annotations

import pytest

from lstmtui.data.file_tables import clean_text, files_below, is_there, part_of, read_table, table_in, text_of
from lstmtui.errors import UsageError


def test_cells_are_found_by_the_names_of_columns(tmp_path):
    path = tmp_path / "a.tsv"
    path.write_text("\ufeffFile\tCaption \tsplit\na.png\ta  cat\n\n b.png \tdog\tdev\t9\n")
    table = read_table(path)
    assert table.columns == ("file", "caption", "split")
    file, split = table.column(("path", "file")), table.column(("split",))
    assert [row.name(file) for row in table.rows] == ["a.png", "b.png"]
    assert [row.cell(split) for row in table.rows] == ["", "dev"]
    assert table.column(("none",)) is None
    assert table.rows[0].cell(None) == ""


def test_a_line_without_a_name_is_an_error_with_its_number(tmp_path):
    path = tmp_path / "a.tsv"
    path.write_text("caption\tfile\n\nword\t \n")
    table = read_table(path)
    with pytest.raises(UsageError, match=r"^Line 3 of .*a\.tsv names no file\.$"):
        table.rows[0].name(1)


def test_the_table_of_a_folder_is_the_first_with_the_columns(tmp_path):
    (tmp_path / "a.tsv").write_text("x\ty\n")
    (tmp_path / "c.tsv").write_text("text\tfile\n")
    (tmp_path / "b.tsv").write_text("image\ttext\n")
    assert table_in(tmp_path, ("file", "image"), ("text",)) == tmp_path / "b.tsv"
    assert table_in(tmp_path, ("file",), ("caption",)) is None


@pytest.mark.parametrize(
    ("word", "part"), [("train", "train"), ("DEV", "valid"), ("val", "valid"), ("test", "test"), ("x", ""), ("", "")]
)
def test_the_parts_of_a_split_are_known(word, part):
    assert part_of(word) == part


def test_texts_are_cleaned_and_may_be_empty(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"")
    assert text_of(tmp_path / "a.txt") == ""
    assert clean_text(" a \n b\t") == "a b"


def test_files_are_found_at_any_depth_by_their_endings(tmp_path):
    for name in ("b.PNG", "a.png", "sub/c.png", ".hidden.png", ".no/d.png", "e.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert [path.name for path in files_below(tmp_path, (".png",))] == ["a.png", "b.PNG", "c.png"]


def test_a_name_with_a_nul_is_not_there(tmp_path):
    assert is_there(tmp_path)
    assert not is_there(tmp_path / "a\0b")
