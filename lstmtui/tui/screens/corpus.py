"""Choosing a text to train on: a named one, or a file or folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, cast

from rich.style import Style
from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.widgets import DirectoryTree, Input, OptionList
from textual.widgets.option_list import Option
from textual.widgets.tree import TreeNode

from lstmtui.common.terminal_text import one_line, safe
from lstmtui.common.units import format_size
from lstmtui.errors import LstmtuiError
from lstmtui.tui.keys import bind
from lstmtui.tui.screens.base import Dialog
from lstmtui.tui.screens.confirm import ConfirmScreen
from lstmtui.tui.widgets.fields import LineInput
from lstmtui.tui.widgets.key_bar import KeyBar
from lstmtui.tui.widgets.status_line import StatusLine

if TYPE_CHECKING:
    from textual.widgets.directory_tree import DirEntry

    from lstmtui.data.catalogue import CatalogueEntry


class Files(DirectoryTree):
    """Files and folders without hidden ones; names are safe for a terminal."""

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
    """Returns the names of the chosen texts."""

    HELP: ClassVar[str] = """\
Type a path, or choose a named text (left), or a file or folder (right; space chooses a whole folder). A named text \
that is not on this machine is downloaded after a question.
"""
    AUTO_FOCUS = "#path"
    BINDINGS: ClassVar[list[BindingType]] = [
        bind("back", "leave", "Back", "corpus.back", "Back without a change"),
    ]
    DEFAULT_CSS = """
    CorpusScreen #status { padding: 0; color: $foreground 65%; }
    CorpusScreen #status.-error { color: $error; }
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

    def __init__(
        self, chosen: tuple[str, ...], start: Path | None = None, *, title: str = "Text to train on", named: bool = True
    ) -> None:
        """`named` says whether named texts are offered beside files."""
        super().__init__()
        self._chosen = chosen
        self._heading, self._named = title, named
        self._start = start or Path.cwd()

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog panel") as dialog:
            dialog.border_title = self._heading
            dialog.border_subtitle = "tab: next part  enter: choose  space: choose a folder  escape: back"
            yield LineInput("", id="path", placeholder="path of a file or folder …")
            yield StatusLine("", id="status")
            with Horizontal():
                if self._named:
                    yield OptionList(id="named")
                yield Files(self._start, id="files")
        yield KeyBar()

    def on_mount(self) -> None:
        if not self._named:
            self._set_status("Your files are below.")
            return
        self._set_status("Named texts are on the left, your files on the right.")
        from lstmtui.common.paths import cache_root
        from lstmtui.data import catalogue, default_corpus, formal_languages

        named = self.query_one("#named", OptionList)
        options = [
            Option(_line(default_corpus.NAME, "English prose included in every Python, 1 MB"), default_corpus.NAME)
        ]
        cache = cache_root()
        for entry in catalogue.entries().values():
            fetched = catalogue.is_fetched(entry, cache)
            length = _size(entry)
            options.append(
                Option(_line(entry.name, f"{'' if fetched else 'to download, '}{length}, {entry.title}"), entry.name)
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
            self._choose(typed)
        else:
            self.query_one("#named" if self._named else "#files").focus()

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        """Show the whole of a line that the list cuts."""
        if self.query_one("#named").has_focus and isinstance(event.option.prompt, Text):
            self._set_status(one_line(event.option.prompt.plain))

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        self._choose(str(event.option.id))

    def on_directory_tree_file_selected(self, event: DirectoryTree.FileSelected) -> None:
        event.stop()
        self._choose(str(event.path))

    def on_tree_node_highlighted(self, event: Files.NodeHighlighted[DirEntry]) -> None:
        if event.node.data is not None and self.query_one("#files").has_focus:
            self._set_status(one_line(str(event.node.data.path)))

    def key_space(self) -> None:
        files = self.query_one("#files", Files)
        node = files.cursor_node
        if files.has_focus and node is not None and node.data is not None:
            self._choose(str(node.data.path))

    def action_leave(self) -> None:
        self.dismiss(None)

    def _choose(self, name: str) -> None:
        """Return `name` if it can be read; download it first where needed."""
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
            ConfirmScreen("Download", f"Download {name} ({length}) from {where}? Licence: {entry.licence}."), answered
        )

    @work(thread=True, group="corpus", exclusive=True)
    def _check(self, name: str) -> None:
        from lstmtui.data.reading import resolve_names

        try:
            resolve_names([name])
        except LstmtuiError as error:
            self.call_if_usable(self._set_status, str(error), error=True)
            return
        self.call_if_usable(self.dismiss, (name,))

    @work(thread=True, group="corpus", exclusive=True)
    def _fetch(self, name: str) -> None:
        from lstmtui.data import catalogue

        def report(what: str, done: float) -> None:
            self.call_if_usable(self._set_status, f"Downloading {what}: {done:.0%} …")

        try:
            catalogue.fetch_entry(catalogue.get_entry(name), report=report)
        except LstmtuiError as error:
            self.call_if_usable(self._set_status, str(error), error=True)
            return
        self.call_if_usable(self.dismiss, (name,))

    def _set_status(self, text: str, *, error: bool = False) -> None:
        if self.is_usable:
            self.query_one(StatusLine).set_text(text, error=error)


def _size(entry: CatalogueEntry) -> str:
    count = sum(file.bytes for file in entry.files)
    return format_size(count) if count else "size unknown"


def _line(name: str, about: str) -> Text:
    return Text.assemble((f"{one_line(name):<16}", "bold"), (one_line(about), "dim"))
