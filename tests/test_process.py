"""Processes of the engine: what is in the current folder is never taken for a module of theirs."""

from __future__ import annotations

import ast
import itertools
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import tiny

from lstmtui import api, process

HERE = Path(__file__).parents[1]
PYTHON = [p for folder in ("lstmtui", "kernels/lstm_kernels") for p in sorted((HERE / folder).rglob("*.py"))]
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


def test_python_is_never_started_without_its_safe_path():
    assert len(PYTHON) > 100
    assert {str(path): lines for path in PYTHON if (lines := unsafe(path.read_text()))} == {}


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
    assert api.start(run).wait(timeout=120) == 0
    with api.Model(run) as model:
        assert model.complete("the ", k=1)
    child, step = api.fork(run, name="child", changes={"steps": "4"})
    assert step == 3
    forecaster = api.Forecaster()
    assert forecaster.ask(api.config.load(child.config))["parameters"] > 0
    forecaster.close()
    for command in (
        [sys.executable, "-m", "lstmtui.cli", "info", "--json"],
        [os.path.join(os.path.dirname(sys.executable), "lstmtui"), "sample", "diary", "-n", "5"],
        [sys.executable, "-m", "lstmtui.cli", "complete", "diary", "the ", "--json"],
    ):
        # The folder of modules has a lstmtui.py too, which `python -m` would find before anything of ours is run.
        (tmp_path / "texts" / "lstmtui.py").unlink(missing_ok=True)
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
        assert done.returncode == 0, done.stderr
        if "info" in command:
            assert "threads" in json.loads(done.stdout)["compute"]
    assert not trap.exists(), trap.read_text()
