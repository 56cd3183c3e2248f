"""A process that learns from folders into the profile of a run, for as long as the one that starts it.

with Watch(run, [Path("notes")]) as watch:    # python -m lstmtui.engine.services.watch RUN_FOLDER SHARE ENCODING FOLDER
    for event in watch.events(): ...
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from lstmtui.client.process import open_child
from lstmtui.common.closing import Closing
from lstmtui.runs.folder import RunFolder

SHARE = 0.1
"""How much of one core it takes at most, on average."""


class Watch(Closing):
    """The process. Raises the LstmtuiError that it reports."""

    def __init__(self, run: RunFolder, folders: Sequence[Path], *, share: float = SHARE, encoding: str = "") -> None:
        arguments = (str(run.path), str(share), encoding, *(str(folder.absolute()) for folder in folders))
        self._child, self.about = open_child("The watch", "lstmtui.engine.services.watch", *arguments)
        """The process, and the number of `files` to be learnt, and whether it is `paused`."""

    def events(self) -> Iterator[dict[str, Any]]:
        """Yield what it does, until it ends by itself; see `lstmtui.engine.autocomplete.watcher`."""
        yield from self._child.answers(timeout=None)

    def close(self) -> None:
        """End the process."""
        self._child.close()
