"""A screen that asks one model of a run: what those that translate, transcribe and describe have in common."""

from __future__ import annotations

from typing import Any, ClassVar, Generic, TypeVar

from lstmtui.config import RunSettings
from lstmtui.runs.folder import RunFolder
from lstmtui.tui.screens.base import BaseScreen
from lstmtui.tui.services import Services
from lstmtui.tui.widgets.bars import TitleBar
from lstmtui.tui.widgets.status_line import StatusLine
from lstmtui.tui.workers.model_thread import ModelFailed, ModelThread

Thread = TypeVar("Thread", bound=ModelThread[Any, Any])


class ModelScreen(BaseScreen[None], Generic[Thread]):
    """Loads the model of a run in a thread when the screen opens, and again on request; has a title and a status."""

    DOING: ClassVar[str]
    """What the model does, in the title."""

    def __init__(self, run: RunFolder, settings: RunSettings, services: Services) -> None:
        super().__init__()
        self._folder, self._settings, self._services = run, settings, services
        self._thread: Thread | None = None
        self._ready = False
        """Whether the model is loaded."""

    def on_mount(self) -> None:
        title, s = self.query_one(TitleBar), self._settings
        title.title = self._folder.name
        title.remark = f"{self.DOING} · {s.network.cell} {s.network.layers}×{s.network.hidden} · {s.data.tokens}"
        self._open()

    def on_unmount(self) -> None:
        if self._thread is not None:
            self._thread.close()

    def _make_thread(self) -> Thread:
        """Return a thread that loads the model and posts its answers to this screen."""
        raise NotImplementedError

    def _open(self) -> None:
        """Load the model, in place of one that is loaded, and say so."""
        self._restart()
        self._set_status(f"Loading '{self._folder.name}' …")

    def _restart(self) -> None:
        if self._thread is not None:
            self._thread.close()
        self._ready = False
        self._thread = self._make_thread()

    def _show_failure(self, message: ModelFailed) -> None:
        """Say why the model gave no answer."""
        self._ready = self._ready and not message.final
        self._set_status(message.reason + (" ctrl+r opens it again." if message.final else ""), error=True)

    def action_reload(self) -> None:
        self._open()

    def action_back(self) -> None:
        self.dismiss()

    def _set_status(self, text: str, *, error: bool = False) -> None:
        self.query_one(StatusLine).set_text(text, error=error)
