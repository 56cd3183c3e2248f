"""A running server of a fake model."""

from __future__ import annotations

import threading
import time
from typing import Any

from lstmtui.serving import server
from lstmtui.serving.model_queue import ModelQueue
from support.fake_text_model import FakeTextModel

TOKEN = "a-token-of-the-tests"


class Served:
    """A server of a fake model, in a thread."""

    def __init__(self, model: FakeTextModel) -> None:
        self.model, self.notices = model, []
        self.queue = ModelQueue(model)  # type: ignore[arg-type]
        self.listener = server.listen("127.0.0.1", 0)
        self.port = self.listener.getsockname()[1]
        self.server = server.server_of(self.queue, "diary", "127.0.0.1", TOKEN, self.notices.append)
        self._thread = threading.Thread(target=self.server.run, kwargs={"sockets": [self.listener]}, daemon=True)

    def __enter__(self) -> Served:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.server.should_exit = True
        self._thread.join(10)
        self.queue.close()
        self.listener.close()
        assert not self._thread.is_alive()

    def until(self, condition: Any, seconds: float = 5.0) -> bool:
        """Wait until a condition holds; return whether it does."""
        deadline = time.monotonic() + seconds
        while not condition() and time.monotonic() < deadline:
            time.sleep(0.01)
        return bool(condition())
