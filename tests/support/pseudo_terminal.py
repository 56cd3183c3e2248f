"""Programs in a pseudo-terminal, driven from its other end."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import select
import subprocess
import termios
import time
from collections.abc import Mapping, Sequence
from pathlib import Path


class PseudoTerminal:
    """A program in a terminal of its own; `output` is everything that it has written."""

    def __init__(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        *,
        size: tuple[int, int] = (24, 80),
        folder: Path | None = None,
        controlling: bool = False,
    ) -> None:
        """Start `command`; `size` is rows and columns. A controlling terminal that goes away sends SIGHUP."""
        self.master, self.slave = pty.openpty()
        termios.tcsetwinsize(self.slave, size)
        self.attributes = termios.tcgetattr(self.slave)
        """Those from before the program."""

        def begin_session() -> None:
            os.setsid()
            if controlling:
                fcntl.ioctl(0, termios.TIOCSCTTY, 0)

        self.process = subprocess.Popen(
            command, env=environment, cwd=folder, stdin=self.slave, stdout=self.slave, stderr=self.slave,
            preexec_fn=begin_session,
        )  # fmt: skip
        self.output = b""

    def close_slave(self) -> None:
        """Leave the program's end of the terminal to the program alone."""
        if self.slave >= 0:
            os.close(self.slave)
        self.slave = -1

    def read(self, seconds: float) -> bool:
        """Read what comes within so long; return False once the other end is closed."""
        if select.select([self.master], [], [], seconds)[0]:
            try:
                self.output += os.read(self.master, 65536)
            except OSError:
                return False
        return True

    def read_for(self, seconds: float) -> None:
        """Read everything that comes for so long."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0 and self.read(left):
            pass

    def read_until(self, *signs: bytes, seconds: float = 20.0) -> None:
        """Read until all of `signs` were written. Raises TimeoutError."""
        end = time.monotonic() + seconds
        while missing := [sign for sign in signs if sign not in self.output]:
            if time.monotonic() > end or not self.read(0.1):
                raise TimeoutError(f"{missing} did not appear; the output ends with {self.output[-2000:]!r}")

    def press(self, key: bytes, *signs: bytes, seconds: float = 20.0) -> float:
        """Send a key, and return the seconds until all of `signs` are written after it. Raises TimeoutError."""
        self.output, begun = b"", time.perf_counter()
        os.write(self.master, key)
        self.read_until(*signs, seconds=seconds)
        return time.perf_counter() - begun

    def wait_for_exit(self, seconds: float = 60.0) -> int:
        """Read what the program still writes, and return its exit code. Raises TimeoutError."""
        end = time.monotonic() + seconds
        while self.process.poll() is None:
            if time.monotonic() > end:
                raise TimeoutError(f"the program did not end; its output ends with {self.output[-2000:]!r}")
            self.read(0.05)
        self.read(0.05)
        return int(self.process.returncode)

    def close_master(self) -> None:
        """Let the terminal go away."""
        if self.master >= 0:
            os.close(self.master)
        self.master = -1

    def close(self) -> None:
        """End the program and the terminal."""
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()
        self.process.wait()
        self.close_slave()
        self.close_master()
