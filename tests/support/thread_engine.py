"""The fake engine as a thread of the test, for tests that start many: a process takes a second."""

from __future__ import annotations

import os
import threading

from lstmtui.runs.folder import RunFolder
from lstmtui.runs.lock import EngineLock
from lstmtui.runs.writer import RunWriter
from support import fake_engine


class ThreadEngine:
    """Like the process that `runs.start` returns."""

    def __init__(self, run: RunFolder, behaviour: str = "finish") -> None:
        self.pid = os.getpid()
        self._run, self._behaviour = run, behaviour
        self._received: list[int] = []
        self._code: int | None = None
        self._lock = EngineLock(run)
        self._writer = RunWriter(run, interval=0.05)
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    def _work(self) -> None:
        code = 9
        try:
            if self._behaviour == "crash":
                fake_engine.write_steps(self._writer)
                self._writer.log("something terrible")
            else:
                state, code, more = fake_engine.act(self._run, self._writer, self._behaviour, self._received)
                self._writer.status(state=state, exit_code=code, **more)
        finally:
            self._writer.close()
            self._lock.release()
            self._code = code

    def poll(self) -> int | None:
        return self._code

    def wait(self) -> int | None:
        self._thread.join()
        return self._code

    def kill(self) -> None:
        self.terminate()

    def terminate(self) -> None:
        self._received.append(15)
