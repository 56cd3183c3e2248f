"""The manual: its pages are listed and read, and what they name is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import typer

from lstmtui import manual
from lstmtui.cli.commands import app
from lstmtui.config import CELLS

ROOT = Path(__file__).parents[2]
KNOWN = set(typer.main.get_command(app).commands)  # type: ignore[attr-defined]


def test_pages_are_listed_in_reading_order(lstmtui):
    outcome = lstmtui("docs")
    assert outcome.code == 0
    assert [line.split()[0] for line in outcome.out.splitlines()] == list(manual.ORDER)
    assert all(len(line.split()) > 1 for line in outcome.out.splitlines())


def test_a_page_is_read_by_its_name_or_its_beginning(lstmtui):
    assert lstmtui("docs", "cells").out == manual.read("cells")
    assert lstmtui("docs", "ce").out == manual.read("cells")


@pytest.mark.parametrize("name", ["nothing", "", "c"])
def test_an_unknown_page_is_refused_with_the_pages_there_are(lstmtui, name):
    outcome = lstmtui("docs", name)
    assert outcome.code == 2
    assert "getting-started" in outcome.err


def test_every_file_of_the_manual_is_a_page():
    assert {path.stem for path in (ROOT / "lstmtui" / "docs").glob("*.md")} == set(manual.ORDER)


def test_every_cell_has_a_section():
    assert set(CELLS) <= set(re.findall(r"^## (\w+)", manual.read("cells"), re.MULTILINE))


@pytest.mark.parametrize("page", manual.ORDER)
def test_commands_and_files_that_are_named_exist(page):
    text = manual.read(page)
    code = "\n".join(re.findall(r"```.*?```|`[^`\n]+`", text, re.DOTALL))
    for command in re.findall(r"\blstmtui ([a-z]+)", code):
        assert command in KNOWN, command
    for name in re.findall(r"`((?:tests|lstmtui|kernels)/[a-z_/]+\.(?:py|toml))`", text):
        assert (ROOT / name).exists(), name
