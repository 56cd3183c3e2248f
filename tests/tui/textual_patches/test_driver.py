"""A driver whose terminal hangs up or sends bytes that are not UTF-8. Hang-ups of whole programs: test_exit_monitor."""

from __future__ import annotations

import contextlib
import inspect
import os
import signal
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from textual.drivers._writer_thread import WriterThread
from textual.drivers.linux_driver import LinuxDriver

from lstmtui.tui.textual_patches.driver import resilient


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    ends = os.pipe()
    yield ends
    for end in ends:
        with contextlib.suppress(OSError):
            os.close(end)


def reader(driver: type[Any], fileno: int) -> Any:
    """Return a driver that reads `fileno` and collects its events; without a terminal or an event loop."""
    made = driver.__new__(driver)
    made.fileno, made.exit_event, made._debug = fileno, threading.Event(), False
    made.events = []
    made.process_message = made.events.append
    return made


def test_plain_textual_still_raises_on_a_byte_that_is_not_utf8(pipe: tuple[int, int]) -> None:
    os.write(pipe[1], b"\xff")
    with pytest.raises(UnicodeDecodeError):
        reader(LinuxDriver, pipe[0]).run_input_thread()


def test_plain_textual_still_reads_on_at_the_end_of_the_input(pipe: tuple[int, int]) -> None:
    driver = reader(LinuxDriver, pipe[0])
    os.close(pipe[1])
    thread = threading.Thread(target=driver.run_input_thread, daemon=True)
    thread.start()
    time.sleep(0.3)
    assert thread.is_alive()
    driver.exit_event.set()
    thread.join(5)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_plain_textual_still_loses_its_output_thread_to_an_error() -> None:
    class Gone:
        def write(self, text: str) -> None:
            raise OSError(5, "Input/output error")

        def flush(self) -> None:
            pass

    thread = WriterThread(Gone())  # type: ignore[arg-type]
    thread.start()
    thread.write("x")
    thread.join(5)
    assert not thread.is_alive()


def test_plain_textual_still_handles_sigcont_in_a_signal_handler() -> None:
    assert "signal.signal(signal.SIGCONT" in inspect.getsource(LinuxDriver.__init__)


def test_the_input_ends_with_the_terminal_as_a_hang_up(pipe: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[int] = []
    monkeypatch.setattr(os, "kill", lambda pid, number: sent.append(number))
    driver = reader(resilient(LinuxDriver), pipe[0])
    os.write(pipe[1], b"a\xffb")
    os.close(pipe[1])
    driver.run_input_thread()
    assert sent == [signal.SIGHUP]
    assert [event.character for event in driver.events] == ["a", "\ufffd", "b"]
