"""Processes of the engine: no module of theirs comes from the current folder, and nobody waits without end."""

from __future__ import annotations

import ast
import itertools
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support import tiny

from lstmtui import config
from lstmtui.client import process, runs
from lstmtui.client.forecast import Forecaster
from lstmtui.client.model import Model
from lstmtui.errors import LstmtuiError, UsageError

HERE = Path(__file__).parents[2]
PYTHON = [p for folder in ("lstmtui", "kernels/lstm_kernels") for p in sorted((HERE / folder).rglob("*.py"))]
FRONT_PLACES = ("cli", "tui", "reports", "runs", "data", "common")
SHADOWS = ("numpy", "random", "json", "numba", "signal", "hashlib", "rich", "textual", "typer", "tokenizers", "lstmtui")


def unsafe(source: str) -> list[int]:
    """Return the lines that start Python other than with -P, or by a module that starts it otherwise."""
    tree = ast.parse(source)
    following: dict[int, ast.expr] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.List | ast.Tuple):
            following.update({id(part): after for part, after in itertools.pairwise(node.elts)})
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr in ("executable", "_base_executable"):
            after = following.get(id(node))
            if not (isinstance(after, ast.Constant) and after.value == "-P"):
                found.append(node.lineno)
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [alias.name for alias in node.names] + [getattr(node, "module", None) or ""]
            if any(name.split(".")[0] in ("multiprocessing", "runpy") for name in names):
                found.append(node.lineno)
        if isinstance(node, ast.Constant) and node.value in ("python", "python3") and id(node) in following:
            found.append(node.lineno)
    return found


def test_the_search_finds_an_unsafe_start():
    assert unsafe("import sys, subprocess\nsubprocess.run([sys.executable, '-m', 'x'])") == [2]
    assert unsafe("import multiprocessing") == [1]
    assert unsafe("run(['python', '-m', 'x'])") == [1]
    assert unsafe("import sys\nrun([sys.executable, '-P', '-m', 'x'])") == []


def test_python_is_always_started_with_its_safe_path():
    assert len(PYTHON) > 100
    assert {str(path): lines for path in PYTHON if (lines := unsafe(path.read_text()))} == {}


STARTERS = ("Popen", "run", "call", "check_call", "check_output", "getoutput", "getstatusoutput")
OTHERS = [path for path in PYTHON if path.relative_to(HERE).parts[:2] in {("lstmtui", n) for n in FRONT_PLACES}]


def engine_access(source: str) -> list[int]:
    """Return the lines that start a process, or name an engine module in a string other than a docstring."""
    tree = ast.parse(source)
    docstrings = {
        id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            if "lstmtui.engine" in node.value:
                found.append(node.lineno)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            of = node.func.value
            if isinstance(of, ast.Name) and of.id == "subprocess" and node.func.attr in STARTERS:
                found.append(node.lineno)
        elif isinstance(node, ast.ImportFrom) and node.module == "subprocess":
            found.append(node.lineno)
    return found


def test_the_search_finds_an_engine_module_and_a_started_process():
    assert engine_access("a = 'lstmtui.engine.training.fork'") == [1]
    assert engine_access("import subprocess\nsubprocess.run(['true'])") == [2]
    assert engine_access("from subprocess import Popen") == [1]
    assert engine_access('"""As `lstmtui.engine` does."""\na: subprocess.Popen[bytes]') == []


def test_the_client_alone_starts_processes_and_names_engine_modules():
    assert len(OTHERS) > 100
    assert {path: lines for path in OTHERS if (lines := engine_access(path.read_text()))} == {}


def test_a_command_line_has_a_safe_path():
    assert process.command("lstmtui.engine", "run") == [sys.executable, "-P", "-m", "lstmtui.engine", "run"]


@pytest.fixture
def trap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A current folder of modules that leave a file behind where they are run, and end the process."""
    folder = tmp_path / "texts"
    folder.mkdir()
    for name in SHADOWS:
        (folder / f"{name}.py").write_text(
            f"import os; open({str(tmp_path / 'executed')!r}, 'a').write('{name} '); os._exit(66)"
        )
    monkeypatch.chdir(folder)
    return tmp_path / "executed"


def test_modules_in_the_current_folder_are_not_run(tmp_path, trap):
    run = tiny.create(tmp_path, "diary", steps=3)
    assert runs.start(run).wait(timeout=300) == 0
    with Model(run) as model:
        assert model.complete("the ", k=1)
    child, step = runs.fork(run, name="child", changes={"steps": "4"})
    assert step == 3
    forecaster = Forecaster()
    assert forecaster.ask(config.load(child.config))["parameters"] > 0
    forecaster.close()
    for command in (
        [sys.executable, "-m", "lstmtui.cli", "info", "--json"],
        [os.path.join(os.path.dirname(sys.executable), "lstmtui"), "sample", "diary", "-n", "5"],
        [sys.executable, "-m", "lstmtui.cli", "complete", "diary", "the ", "--json"],
    ):
        # The folder of modules has a lstmtui.py too, which `python -m` would find before anything of ours is run.
        (tmp_path / "texts" / "lstmtui.py").unlink(missing_ok=True)
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
        assert done.returncode == 0, done.stderr
        if "info" in command:
            assert "threads" in json.loads(done.stdout)["compute"]
    assert not trap.exists(), trap.read_text()


# --- questions and answers --------------------------------------------------------------------------------------------

ECHO = """
import sys
for line in sys.stdin.buffer:
    sys.stdout.buffer.write(b'{"heard": ' + line.strip() + b'}\\n')
    sys.stdout.buffer.flush()
"""


@pytest.fixture
def child(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], process.Child]]:
    """Start a program as a process of the engine."""
    started: list[process.Child] = []

    def start(program: str) -> process.Child:
        monkeypatch.setattr(process, "command", lambda module, *rest: [sys.executable, "-P", "-u", "-c", program])
        started.append(process.Child("The process", "a.module"))
        return started[-1]

    yield start
    for each in started:
        each.close()
        assert not each.alive


def test_any_text_is_transmitted(child):
    asked = {"text": "I \ud83d caf\udce9 \U0001f600 é\n", "files": ["/tmp/caf\udce9.txt"], "nothing": float("nan")}
    assert child(ECHO).ask(asked) == {"heard": {**asked, "nothing": None}}


def test_a_large_question_is_sent_while_its_answer_arrives(child):
    text = "é" * 3_000_000
    assert child(ECHO).ask({"text": text})["heard"]["text"] == text


@pytest.mark.parametrize(
    "program", ["import time; time.sleep(60)", "import sys; sys.stdin.readline(); sys.stdin.read()"]
)
def test_an_unresponsive_process_is_ended(child, monkeypatch, program):
    monkeypatch.setattr(process, "MAX_SILENCE", 0.3)
    asked = child(program)
    with pytest.raises(LstmtuiError, match="did not answer in time"):
        asked.ask({"text": "a" * 1_000_000})
    assert not asked.alive
    with pytest.raises(LstmtuiError, match="ended"):
        asked.ask({"text": "a"})


def test_interim_lines_extend_the_wait(child, monkeypatch):
    monkeypatch.setattr(process, "MAX_SILENCE", 1.0)
    heard = []
    program = (
        "import sys, time\nsys.stdin.readline()\nfor _ in range(4): print('{\"working\": true}'); time.sleep(0.5)\n"
    )
    assert child(program + "print('{\"done\": true}')").ask({}, heard.append) == {"done": True}
    assert heard == [{"working": True}] * 4


def test_standard_error_is_drained(child):
    program = "import sys\nfor n in range(30000): print('warning', n, file=sys.stderr)\n"
    asked = child(program + "print('{}')\nsys.exit('it was the disk')")
    assert asked.first_answer() == {}
    with pytest.raises(LstmtuiError, match=r"ended unexpectedly \(it was the disk\)"):
        asked.first_answer()


def test_an_interrupted_question_ends_the_process(child):
    asked = child('import sys\nfor line in sys.stdin: print(\'{"piece": "a"}\\n{"done": true}\')')

    def give_up(line):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        asked.ask({}, give_up)
    assert not asked.alive


def test_closing_ends_a_waiting_question(child):
    asked = child("import sys; sys.stdin.read()")
    threading.Timer(0.3, asked.close).start()
    with pytest.raises(LstmtuiError, match="ended"):
        asked.ask({})


def test_an_invalid_answer_ends_the_process(child):
    with pytest.raises(LstmtuiError, match="invalid answer"):
        child("print('Hello')").first_answer()


def test_answers_are_read_until_the_process_exits(child):
    asked = child('print(\'{"a": 1}\\n{"a": 2}\')')
    assert list(asked.answers()) == [{"a": 1}, {"a": 2}]


def test_a_process_that_fails_after_its_answers_raises(child):
    found = child("import sys; print('{\"a\": 1}'); sys.exit('the disk is full')").answers()
    assert next(found) == {"a": 1}
    with pytest.raises(LstmtuiError, match=r"ended unexpectedly \(the disk is full\)"):
        next(found)


def test_an_error_among_the_answers_raises_its_kind(child):
    found = child('print(\'{"error": "No.", "exit_code": 2}\')').answers()
    with pytest.raises(UsageError, match=r"No\."):
        next(found)


def test_a_process_that_stays_after_its_last_answer_is_ended(child):
    asked = child("import os, time; os.close(1); time.sleep(60)")
    with pytest.raises(LstmtuiError, match="did not answer in time"):
        list(asked.answers(timeout=0.5))
    assert not asked.alive
