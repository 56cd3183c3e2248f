"""Commands import heavy libraries only when they need them, and never those of the engine."""

from __future__ import annotations

import importlib.metadata
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from lstmtui.cli.commands import COMMANDS

ENGINE_LIBRARIES = ("numba", "llvmlite", "lstm_kernels.jit", "lstmtui.engine.backend", "torch")
HEAVY_LIBRARIES = (
    *ENGINE_LIBRARIES, "textual", "numpy", "regex", "tokenizers", "safetensors", "pooch", "charset_normalizer",
)  # fmt: skip

PROGRAM = """
import sys
from lstmtui.cli import main
code = main(sys.argv[2:])
loaded = [name for name in sys.argv[1].split(",") if name in sys.modules]
sys.exit(f"loaded: {loaded}" if loaded else code)
"""


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["--version"],
        ["train", "--help"],
        ["ls"],
        ["ls", "--json"],
        ["show", "nope"],
        ["rm", "nope"],
        ["cache", "show"],
        ["docs"],
        ["docs", "cells"],
        ["pause", "nope"],
        ["complete", "nope", "text"],
    ],
    ids=" ".join,
)
def test_light_commands_import_no_heavy_library(tmp_path, arguments):
    done = _run([",".join(HEAVY_LIBRARIES), *arguments], tmp_path)
    assert "loaded:" not in done.stderr
    assert done.returncode in (0, 2), done.stderr


@pytest.mark.parametrize("arguments", [["--help"], ["docs"], ["complete", "nope", "text"]], ids=" ".join)
def test_no_command_waits_for_the_imports_of_others(tmp_path, arguments):
    others = {entry.target.partition(":")[0] for entry in COMMANDS} - {"commands", "screens", arguments[0]}
    done = _run([",".join(f"lstmtui.cli.{module}" for module in sorted(others)), *arguments], tmp_path)
    assert "loaded:" not in done.stderr
    assert done.returncode in (0, 2), done.stderr


def test_train_imports_no_library_of_the_engine(tmp_path):
    text = tmp_path / "empty.txt"
    text.write_text("some text of no great length")
    done = _run([",".join(ENGINE_LIBRARIES), "train", str(text), "--name", "a/b"], tmp_path)
    assert "loaded:" not in done.stderr
    assert done.returncode == 2, done.stderr


def test_tune_loads_optuna_only_to_search(tmp_path):
    done = _run(["optuna", "tune", "--help"], tmp_path)
    assert "loaded:" not in done.stderr
    assert done.returncode == 0, done.stderr


def test_the_screens_import_no_library_of_the_engine(tmp_path):
    program = "import sys, lstmtui.tui.app; sys.exit(str([n for n in sys.argv[1].split(',') if n in sys.modules]))"
    done = subprocess.run(
        [sys.executable, "-c", program, ",".join(ENGINE_LIBRARIES)], capture_output=True, text=True, check=False
    )
    assert done.stderr.strip() == "[]"


def test_the_screens_do_not_wait_for_the_parser_of_options():
    program = "import sys; from lstmtui import tui; tui.run = lambda: sys.exit(f'typer: {\"typer\" in sys.modules}'); "
    done = subprocess.run(
        [sys.executable, "-c", program + "from lstmtui.cli import main; main([])"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr.strip() == "typer: False"


def _run(arguments: list[str], tmp_path) -> subprocess.CompletedProcess[str]:
    environment = {
        "LSTMTUI_RUNS": str(tmp_path / "runs"),
        "LSTMTUI_CACHE": str(tmp_path / "cache"),
        "HOME": str(tmp_path),
    }
    return subprocess.run(
        [sys.executable, "-c", PROGRAM, *arguments], capture_output=True, text=True, check=False, env=environment
    )


@pytest.mark.parametrize("name", ["numba", "numba-cuda", "textual"])
def test_libraries_used_through_private_interfaces_have_a_tested_upper_bound(name):
    project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["cuda"]]
    bounds = next(found.specifier for found in map(Requirement, wanted) if found.name == name)
    assert any(bound.operator == "<" for bound in bounds)
    # numba-cuda comes with an extra: where it is not installed, there is no version to hold to the bound.
    installed = [found.version for found in importlib.metadata.distributions(name=name)]
    assert all(bounds.contains(version) for version in installed)
