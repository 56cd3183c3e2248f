"""Private interfaces of Numba: each patch is for the tested versions, its names exist, and no other file uses them."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from importlib import import_module
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import pytest
from lstm_kernels import numba_patches
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[3]
FOLDER = Path(numba_patches.__file__).parent
FILES = sorted(path.stem for path in FOLDER.glob("*.py") if path.stem != "__init__")
HAS_CUDA = find_spec("numba_cuda") is not None
PRIVATE_MODULES = re.compile(r"numba\.(core|np|cuda\.\w+)\b")


def parse(path):
    return ast.parse(path.read_text())


@pytest.mark.parametrize("name", FILES)
def test_each_patch_names_the_tested_versions(name):
    docstring = ast.get_docstring(parse(FOLDER / f"{name}.py"))
    named = re.findall(r"(Numba|llvmlite|numba-cuda) (\d+\.\d+\.\d+)", docstring)
    assert named
    for package, tested in named:
        assert numba_patches.TESTED[package.lower()] == tested


@pytest.mark.parametrize("package", ["numba", "numba-cuda"])
def test_requirements_allow_up_to_the_tested_minor_version(package):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    required = map(Requirement, [*project["dependencies"], *project["optional-dependencies"]["cuda"]])
    specifier = next(one.specifier for one in required if one.name == package)
    major, minor, _ = map(int, numba_patches.TESTED[package].split("."))
    assert specifier.contains(f"{major}.{minor}.99")
    assert not specifier.contains(f"{major}.{minor + 1}")


@pytest.mark.parametrize("package", [p for p in numba_patches.TESTED if p != "numba-cuda" or HAS_CUDA])
def test_the_tested_version_is_not_older_than_the_installed_one(package):
    assert version(package).split(".")[:2] <= numba_patches.TESTED[package].split(".")[:2]


def private_names():
    """Yield file and name; those of numba-cuda, which is the extra `cuda`, where it is installed."""
    for name in (one for one in FILES if HAS_CUDA or not one.startswith("cuda")):
        for node in parse(FOLDER / f"{name}.py").body:
            if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", None) == "PRIVATE":
                yield from ((name, private) for private in ast.literal_eval(node.value))


@pytest.mark.parametrize(("patch", "private"), list(private_names()))
def test_the_private_name_exists(patch, private):
    parts = private.split(".")
    for count in range(len(parts), 0, -1):
        module = ".".join(parts[:count])
        if module in sys.modules or find_spec(".".join(parts[:1])) is None:
            break
        try:
            import_module(module)
            break
        except ModuleNotFoundError:
            continue
    found = sys.modules[module]
    for part in parts[count:]:
        found = getattr(found, part)


def imported(path):
    for node in ast.walk(parse(path)):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def test_no_other_file_imports_private_modules_of_numba():
    # The version of the driver, which `info` shows, is public nowhere.
    allowed = {("launch.py", "numba.cuda.cudadrv.driver.driver")}
    files = [path for root in ("kernels", "lstmtui") for path in (ROOT / root).rglob("*.py")]
    found = {
        (path.name, name)
        for path in files
        if path.parent != FOLDER
        for name in imported(path)
        if PRIVATE_MODULES.match(name)
    }
    assert found - allowed == set()
