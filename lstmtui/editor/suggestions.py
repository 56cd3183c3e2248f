"""Suggestions for editors from the daemon of a run, which shells and other editors use too.

Questions are asked from one thread. While the model is being loaded there are no suggestions, rather than an editor
that waits.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from lstmtui.client import daemon
from lstmtui.client.model import Candidate
from lstmtui.errors import LstmtuiError
from lstmtui.runs.folder import RunFolder

MAX_TEXT = 1 << 15
"""Characters before the cursor that are sent; the network reads the last 1,024 bytes, counts come from the rest."""


class Suggester:
    """Asks for continuations with one run."""

    def __init__(self, run: RunFolder, report: Callable[[str], None]) -> None:
        """`report` gets a sentence for the user, from the event loop's thread."""
        self.run = run
        self._report = report
        self._asking = ThreadPoolExecutor(1, "ask")
        self._starting: asyncio.Task[None] | None = None
        self._failed = ""

    async def ask(self, text: str, k: int, *, phrase: bool) -> list[Candidate]:
        """Return up to `k` continuations of `text`, the most probable first; none while the model is loaded."""
        if self._starting is not None and not self._starting.done():
            return []
        question = {"op": "complete", "text": text[-MAX_TEXT:], "k": k, "phrase": phrase}
        try:
            answer = await self._in_thread(daemon.ask, self.run, question)
        except LstmtuiError as error:
            self._fail(str(error))
            return []
        if answer is None:
            self.start()
            return []
        self._failed = ""
        return [Candidate(c["text"], c["probability"], c.get("replaces", 0)) for c in answer.get("candidates", ())]

    def start(self) -> None:
        """Begin to load the model unless that is being done, or has failed for a reason that stays."""
        if (self._starting is None or self._starting.done()) and not self._failed:
            self._starting = asyncio.get_running_loop().create_task(self._start())

    def close(self) -> None:
        """Ask nothing from now on; the daemon ends by itself."""
        self._asking.shutdown(wait=False, cancel_futures=True)

    async def _start(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            # In another thread, since it may take a minute.
            await loop.run_in_executor(None, daemon.start, self.run)
            answer = await loop.run_in_executor(
                None, daemon.ask_when_ready, self.run, {"op": "complete", "text": "a", "k": 1, "phrase": False}
            )
        except LstmtuiError as error:
            self._fail(str(error))
            return
        if answer is None:
            name = self.run.name
            self._fail(f"The model of '{name}' cannot be loaded; 'lstmtui complete {name} a' says why.")

    def _fail(self, sentence: str) -> None:
        if sentence != self._failed:
            self._failed = sentence
            self._report(sentence)

    async def _in_thread(self, function: Callable[..., Any], *arguments: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._asking, function, *arguments)
