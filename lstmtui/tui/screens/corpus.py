"""Choosing a text: one that has a name, or a file or folder of one's own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, cast

from rich.style import Style
from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.widgets import DirectoryTree, Footer, Input, OptionList, Static
from textual.widgets.option_list import Option
from textual.widgets.tree import TreeNode

from lstmtui.common.terminal_text import one_line, safe
from lstmtui.common.units import format_size
from lstmtui.errors import LstmtuiError
from lstmtui.tui.keys import bind
from lstmtui.tui.screens.base import Dialog
from lstmtui.tui.screens.confirm import ConfirmScreen
from lstmtui.tui.widgets.fields import Entry as Line

if TYPE_CHECKING:
    from textual.widgets.directory_tree import DirEntry

    from lstmtui.data.catalogue import CatalogueEntry


class Files(DirectoryTree):
    """Files and folders, their names made safe; hidden ones are left out."""

    ICON_NODE = "▸ "
    ICON_NODE_EXPANDED = "▾ "
    ICON_FILE = "  "

    def render_label(self, node: TreeNode[DirEntry], base_style: Style, style: Style) -> Text:
        label = super().render_label(node, base_style, style)
        plain = safe(label.plain, newlines=False)
        return label if plain == label.plain else Text(plain, style=style)

    def filter_paths(self, paths: object) -> list[Path]:
        return [path for path in cast("list[Path]", paths) if not path.name.startswith(".")]


class CorpusScreen(Dialog[tuple[str, ...] | None]):
    """Answers with the names of the texts chosen."""

    HELP: ClassVar[str] = """\
Type a path, or choose a text that has a name (left), or a file or folder (right; space takes a whole folder). \
Sets that are not here yet are fetched when you choose them, after a question.
"""
    AUTO_FOCUS = "#path"
    BINDINGS: ClassVar[list[BindingType]] = [
        bind("escape", "leave", "Back", "corpus.back", "Back, and change nothing", show=True),
    ]
    DEFAULT_CSS = """
    CorpusScreen #said { height: auto; max-height: 3; color: $foreground 65%; }
    CorpusScreen #said.-error { color: $error; }
    CorpusScreen Horizontal { height: 1fr; }
    CorpusScreen OptionList, CorpusScreen Files {
        width: 1fr; height: 1fr; border: none; border-top: solid $foreground 25%; background: $surface; padding: 0;
        scrollbar-size-vertical: 1;
    }
    CorpusScreen OptionList { width: 3fr; text-wrap: nowrap; text-overflow: ellipsis; }
    CorpusScreen Files { width: 2fr; }
    CorpusScreen OptionList:focus, CorpusScreen Files:focus { border-top: solid $primary; }
    CorpusScreen.-narrow Horizontal { layout: vertical; }
    CorpusScreen.-narrow OptionList, CorpusScreen.-narrow Files { width: 1fr; }
    CorpusScreen.-short .dialog, CorpusScreen.-line .dialog {
        border: none; width: 100%; max-width: 100%; height: 100%;
    }
    CorpusScreen.-line Horizontal { display: none; }
    """

    def __init__(self, chosen: tuple[str, ...], start: Path | None = None) -> None:
        super().__init__()
        self._chosen = chosen
        self._start = start or Path.cwd()

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog panel") as dialog:
            dialog.border_title = "Text to train on"
            dialog.border_subtitle = "tab: next part  enter: take it  space: take a folder  escape: back"
            yield Line("", id="path", placeholder="path of a file or folder …")
            yield Static("", id="said")
            with Horizontal():
                yield OptionList(id="named")
                yield Files(self._start, id="files")
        yield Footer(show_command_palette=False, compact=True)

    def on_mount(self) -> None:
        self.query_one("#said", Static).update(Text("Named texts at the left, your files at the right."))
        from lstmtui.common.paths import cache_root
        from lstmtui.data import catalogue, default_corpus, formal_languages

        named = self.query_one("#named", OptionList)
        options = [
            Option(_line(default_corpus.NAME, "English prose that every Python carries, 1 MB"), default_corpus.NAME)
        ]
        cache = cache_root()
        for entry in catalogue.entries().values():
            here = catalogue.is_fetched(entry, cache)
            length = _size(entry)
            options.append(
                Option(_line(entry.name, f"{'' if here else 'to fetch, '}{length}, {entry.title}"), entry.name)
            )
        options += [
            Option(_line(name, f"generator: {g.title}"), name) for name, g in formal_languages.GENERATORS.items()
        ]
        named.add_options(options)
        named.highlighted = 0

    # --- answers --------------------------------------------------------------------------------------------------

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        if typed := event.value.strip():
            self._take(typed)
        else:
            self.query_one("#named").focus()

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        """Tell all of a line that the list has no room for."""
        if self.query_one("#named").has_focus and isinstance(event.option.prompt, Text):
            self.query_one("#said", Static).update(Text(one_line(event.option.prompt.plain)))

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        self._take(str(event.option.id))

    def on_directory_tree_file_selected(self, event: DirectoryTree.FileSelected) -> None:
        event.stop()
        self._take(str(event.path))

    def on_tree_node_highlighted(self, event: Files.NodeHighlighted[DirEntry]) -> None:
        if event.node.data is not None and self.query_one("#files").has_focus:
            self.query_one("#said", Static).update(Text(one_line(str(event.node.data.path))))

    def key_space(self) -> None:
        files = self.query_one("#files", Files)
        node = files.cursor_node
        if files.has_focus and node is not None and node.data is not None:
            self._take(str(node.data.path))

    def action_leave(self) -> None:
        self.dismiss(None)

    def _take(self, name: str) -> None:
        """Answer with `name` when it can be read; fetch it first where that is needed."""
        from lstmtui.common.paths import cache_root
        from lstmtui.data import catalogue

        entry = catalogue.entries().get(name)
        if entry is None or catalogue.is_fetched(entry, cache_root()):
            self._check(name)
            return

        def answered(yes: bool | None) -> None:
            if yes:
                self._fetch(name)

        where = entry.files[0].url.split("/")[2]
        length = _size(entry)
        self.app.push_screen(
            ConfirmScreen("Fetch", f"Fetch {name} ({length}) from {where}? Licence: {entry.licence}."), answered
        )

    @work(thread=True, group="corpus", exclusive=True)
    def _check(self, name: str) -> None:
        from lstmtui.data.reading import resolve_names

        try:
            resolve_names([name])
        except LstmtuiError as error:
            self.call_if_usable(self._say, str(error), error=True)
            return
        self.call_if_usable(self.dismiss, (name,))

    @work(thread=True, group="corpus", exclusive=True)
    def _fetch(self, name: str) -> None:
        from lstmtui.data import catalogue

        def report(what: str, done: float) -> None:
            self.call_if_usable(self._say, f"Fetching {what}: {done:.0%} …")

        try:
            catalogue.fetch_entry(catalogue.get_entry(name), report=report)
        except LstmtuiError as error:
            self.call_if_usable(self._say, str(error), error=True)
            return
        self.call_if_usable(self.dismiss, (name,))

    def _say(self, said: str, *, error: bool = False) -> None:
        if self.is_usable:
            line = self.query_one("#said", Static)
            line.update(Text(safe(said)))
            line.set_class(error, "-error")


def _size(entry: CatalogueEntry) -> str:
    count = sum(file.bytes for file in entry.files)
    return format_size(count) if count else "size unknown"


def _line(name: str, about: str) -> Text:
    return Text.assemble((f"{one_line(name):<16}", "bold"), (one_line(about), "dim"))
