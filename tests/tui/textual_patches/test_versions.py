"""The version that the patches were tested with, the private names they use, and that nothing else uses any."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import re
import tomllib
from functools import cache
from importlib.metadata import version
from pathlib import Path

import pytest
from textual.message_pump import MessagePump

import lstmtui.tui
from lstmtui.tui import textual_patches

ROOT = Path(__file__).parents[3]
MODULES = tuple(sorted(m.name for m in pkgutil.walk_packages(lstmtui.tui.__path__, "lstmtui.tui.")))
PATCHES = tuple(name for name in MODULES if name.startswith("lstmtui.tui.textual_patches."))


def private_names(patch: str) -> tuple[str, ...]:
    names: tuple[str, ...] = importlib.import_module(patch).PRIVATE_NAMES
    return names


def exists(name: str) -> bool:
    """Return whether module:Class.name is a name of the module, or an attribute that the class or its bases set."""
    module, _, rest = name.partition(":")
    owner: object = importlib.import_module(module)
    for part in rest.split("."):
        if hasattr(owner, part):
            owner = getattr(owner, part)
            continue
        if not isinstance(owner, type):
            return False
        source = "".join(inspect.getsource(base) for base in owner.__mro__ if base.__module__.startswith("textual"))
        return re.search(rf"\bself\.{part}\b[^=\n]*= ", source) is not None
    return True


@pytest.mark.parametrize("patch", PATCHES)
def test_private_names_of_textual_exist(patch: str) -> None:
    assert [name for name in private_names(patch) if not exists(name)] == []


def test_a_name_that_textual_does_not_have_is_noticed() -> None:
    assert not exists("textual.app:App._not_there")
    assert not exists("textual.app:not_there")


@pytest.mark.parametrize("patch", PATCHES)
def test_each_patch_names_the_version_it_is_for(patch: str) -> None:
    assert textual_patches.TESTED_VERSION in (importlib.import_module(patch).__doc__ or "")


def test_the_bounds_of_the_package_hold_the_tested_version_and_no_later_minor_version() -> None:
    dependencies = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    (bounds,) = (d for d in dependencies if d.startswith("textual"))
    major, minor, _ = textual_patches.TESTED_VERSION.split(".")
    assert bounds == f"textual>={major}.{minor},<{major}.{int(minor) + 1}"
    assert version("textual").split(".")[:2] == [major, minor]


@pytest.mark.parametrize("name", [name for name in MODULES if name not in PATCHES])
def test_only_patches_use_private_names_of_textual(name: str) -> None:
    module = importlib.import_module(name)
    tree = ast.parse(Path(str(module.__file__)).read_text())
    imported = [node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module]
    imported += [a.name for node in ast.walk(tree) if isinstance(node, ast.Import) for a in node.names]
    assert [m for m in imported if re.match(r"(textual|rich)(\.\w+)*\._", m)] == []
    used = {n.attr for n in ast.walk(tree) if isinstance(n, ast.Attribute) and re.match(r"_[a-z]", n.attr)}
    assert used - own_names() - {"_on_key", "_exit"} == set()  # _on_key is documented; os._exit


@cache
def own_names() -> frozenset[str]:
    """Return every private name that this package defines or sets itself."""
    names: set[str] = set()
    for name in MODULES:
        if name not in PATCHES:
            for node in ast.walk(ast.parse(Path(str(importlib.import_module(name).__file__)).read_text())):
                if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                    names.add(node.name)
                elif isinstance(node, ast.Attribute | ast.Name) and isinstance(node.ctx, ast.Store):
                    names.add(node.attr if isinstance(node, ast.Attribute) else node.id)
    return frozenset(names)


@pytest.mark.parametrize("name", [name for name in MODULES if name not in PATCHES])
def test_no_private_name_of_textual_is_taken_by_accident(name: str) -> None:
    module = importlib.import_module(name)
    clashes = []
    for cls in vars(module).values():
        if isinstance(cls, type) and issubclass(cls, MessagePump) and cls.__module__ == name:
            bases = [base for base in cls.__mro__ if base.__module__.startswith("textual")]
            taken = {attribute for base in bases for attribute in vars(base)} | names_set_by(bases)
            own = {n for n in vars(cls) if not n.endswith(GENERATED)} | names_set_by([cls])
            clashes += [f"{cls.__name__}.{n}" for n in own & taken if re.match(r"_[a-z]", n)]
    assert set(clashes) - {"TypingArea._on_key"} == set()


def names_set_by(classes: list[type]) -> set[str]:
    """Return the attributes that the methods of classes assign to self."""
    source = "".join(inspect.getsource(cls) for cls in classes)
    return set(re.findall(r"\bself\.(\w+)(?:: [^=\n]+)?(?:, self\.\w+)* = ", source))


GENERATED = (
    "_decorated_handlers", "_reactives", "_merged_bindings", "_css_bases", "_css_type_name", "_css_type_names",
    "_inherit_css", "_inherit_bindings", "_inherit_component_classes", "_computes", "_default_layout",
)  # fmt: skip
"""What Textual's metaclass sets on every class."""
