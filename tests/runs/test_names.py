"""Names of runs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import tiny
from support.bare_run import bare_run

from lstmtui import config
from lstmtui.errors import LockedError, UsageError
from lstmtui.runs import names
from lstmtui.runs.lock import EngineLock


@pytest.mark.parametrize("name", ["a", "diary-2", "Größe", "v1.2_x", "9lives", "x" * 64])
def test_good_names_are_accepted(name):
    assert names.check_run_name(name) == name


@pytest.mark.parametrize(
    "name", ["", "-x", ".x", "_x", "a/b", "..", "a..b", "a b", "a\x1bb", "a\n", "a\0", "x" * 65, "latest", "a\u202eb"]
)
def test_bad_names_are_refused(name):
    with pytest.raises(UsageError) as error:
        names.check_run_name(name)
    assert len(str(error.value)) < 300


@given(st.text(max_size=80))
def test_a_free_name_is_a_good_name(tmp_path_factory, stem):
    assert names.check_run_name(names.free_run_name(tmp_path_factory.getbasetemp() / "none", stem))


def test_a_free_name_is_free(root):
    bare_run(root, "diary")
    bare_run(root, "diary-2")
    assert names.free_run_name(root, "diary") == "diary-3"


def test_a_run_is_renamed_with_the_text_in_it(root):
    run = bare_run(root, "a")
    run.config.write_text(config.dump(tiny.run_settings(corpus=("x.txt", str(run.text)))))
    run.text.write_text("piped in")
    renamed = names.rename_run(run, "b")
    assert renamed.path == root / "b"
    assert not run.path.exists()
    assert config.load(renamed.config).data.corpus == ("x.txt", str(renamed.text))


def test_rename_refuses_used_and_bad_names_and_a_run_that_trains(root):
    run, other = bare_run(root, "a"), bare_run(root, "b")
    for one in (run, other):
        one.config.write_text(config.dump(tiny.run_settings()))
    for name in ("b", "a", "", "../c", "latest", "c/d", "."):
        with pytest.raises(UsageError):
            names.rename_run(run, name)
    lock = EngineLock(run)
    with pytest.raises(LockedError):
        names.rename_run(run, "c")
    lock.release()
    assert run.config.exists()
