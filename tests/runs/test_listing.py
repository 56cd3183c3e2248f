"""The list of runs, and one run by its name or path."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.bare_run import bare_run

from lstmtui.errors import CorruptError, UsageError
from lstmtui.runs import listing


def test_runs_are_listed_newest_first(root):
    assert listing.list_runs() == []
    for name, at in (("old", 1.0), ("new", 3.0), ("middle", 2.0)):
        bare_run(root, name, modified=at)
    (root / "no-run").mkdir()
    (root / "file").touch()
    assert [run.name for run in listing.list_runs()] == ["new", "middle", "old"]
    assert listing.find_run("latest").name == "new"


def test_a_run_is_found_by_name_and_by_path(root, tmp_path, monkeypatch):
    bare_run(root, "diary")
    assert listing.find_run("diary").path == root / "diary"
    assert listing.find_run(str(root / "diary")).name == "diary"
    monkeypatch.chdir(tmp_path)
    assert listing.find_run("runs/diary").name == "diary"
    for name in ("nope", "./nope", "runs/nope"):
        with pytest.raises(UsageError):
            listing.find_run(name)


def test_there_are_no_runs_at_first(root):
    with pytest.raises(UsageError, match="no runs yet"):
        listing.find_run("latest")


def test_an_unreadable_run_hides_no_other(root, monkeypatch):
    bare_run(root, "bad")
    bare_run(root, "good", modified=1.0)
    whole = Path.lstat

    def refused(path):
        if path.parent.name == "bad":
            raise PermissionError(13, "Permission denied", str(path))
        return whole(path)

    monkeypatch.setattr(Path, "lstat", refused)
    assert {run.name for run in listing.list_runs()} == {"bad", "good"}
    assert listing.find_run("latest").name == "good"
    with pytest.raises(CorruptError, match="Permission denied"):
        listing.find_run("bad")
