"""Removal of runs."""

from __future__ import annotations

import pytest
from support.bare_run import bare_run

from lstmtui.errors import LockedError, UsageError
from lstmtui.runs import listing, removal
from lstmtui.runs.lock import EngineLock


def test_remove_deletes_the_run(root):
    run = bare_run(root, "diary")
    run.checkpoints.mkdir()
    (run.checkpoints / "step-00000001.safetensors").touch()
    (run.path / ".status.json.1.tmp").touch()
    assert removal.remove_run(run) == []
    assert not run.path.exists()


def test_remove_keeps_other_files(root):
    run = bare_run(root, "diary")
    (run.path / "notes.txt").touch()
    assert removal.remove_run(run) == ["notes.txt"]
    assert listing.list_runs() == []


def test_remove_refuses_a_run_that_trains(root):
    run = bare_run(root, "diary")
    lock = EngineLock(run)
    with pytest.raises(LockedError):
        removal.remove_run(run)
    lock.release()
    assert run.config.exists()


def test_an_incomplete_run_is_removed_by_its_name(root):
    run = bare_run(root, "diary")
    run.checkpoints.mkdir()
    run.config.unlink()
    with pytest.raises(UsageError, match="no run 'diary'"):
        listing.find_run("diary")
    assert removal.remove_run(listing.find_removable_run("diary")) == []
    assert not run.path.exists()


def test_a_folder_that_is_no_run_is_not_removed(tmp_path):
    site = tmp_path / "site"
    (site / "checkpoints").mkdir(parents=True)
    (site / "config.toml").write_text('title = "My site"\n')
    (site / "checkpoints" / "step-00000001.safetensors").touch()
    with pytest.raises(UsageError, match="not a run, so nothing of it is removed"):
        listing.find_removable_run(str(site))
    with pytest.raises(UsageError, match="not a run"):
        listing.find_removable_run("site", tmp_path)


def test_a_damaged_run_can_be_removed(root):
    run = bare_run(root, "diary")
    run.metrics.touch()
    run.config.write_text("[[[")
    assert removal.remove_run(listing.find_removable_run("diary")) == []


def test_remove_keeps_other_files_in_the_folders_of_a_run(root):
    run = bare_run(root, "diary")
    for parent in (run.checkpoints, run.probes, run.autocomplete):
        parent.mkdir()
        (parent / "mine.txt").touch()
        (parent / ".best.json.12-0.tmp").touch()
    (run.checkpoints / "step-00000001.safetensors").touch()
    (run.probes / "window.npz").touch()
    (run.autocomplete / "profile.npz").touch()
    assert removal.remove_run(run) == ["autocomplete", "checkpoints", "probes"]
    found = sorted(path.name for parent in (run.checkpoints, run.probes, run.autocomplete) for path in parent.iterdir())
    assert found == ["mine.txt"] * 3
