"""Creation of run folders."""

from __future__ import annotations

import os
import stat
import time

import pytest

from lstmtui.errors import UsageError
from lstmtui.runs import creation, listing, names
from lstmtui.runs.folder import RunFolder


def test_a_run_is_created_completely_or_not_at_all(root):
    run = RunFolder(root / "diary")

    def fail():
        with creation.draft_folder(run) as draft:
            draft.config.write_text("format = 1\n")
            raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        fail()
    assert list(root.iterdir()) == []
    with creation.draft_folder(run) as draft:
        assert listing.list_runs() == []  # not before it is whole
        draft.config.write_text("format = 1\n")
        assert not run.path.exists()
    assert [found.name for found in listing.list_runs()] == ["diary"]
    assert stat.S_IMODE(run.path.stat().st_mode) == 0o700


def test_an_empty_folder_is_no_run_and_may_become_one(root):
    (root / "diary").mkdir(parents=True)
    assert names.free_run_name(root, "diary") == "diary"
    with creation.draft_folder(RunFolder(root / "diary")) as draft:
        draft.config.write_text("format = 1\n")
    assert listing.find_run("diary").config.exists()


@pytest.mark.parametrize(
    ("name", "words"), [("config.toml", "already a run 'diary'"), ("metrics.jsonl", "rm diary"), ("x.txt", "not a run")]
)
def test_the_refusal_says_what_occupies_the_path_of_a_new_run(root, name, words):
    (root / "diary").mkdir(parents=True)
    (root / "diary" / name).touch()
    assert names.free_run_name(root, "diary") == "diary-2"
    with pytest.raises(UsageError, match=words), creation.draft_folder(RunFolder(root / "diary")):
        pytest.fail("it was begun")
    assert [path.name for path in root.iterdir()] == ["diary"]


def test_the_second_of_two_that_create_one_run_is_refused(root):
    run = RunFolder(root / "diary")

    def make_both():
        with creation.draft_folder(run) as second:
            second.config.write_text("second")
            with creation.draft_folder(run) as first:
                first.config.write_text("first")

    with pytest.raises(UsageError, match="already a run"):
        make_both()
    assert run.config.read_text() == "first"
    assert [path.name for path in root.iterdir()] == ["diary"]


def test_an_old_draft_is_removed(root):
    for name, at in ((".old.1234abcd.draft", 1.0), (".new.1234abcd.draft", time.time())):
        (root / name).mkdir(parents=True)
        os.utime(root / name, (at, at))
    with creation.draft_folder(RunFolder(root / "diary")) as draft:
        draft.config.touch()
    assert sorted(path.name for path in root.iterdir()) == [".new.1234abcd.draft", "diary"]
    assert [run.name for run in listing.list_runs()] == ["diary"]
