"""The manual: a list of its pages, and the one that is read."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container, Horizontal
from textual.widget import Widget
from textual.widgets import Markdown, OptionList
from textual.widgets.option_list import Option

from lstmtui import manual
from lstmtui.tui.keys import bind
from lstmtui.tui.screens.base import BaseScreen
from lstmtui.tui.widgets.bars import TitleBar
from lstmtui.tui.widgets.key_bar import KeyBar
from lstmtui.tui.widgets.panels import Panel

HEADINGS = "MarkdownH1, MarkdownH2, MarkdownH3"


class PagePanel(Panel):
    """The page; scrolls by key."""

    HELP = "The page has the focus: up and down, page up and page down scroll; [ and ] go from heading to heading."


class ManualScreen(BaseScreen[None]):
    """Read the manual. A narrow terminal shows either the list or the page."""

    HELP: ClassVar[str] = """\
The pages of the manual, as "lstmtui docs" prints them. Enter opens a page, escape goes back to the list. Left and \
right turn to the page before and after, [ and ] to the heading before and after.
"""
    CSS_PATH = "manual.tcss"
    AUTO_FOCUS = "#pages"
    BINDINGS: ClassVar[list[BindingType]] = [
        bind("left", "turn(-1)", "Page before", "manual.page-before", "The page before this one"),
        bind("right", "turn(1)", "Next page", "manual.page-next", "The page after this one"),
        bind("before", "heading(-1)", "Heading before", "manual.heading-before", "The heading before this one"),
        bind("next", "heading(1)", "Next heading", "manual.heading-next", "The heading after this one"),
        bind("back", "back", "Back", "manual.back", "Back to the list of pages, then to the screen below"),
        bind("quit", "app.quit", "Quit", "manual.quit", ""),
        bind("help", "app.help", "Help", "manual.help", ""),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._titles = manual.pages()
        self._page = next(iter(self._titles))

    def compose(self) -> ComposeResult:
        yield TitleBar()
        with Horizontal(id="body"):
            with Container(id="list-panel", classes="panel") as listed:
                listed.border_title = "Manual"
                yield OptionList(*(Option(Text(title), id=name) for name, title in self._titles.items()), id="pages")
            with PagePanel(id="page-panel", classes="panel"):
                yield Markdown(id="page", open_links=False)
        yield KeyBar()

    def on_mount(self) -> None:
        self.query_one(TitleBar).title = "Manual"
        self.query_one("#pages", OptionList).highlighted = 0

    # --- pages ----------------------------------------------------------------------------------------------------

    async def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        await self._show(str(event.option.id))

    def on_option_list_option_selected(self) -> None:
        self.add_class("-reading")
        self.query_one("#page-panel").focus()

    async def _show(self, name: str) -> None:
        self._page = name
        panel = self.query_one(PagePanel)
        panel.border_title = self._titles[name]
        self.query_one(TitleBar).remark = self._titles[name]
        await self.query_one(Markdown).update(manual.read(name).partition("\n")[2])  # its title is the panel's
        panel.scroll_home(animate=False)

    def on_markdown_link_clicked(self, event: Markdown.LinkClicked) -> None:
        """Follow a link to another page; the terminal may open others."""
        name = event.href.removesuffix(".md")
        if name in self._titles:
            self._highlight(name)

    def _highlight(self, name: str) -> None:
        self.query_one("#pages", OptionList).highlighted = list(self._titles).index(name)

    # --- keys -----------------------------------------------------------------------------------------------------

    def action_turn(self, by: int) -> None:
        names = list(self._titles)
        self._highlight(names[min(max(0, names.index(self._page) + by), len(names) - 1)])

    def action_heading(self, by: int) -> None:
        """Scroll to the heading before or after the top of what is visible."""
        panel = self.query_one(PagePanel)
        places = [_row_within(panel, heading) for heading in self.query(HEADINGS)]
        top = panel.scroll_offset.y
        targets = [row for row in places if row > top] if by > 0 else [row for row in places if row < top][::-1]
        if targets:
            panel.scroll_to(y=targets[0], animate=False)
        elif by < 0:
            panel.scroll_home(animate=False)

    def action_back(self) -> None:
        if self.query_one("#page-panel").has_focus:
            self.remove_class("-reading")
            self.query_one("#pages").focus()
        else:
            self.dismiss()


def _row_within(panel: Widget, widget: Widget) -> int:
    """Return the row of `widget` in the scrolled content of `panel`."""
    return widget.virtual_region.y + (widget.parent.virtual_region.y if isinstance(widget.parent, Markdown) else 0)
