"""Files and functions stay small enough to read: what is longer says why."""

import ast
from pathlib import Path

import lstm_kernels

import lstmtui

MAX_LINES = 400
MAX_PARAMETERS = 8
COMPILED = ("threaded", "inlined", "jit", "intrinsic", "kernel", "overload")
"""Decorators of functions that Numba compiles, whose arrays are parameters."""
GENERATED = ("driver.py", "tile.py", "tile_driver.py")
"""Files that write compiled code: their functions take what the compiled ones take."""
LONG = {"inspect.py": "One file of more than 400 lines: twenty keys of one screen share its cursor, unit and span."}
"""Modules beyond MAX_LINES, and the words of their docstring that say why."""


def modules() -> list[Path]:
    roots = (Path(lstmtui.__file__).parent, Path(lstm_kernels.__file__).parent)
    return sorted(path for root in roots for path in root.rglob("*.py"))


def test_no_module_is_longer_than_a_reader_holds_in_mind():
    for path in modules():
        text = path.read_text()
        if text.count("\n") > MAX_LINES:
            reason = LONG.get(path.name, "")
            assert reason, f"{path} has {text.count(chr(10))} lines; split it, or let its docstring say why"
            assert reason in (ast.get_docstring(ast.parse(text)) or ""), f"{path} does not say why it is long"


def parameters(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    arguments = function.args
    names = [a.arg for a in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]
    return len(names) - (names[:1] in (["self"], ["cls"]))


def test_no_function_outside_compiled_kernels_has_more_parameters_than_a_reader_counts():
    for path in modules():
        if path.name in GENERATED:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and parameters(node) > MAX_PARAMETERS:
                decorators = " ".join(map(ast.unparse, node.decorator_list))
                assert any(word in decorators for word in COMPILED), f"{path}: {node.name} has {parameters(node)}"
