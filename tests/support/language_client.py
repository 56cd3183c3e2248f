"""A client of the Language Server Protocol: a process, and messages as they are on the wire."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
from typing import Any


class LanguageClient:
    """Speaks to one server; `with` ends it."""

    def __init__(self, arguments: list[str], environment: dict[str, str] | None = None) -> None:
        self._process = subprocess.Popen(
            arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env={**os.environ, **(environment or {})},
        )  # fmt: skip
        self.pid = self._process.pid
        self._answers: dict[int, queue.Queue[dict[str, Any]]] = {}
        self.notices: queue.Queue[dict[str, Any]] = queue.Queue()
        """Notifications of the server."""
        self.settings: Any = None
        """What the server is told when it asks for the configuration."""
        self._count = 0
        threading.Thread(target=self._read, daemon=True).start()

    def __enter__(self) -> LanguageClient:
        return self

    def __exit__(self, *error: object) -> None:
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            assert pipe is not None
            pipe.close()

    def initialise(self, **options: Any) -> dict[str, Any]:
        """Return the server's capabilities."""
        workspace = {"configuration": True, "didChangeConfiguration": {}}
        answer = self.ask(
            "initialize",
            {"processId": os.getpid(), "rootUri": None, "capabilities": {"workspace": workspace}, **options},
        )
        self.tell("initialized", {})
        return answer["result"]["capabilities"]

    def ask(self, method: str, params: Any, timeout: float = 60.0) -> dict[str, Any]:
        """Return the answer to a request."""
        return self._answers[self.send(method, params)].get(timeout=timeout)

    def send(self, method: str, params: Any) -> int:
        """Send a request without waiting, and return its number."""
        self._count += 1
        self._answers[self._count] = queue.Queue()
        self._write({"id": self._count, "method": method, "params": params})
        return self._count

    def answer(self, number: int, timeout: float = 60.0) -> dict[str, Any]:
        """Return the answer to a request that was sent."""
        return self._answers[number].get(timeout=timeout)

    def tell(self, method: str, params: Any) -> None:
        """Send a notification."""
        self._write({"method": method, "params": params})

    def finish(self) -> tuple[int, bytes]:
        """End the server as an editor does, and return its exit code and what it wrote to standard error."""
        self.ask("shutdown", None)
        self.tell("exit", None)
        code = self._process.wait(20)
        assert self._process.stderr is not None
        return code, self._process.stderr.read()

    def _write(self, message: dict[str, Any]) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        assert self._process.stdin is not None
        self._process.stdin.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
        self._process.stdin.flush()

    def _read(self) -> None:
        stream = self._process.stdout
        assert stream is not None
        while head := stream.readline():
            length = int(head.partition(b":")[2])
            while stream.readline().strip():
                pass
            message = json.loads(stream.read(length))
            if "method" not in message:
                self._answers[message["id"]].put(message)
            elif message["method"] == "workspace/configuration":
                self._write({"id": message["id"], "result": [self.settings]})
            else:
                self.notices.put(message)


PYTHON = [sys.executable, "-P"]
