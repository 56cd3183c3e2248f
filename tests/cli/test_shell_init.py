"""`shell-init` in real shells, at a pseudo-terminal, with suggestions that would do harm if they were run."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import shlex
import shutil
import signal
import subprocess
import termios
import time
from pathlib import Path

import pytest

from lstmtui.cli import shell_init

EVIL = "'; touch harm; $(touch harm) `touch harm`\x1b[2J\r\x03"
SHELLS = [shell for shell in shell_init.SCRIPTS if shutil.which(shell)]
"""Those that are installed here; bash always is."""
START = {
    "bash": ["bash", "--norc", "--noprofile", "-i"],
    "zsh": ["zsh", "-f", "-i"],
    "fish": ["fish", "--no-config", "-i"],
}


@pytest.fixture
def program(tmp_path, monkeypatch):
    """A program in place of lstmtui, which suggests what stands in a file, and notes how it was called."""
    folder = tmp_path / "bin"
    folder.mkdir()
    script = folder / "lstmtui"
    script.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" > "{tmp_path}/called"\ncat "{tmp_path}/suggestion"\n')
    script.chmod(0o755)
    monkeypatch.setattr("sys.argv", [str(script)])
    return script


class Shell:
    """A shell at a pseudo-terminal."""

    def __init__(self, arguments: list[str], folder: Path) -> None:
        self._master, terminal = pty.openpty()
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "TERM": "xterm",
            "LC_ALL": "C.UTF-8",
            "PS1": "$ ",
        }
        self._process = subprocess.Popen(
            arguments, stdin=terminal, stdout=terminal, stderr=terminal, cwd=folder, env=environment,
            start_new_session=True, preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )  # fmt: skip
        os.close(terminal)
        self.seen = ""

    def type(self, text: str) -> None:
        os.write(self._master, text.encode())

    def until(self, condition, seconds: float = 20.0) -> bool:
        """Read what is shown until a condition holds; return whether it does."""
        deadline = time.monotonic() + seconds
        while not condition() and time.monotonic() < deadline:
            if select.select([self._master], [], [], 0.05)[0]:
                try:
                    self.seen += os.read(self._master, 1 << 16).decode("utf-8", "replace")
                except OSError:  # the shell has ended
                    break
        return bool(condition())

    def close(self) -> None:
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        os.close(self._master)


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize(
    ("typed", "moves", "suggestion", "line"),
    [
        ("echo aé😀b > out", "", ".txt\n", "echo aé😀b > out.txt"),
        ("echo aé😀 > out", "\x1b[D" * 6, "c\n", "echo aé😀c > out"),
        ("echo x > out ", "", EVIL, "echo x > out '; touch harm; $(touch harm) `touch harm`[2J"),
        ("-", "", "x\n", "-x"),
        ("echo '$(touch harm)' > out", "", "\n", "echo '$(touch harm)' > out"),
    ],
)
def test_alt_slash_continues_the_line_and_runs_nothing(
    program, lstmtui, tmp_path, shell, typed, moves, suggestion, line
):
    (tmp_path / "suggestion").write_text(suggestion)
    said = lstmtui("shell-init", shell)
    assert said.code == 0
    (tmp_path / "init").write_text(said.out)
    # What the line is in the end is seen by a shell that does not run it, but stores it: Alt-Q in all of them.
    store = {
        "bash": """store() { printf %s "$READLINE_LINE" > line; READLINE_LINE=; }; bind -x '"\\eq": store'""",
        "zsh": """store() { printf %s "$BUFFER" > line; BUFFER=; }; zle -N store; bindkey '^[q' store""",
        "fish": """function store; commandline | string collect > line; commandline ''; end; bind \\eq store""",
    }[shell]
    one = Shell(START[shell], tmp_path)
    try:
        one.type(f". ./init\n{store}\necho rea''dy\n")
        assert one.until(lambda: "ready" in one.seen), one.seen
        one.type(typed + moves + "\x1b/")
        assert one.until((tmp_path / "called").exists), one.seen
        one.until(lambda: False, 0.3)
        one.type("\x1bq")
        assert one.until((tmp_path / "line").exists), one.seen
        one.until(lambda: (tmp_path / "line").read_text() != "", 1.0)
        assert (tmp_path / "line").read_text().rstrip("\n") == line
        assert not (tmp_path / "harm").exists()
        before = typed[: len(typed) - len(moves) // 3]
        asked = (tmp_path / "called").read_text()
        assert asked == "\n".join(["complete", "latest", "--plain", "--warm", "-k", "1", "--", before, ""])
    finally:
        one.close()


def test_a_shell_without_lines(lstmtui):
    said = lstmtui("shell-init", "tcsh")
    assert said.code == 2
    assert "bash, zsh, fish" in said.err


def test_a_named_run_is_found_from_any_folder(program, lstmtui, make_run, monkeypatch, tmp_path):
    monkeypatch.setenv("LSTMTUI_RUNS", str(tmp_path / "it's mine"))
    run = make_run("diary")
    assert shlex.quote(str(run.path)) in lstmtui("shell-init", "bash", "--run", "diary").out
    assert str(run.path).replace("'", "\\'") in lstmtui("shell-init", "fish", "--run", "diary").out
    assert lstmtui("shell-init", "zsh", "--run", "nope").code == 2
