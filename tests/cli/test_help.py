"""Help pages, as a new user reads them in a terminal of 80 columns."""

from __future__ import annotations

import itertools
import re

import pytest

from lstmtui.cli.commands import COMMANDS
from lstmtui.cli.help import choices_suffix, metavar, reflow


def pages():
    """Yield the words of every command, and of groups."""
    yield ""
    for entry in COMMANDS:
        yield entry.name
        yield from (f"{entry.name} {sub}" for sub in getattr(entry.load(), "commands", ()))


@pytest.mark.parametrize("entry", COMMANDS, ids=lambda entry: entry.name)
def test_the_page_of_all_commands_says_what_each_page_begins_with(entry):
    command = entry.load()
    assert entry.summary == (command.help or "").partition("\n\n")[0]
    assert (command.name, command.rich_help_panel, command.hidden) == (entry.name, entry.panel, entry.hidden)


@pytest.mark.parametrize("page", list(pages()))
def test_a_page_fits_80_columns_and_names_no_type(lstmtui, monkeypatch, page):
    monkeypatch.setenv("COLUMNS", "80")
    said = lstmtui(*page.split(), "--help")
    assert (said.code, said.err) == (0, "")
    assert max(map(len, said.out.splitlines())) <= 80
    assert not re.search(r"<(bool|str|int|float|list)|\[bold|\.\.\.\}", said.out)


def test_paragraphs_are_reflowed(lstmtui, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    for page in ("evaluate", "pack", "resume", "adapt"):
        text = lstmtui(page, "--help").out.partition("╭")[0]
        for paragraph in re.split(r"\n *\n", text.strip())[1:]:
            lines = [line.rstrip() for line in paragraph.splitlines()]
            for line, following in itertools.pairwise(lines):
                if not re.match(
                    r" (saved|each once|hit|MRR|coverage|precision|ghost|latency|network|adapted) ", following
                ):
                    assert len(line) + 1 + len(following.split()[0]) > 78, (page, line)


def test_reflow():
    assert reflow("One\n    two.\n\n    Three\n    four.\n    [bold]five[/bold] = 5\n    six") == (
        "One two.\n\nThree four.\n[bold]five[/bold] = 5 six"
    )
    assert reflow("") == ""


def test_choices_move_to_the_text_when_they_are_long():
    assert (metavar(("a", "b")), choices_suffix(("a", "b"))) == ("a|b", "")
    names = ("braille", "block", "ascii")
    assert (metavar(names), choices_suffix(names)) == ("WORD", ": braille, block or ascii")


def test_each_choice_of_a_setting_is_on_its_page(lstmtui, monkeypatch):
    from lstmtui import config

    monkeypatch.setenv("COLUMNS", "200")
    page = lstmtui("train", "--help").out
    for field in config.FIELDS.values():
        for choice in field.metadata["choices"]:
            assert choice in page
    assert "(default no)" in page
    assert "False" not in page
