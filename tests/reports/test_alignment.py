"""Alignments as lines of text."""

import pytest

from lstmtui.reports.alignment import MAX_LABEL, Alignment, name, picture, shade, tokens_read


def test_rows_are_target_tokens_and_columns_source_tokens():
    found = picture(Alignment(("ab", "c"), ("X", "YZ"), ((0.0, 1.0), (0.5, 0.3))))
    assert found == ["   a", "   b c", " X   ██", "YZ ▒▒░░"]


def test_cells_and_names_are_as_wide_as_asked():
    alignment = Alignment(("ab", "c"), ("XYZ", "YZ"), ((0.0, 1.0), (0.5, 0.3)))
    assert picture(alignment, cell=1, max_label=2, max_header=1) == ["   ac", "X…  █", "YZ ▒░"]


def test_a_token_reads_one_source_token_or_all():
    assert tokens_read([[0, 1, 0, 0]] * 3) == pytest.approx(1)
    assert tokens_read([[0.25] * 4] * 3) == pytest.approx(4)
    assert tokens_read([[0.5, 0.5, 0, 0]]) == pytest.approx(2)


def test_a_long_source_goes_on_in_another_block():
    source = tuple(str(n % 10) for n in range(50))
    found = picture(Alignment(source, ("X",), ((1.0,) * 50,)), width=42)
    assert [len(line) for line in found] == [41, 42, 0, 41, 42, 0, 21, 22]
    assert found[1] == "X " + "█" * 40


def test_plain_pictures_are_ascii():
    found = picture(Alignment(("schön",), ("☃",), ((0.9,),)), plain=True)
    assert all(line.isascii() for line in found)
    assert found[-1] == "? ##"


def test_names_are_on_one_line_and_short():
    assert name(" der ") == "der"
    assert name("\x1b\n") == "?"
    assert name(" ") == "_"
    assert len(name("x" * 50)) == MAX_LABEL


def test_shades_rise_with_the_weight():
    assert "".join(shade(n / 4) for n in range(5)) == " ░▒▓█"
