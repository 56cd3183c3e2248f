"""Places below each other, aligned."""

from __future__ import annotations

from support.screens import painted
from textual.app import App, ComposeResult

from lstmtui.tui.widgets.place_list import PlaceList, last_cells

PLACES = (
    ("before it, ", "cat", " sat"),
    ("", "cat", "."),
    ("日本 ", "catty", " and a long end that is cut at the border"),
    *(("", "cat", f" number {n}") for n in range(3, 9)),
)


class Listed(App[None]):
    def compose(self) -> ComposeResult:
        yield PlaceList()


async def test_places_begin_in_one_column_and_the_chosen_one_is_shown() -> None:
    app = Listed()
    async with app.run_test(size=(30, 4)) as pilot:
        listed = app.query_one(PlaceList)
        listed.places = PLACES
        await pilot.pause()
        lines = painted(app).splitlines()
        assert lines[0].startswith("▸  · before it, cat sat")
        assert {line.index("cat") for line in lines[:2]} == {lines[0].index("cat")}
        assert "日本 catty and" in lines[2]
        listed.chosen = 8
        await pilot.pause()
        assert [line[:4] for line in painted(app).splitlines()[:4]] == ["   5", "   6", "   7", "▸  8"]


def test_the_end_of_a_text_is_cut_by_cells_and_filled_with_blanks() -> None:
    assert last_cells("a日本", 4) == "日本"
    assert last_cells("a日本", 3) == " 本"
    assert last_cells("ab", 4) == "  ab"
    assert last_cells("ab", 0) == ""
