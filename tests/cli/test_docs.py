"""`docs` lists and prints the pages of the manual."""

from __future__ import annotations

import pytest

from lstmtui import manual


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
