"""The manual has a page for each file, and what it names exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import typer

from lstmtui import manual
from lstmtui.cli.commands import app
from lstmtui.config import CELLS

ROOT = Path(__file__).parents[1]


KNOWN = set(typer.main.get_command(app).commands)  # type: ignore[attr-defined]


def test_every_file_of_the_manual_is_a_page():
    assert {path.stem for path in (ROOT / "lstmtui" / "docs").glob("*.md")} == set(manual.ORDER)


def test_every_cell_has_a_section():
    assert set(CELLS) <= set(re.findall(r"^## (\w+)", manual.read("cells"), re.MULTILINE))


@pytest.mark.parametrize("page", manual.ORDER)
def test_commands_and_files_that_a_page_names_exist(page):
    text = manual.read(page)
    code = "\n".join(re.findall(r"```.*?```|`[^`\n]+`", text, re.DOTALL))
    for command in re.findall(r"\blstmtui ([a-z-]*[a-z])", code):
        assert command in KNOWN, command
    for name in re.findall(r"`((?:tests|lstmtui|kernels)/[a-z_/]+\.(?:py|toml))`", text):
        assert (ROOT / name).exists(), name
