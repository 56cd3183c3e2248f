"""The language server: completion and inline completion of any text that an editor has open.

It is started by the editor, reads its standard input and writes to its standard output. Text stays in the memory of
this process and of the daemon that completes; nothing is logged.
"""

from __future__ import annotations

import inspect
import logging
import os
import signal
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

from lsprotocol import types
from pygls.lsp.server import LanguageServer
from pygls.workspace import Workspace

from lstmtui.client.model import Candidate
from lstmtui.common.word_boundaries import CharKind, char_kind, partial_word
from lstmtui.editor import settings as settings_module
from lstmtui.editor.document import Document
from lstmtui.editor.settings import SECTION, EditorSettings
from lstmtui.editor.suggestions import MAX_TEXT, Suggester
from lstmtui.errors import LstmtuiError
from lstmtui.runs.folder import RunFolder
from lstmtui.runs.listing import find_run

TRIGGERS = (" ",)
"""Characters after which an editor asks for completions, besides letters."""


class Documents(Workspace):  # type: ignore[misc, unused-ignore]
    """The open documents."""

    def _create_text_document(
        self, doc_uri: str, source: str | None = None, version: int | None = None, language_id: str | None = None
    ) -> Any:
        # A document that is not open is empty: no file is ever read.
        return Document(source or "", version, str(getattr(self.position_encoding, "value", self.position_encoding)))


class Editor:
    """The answers to one editor."""

    def __init__(self, run: RunFolder) -> None:
        """`run` is the one to complete with unless the editor's configuration names another."""
        self.server = LanguageServer("lstmtui", version("lstmtui"))
        self._default, self._settings = run, EditorSettings()
        self._suggester = Suggester(run, self._report)
        options = types.CompletionOptions(trigger_characters=list(TRIGGERS))
        self._answer(types.INITIALIZE, self._initialise)
        self._answer(types.INITIALIZED, self._initialised)
        self._answer(types.WORKSPACE_DID_CHANGE_CONFIGURATION, self._configuration_changed)
        self._answer(types.TEXT_DOCUMENT_COMPLETION, self._complete, options)
        self._answer(types.TEXT_DOCUMENT_INLINE_COMPLETION, self._complete_inline, types.InlineCompletionOptions())

    def _answer(self, method: str, answer: Callable[[Any], Any], options: Any = None) -> None:
        """Let `answer` answer messages of one method."""
        if inspect.iscoroutinefunction(answer):

            async def handler(params: Any) -> Any:  # pygls sets attributes, which methods do not have
                return await answer(params)

            self.server.feature(method, options)(handler)
        else:
            self.server.feature(method, options)(lambda params: answer(params))

    def run(self) -> int:
        """Serve until the editor ends it, and return the exit code."""
        quiet = logging.getLogger("pygls")  # its messages quote what was sent, which is text
        quiet.addHandler(logging.NullHandler())
        quiet.propagate = False
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in a terminal is for the editor
        # pygls closes what it is given, and what the command prints at its end goes elsewhere.
        self.server.start_io(os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb"))
        self._suggester.close()
        return 0

    # --- configuration --------------------------------------------------------------------------------------------

    def _initialise(self, params: types.InitializeParams) -> None:
        protocol = self.server.protocol
        folders = params.workspace_folders or []
        protocol._workspace = Documents(
            params.root_uri, types.TextDocumentSyncKind.Incremental, folders, self.server.workspace.position_encoding
        )
        self._use(params.initialization_options)

    async def _initialised(self, params: types.InitializedParams) -> None:
        await self._ask_configuration()
        self._suggester.start()

    async def _configuration_changed(self, params: types.DidChangeConfigurationParams) -> None:
        if not await self._ask_configuration():
            given = params.settings
            self._use(given.get(SECTION, given) if isinstance(given, dict) else _as_dict(given, SECTION))

    async def _ask_configuration(self) -> bool:
        """Take the settings that the editor has; return whether it can be asked."""
        workspace = self.server.client_capabilities.workspace
        if workspace is None or not workspace.configuration:
            return False
        item = types.ConfigurationItem(section=SECTION)
        found = await self.server.workspace_configuration_async(types.ConfigurationParams(items=[item]))
        self._use(found[0] if found else None)
        return True

    def _use(self, given: Any) -> None:
        """Take settings as an editor sent them."""
        self._settings, wrong = settings_module.read(_as_dict(given), self._settings)
        for sentence in wrong:
            self._report(sentence)
        try:
            run = find_run(self._settings.run) if self._settings.run else self._default
        except LstmtuiError as error:
            self._report(str(error))
            return
        if run.path != self._suggester.run.path:
            self._suggester.close()
            self._suggester = Suggester(run, self._report)

    def _report(self, sentence: str) -> None:
        """Show a sentence to the user."""
        self.server.window_show_message(types.ShowMessageParams(types.MessageType.Warning, f"lstmtui: {sentence}"))

    # --- suggestions ----------------------------------------------------------------------------------------------

    async def _complete(self, params: types.CompletionParams) -> types.CompletionList:
        document, found = await self._ask(params, self._settings.candidates, phrase=False)
        begun = _word_before(document.text_before(params.position, MAX_TEXT))
        items = [_item(document, params.position, begun, n, candidate) for n, candidate in enumerate(found)]
        return types.CompletionList(is_incomplete=True, items=items)

    async def _complete_inline(self, params: types.InlineCompletionParams) -> types.InlineCompletionList:
        document = self._document(params)
        following = document.after(params.position)[:1]
        if following and char_kind(following) in (CharKind.WORD, CharKind.EXTEND):  # inside a word
            return types.InlineCompletionList(items=[])
        document, found = await self._ask(params, 1, phrase=self._settings.phrase)
        here = types.Range(start=params.position, end=params.position)
        items = [
            types.InlineCompletionItem(insert_text=best.text, range=here)
            for best in found
            if best.probability >= self._settings.threshold and not best.replaces and best.text
        ]
        return types.InlineCompletionList(items=items)

    async def _ask(self, params: Any, k: int, *, phrase: bool) -> tuple[Document, list[Candidate]]:
        document = self._document(params)
        if not self._settings.enabled:
            return document, []
        text = document.text_before(params.position, MAX_TEXT)
        return document, await self._suggester.ask(text, k, phrase=phrase)

    def _document(self, params: Any) -> Document:
        found: Document = self.server.workspace.get_text_document(params.text_document.uri)
        return found


def _item(
    document: Document, position: types.Position, begun: str, number: int, candidate: Candidate
) -> types.CompletionItem:
    """Return the completion that replaces the word before the cursor, `begun`, by the whole word."""
    text = candidate.text if candidate.replaces else begun + candidate.text
    replaced = begun[len(begun) - candidate.replaces :] if candidate.replaces else begun
    start = types.Position(position.line, position.character - document.units(replaced))
    return types.CompletionItem(
        label=text.strip() or text,
        kind=types.CompletionItemKind.Text,
        detail=f"{candidate.probability:.0%}",
        sort_text=f"{number:03}",
        filter_text=replaced or text,  # an editor that filters by what is typed keeps a corrected word, too
        text_edit=types.TextEdit(types.Range(start=start, end=position), text),
    )


def _word_before(text: str) -> str:
    """Return the part of a word that a text ends in."""
    return partial_word(text[-256:].encode("utf-8", "surrogatepass")).decode("utf-8", "surrogatepass")


def _as_dict(given: Any, section: str = "") -> Any:
    """Return an object of the protocol as a table; pygls gives them attributes."""
    if given is not None and not isinstance(given, dict) and hasattr(given, "_asdict"):
        given = given._asdict()
    if section and isinstance(given, dict):
        return _as_dict(given.get(section))
    return given
