"""Captions of pictures by one model, in a thread."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from textual.message import Message

from lstmtui.client.captioner import Described
from lstmtui.tui.services import Captioner
from lstmtui.tui.workers.model_thread import ModelThread

NBEST = 3
"""Captions that are shown."""


class PictureDescribed(Message):
    """The model described a picture, or said why it cannot."""

    def __init__(self, path: Path, described: Described) -> None:
        super().__init__()
        self.path, self.described = path, described


class CaptioningThread(ModelThread[Captioner, Path]):
    """Describes the picture that was asked for last."""

    def __init__(self, open_model: Callable[[], Captioner], post: Callable[[Message], object]) -> None:
        self._waiting: Path | None = None
        super().__init__(open_model, post)

    def ask(self, path: Path) -> None:
        """Request captions, in place of those of a picture that still waits."""
        with self._changed:
            self._waiting = path
            self._changed.notify()

    def _next_task(self) -> Path | None:
        path, self._waiting = self._waiting, None
        return path

    def _run_task(self, model: Captioner, task: Path) -> None:
        (found,) = model.describe([task], nbest=NBEST, pixels=True)
        self._post_message(PictureDescribed(task, found))
