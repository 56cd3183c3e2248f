"""The layout of the live screen as a text."""

from __future__ import annotations

import pytest

from lstmtui.errors import UsageError
from lstmtui.tui.panel_layout import PanelLayout, parse


def test_a_layout_is_the_text_that_it_becomes() -> None:
    layout = PanelLayout().toggled(4).toggled(2).moved("panels", 0.4).moved("lower", 0.55)
    assert layout.text() == "hidden 2 4, lower 0.55, panels 0.4"
    assert parse(layout.text()) == layout
    assert layout.toggled(4).toggled(2).moved("panels", None).moved("lower", None) == parse("") == PanelLayout()
    assert PanelLayout().text() == ""


@pytest.mark.parametrize(
    "text", ["hidden 5", "hidden 1 2 3 4", "panels 1", "panels nan", "left 0.4", "lower 0.2 0.3", "hidden x"]
)
def test_what_is_no_layout_is_named(text: str) -> None:
    with pytest.raises(UsageError, match=r"screens\.layout: "):
        parse(text)
