"""The cache of compiled code: used by the next process, and correct under edits, options, damage and races."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import lstm_kernels
import numpy as np
import pytest
from lstm_kernels import jit
from lstm_kernels.jit import SUMS, kernel

# Runs two kernels, the second with an inlined function of another file, and prints results and where code came from.
SCRIPT = """
import sys
import numpy as np
from numba.core.event import install_recorder
from lstm_kernels.jit import set_cache_folder
folder = set_cache_folder(sys.argv[1])
from lstm_kernels.cpu import dropout, optim
from lstm_kernels.interface import FlatWeights, Update
w, mask = np.zeros(8, np.float32), np.zeros((2, 8), np.float32)
with install_recorder("numba:compile") as compiled:
    optim.sgd(FlatWeights(w, w - 1, w[:0]), w.copy(), 0.0, Update(0.25, 1.0, 0.0, 0, 0.0), 1)
    dropout.locked_mask(mask, 0.5, 1)
print(w[0], int((mask > 0).sum()), "compiled" if compiled.buffer else "loaded", "in", folder)
"""


def start(folder, **environment):
    environment = {**os.environ, **environment}
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT, folder],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def answer(process):
    out, error = process.communicate(timeout=120)
    assert process.returncode == 0, error
    assert error == ""
    return out.split()[:3]


def test_the_next_process_loads_compiled_code(tmp_path):
    first, second = answer(start(tmp_path)), answer(start(tmp_path))
    assert first[2] == "compiled"
    assert second == [*first[:2], "loaded"]


def test_damaged_files_are_compiled_again_and_replaced(tmp_path):
    first = answer(start(tmp_path))
    update, mask = sorted(tmp_path.rglob("*.nbc"), reverse=True)
    update.write_bytes(update.read_bytes()[:1000])
    whole = bytearray(mask.read_bytes())
    whole[len(whole) // 2] ^= 1
    mask.write_bytes(whole)
    assert answer(start(tmp_path)) == first
    update.write_bytes(b"")
    assert answer(start(tmp_path)) == first
    assert answer(start(tmp_path)) == [*first[:2], "loaded"]


def test_an_edit_in_another_file_invalidates_the_cache(tmp_path):
    copy = tmp_path / "sources" / "lstm_kernels"
    shutil.copytree(Path(lstm_kernels.__file__).parent, copy)
    search = {"PYTHONPATH": str(copy.parent)}
    first = answer(start(tmp_path / "cache", **search))
    activations = copy / "activations.py"
    before = activations.read_text()
    activations.write_text(before.replace("ZERO, ONE, TWO = np.float32(0)", "ZERO, ONE, TWO = np.float32(9)"))
    assert activations.read_text() != before
    edited = answer(start(tmp_path / "cache", **search))
    assert edited[2] == "compiled"
    assert int(edited[1]) == 16 > int(first[1])  # what is dropped is now 9, not 0


def test_two_processes_can_compile_at_once(tmp_path):
    processes = [start(tmp_path) for _ in range(3)]
    answers = [answer(process) for process in processes]
    assert len({tuple(words[:2]) for words in answers}) == 1
    assert answer(start(tmp_path)) == [*answers[0][:2], "loaded"]
    assert not list(tmp_path.rglob("*.tmp"))


# The product of one precision is the first thing that a process compiles; another process takes both.
PRODUCTS = """
import sys
import numpy as np
from lstm_kernels.jit import set_cache_folder
set_cache_folder(sys.argv[1])
from lstm_kernels.cpu import linear
from lstm_kernels.cpu.microkernel import driver
from lstm_kernels.cpu.packing import Packed
for precision in sys.argv[2:]:
    driver.prepare(precision)
for precision in sys.argv[2:] if len(sys.argv) > 3 else ():
    A, B, b, C = (np.ones(shape, precision) for shape in ((7, 3), (3, 33), 33, (7, 33)))
    packed = Packed(3, 33, precision)
    packed.pack(B, 1)
    linear.forward(A, packed, b, C, 1)
    print((C == 4).all())
"""


def test_functions_of_one_name_from_two_processes_stay_distinct_in_a_third(tmp_path):
    def run(*precisions):
        command = [sys.executable, "-c", PRODUCTS, str(tmp_path), *precisions]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout.split()

    run("float32")
    run("float64")
    assert run("float32", "float64") == ["True", "True"]


def test_a_folder_that_cannot_be_written_caches_nothing(tmp_path):
    occupied = tmp_path / "file"
    occupied.write_text("not a folder")
    assert answer(start(occupied / "cache"))[2] == "compiled"
    assert occupied.read_text() == "not a folder"


def test_a_folder_that_others_may_write_is_not_used(tmp_path, monkeypatch):
    monkeypatch.setattr(jit, "_folder", None)
    place = jit.set_cache_folder(tmp_path / "compiled")
    assert place is not None
    place.chmod(0o777)  # what others put there would be executed
    assert jit.set_cache_folder(tmp_path / "compiled") is None
    place.chmod(0o700)
    place.parent.chmod(0o775)  # as earlier versions made it under many a umask: closed, and used
    assert jit.set_cache_folder(tmp_path / "compiled") == place
    assert place.parent.stat().st_mode & 0o22 == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_a_folder_of_another_user_is_not_used(tmp_path, monkeypatch):
    monkeypatch.setattr(jit, "_folder", None)
    place = jit.set_cache_folder(tmp_path / "compiled")
    os.chown(place, 1234, 1234)
    assert jit.set_cache_folder(tmp_path / "compiled") is None


def double(x):
    return x + x


def test_a_function_without_a_source_file_compiles(tmp_path, monkeypatch):
    """Numba's own cache refuses those, and whatever is installed where it finds no folder to write."""
    monkeypatch.setattr(jit, "_folder", tmp_path)
    made: dict = {}
    exec("def triple(x):\n    return x * 3", {"__name__": "made"}, made)
    assert kernel(made["triple"])(2.0) == 6.0
    assert len(list(tmp_path.glob("*triple-*.nbc"))) == 1


def test_options_and_closures_have_files_of_their_own(tmp_path, monkeypatch):
    monkeypatch.setattr(jit, "_folder", tmp_path)
    variants = [
        kernel(double),
        kernel(double, fastmath=SUMS),
        kernel(double, stamp="b"),
    ]
    for count, variant in enumerate(variants, start=1):
        assert variant(2.0) == 4.0
        assert len(list(tmp_path.glob("*.nbc"))) == count
    variants[0](np.float32(2))  # and types
    assert len(list(tmp_path.glob("*.nbc"))) == len(variants) + 1


def test_code_of_sources_edited_since_the_import_is_not_saved(tmp_path, monkeypatch):
    """What a process imported may be half of each state; the next one would be linked to code that is not its own."""
    monkeypatch.setattr(jit, "_folder", tmp_path)
    monkeypatch.setattr(jit, "_digest", lambda: "of what was edited")
    assert kernel(double)(2.0) == 4.0
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("gone", [True, False])
def test_a_failing_disk_costs_only_the_cache(tmp_path, monkeypatch, gone):
    folder = tmp_path / "cache"
    if not gone:
        folder.mkdir()

        def full(*args, **kwargs):
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(jit.tempfile, "NamedTemporaryFile", full)
    monkeypatch.setattr(jit, "_folder", folder)
    assert kernel(double)(2.0) == 4.0
