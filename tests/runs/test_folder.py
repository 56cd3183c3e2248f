from __future__ import annotations

import os

import pytest
from support.bare_run import bare_run

from lstmtui.errors import CorruptError
from lstmtui.runs import folder, listing, removal
from lstmtui.runs.folder import RunFolder
from lstmtui.runs.lock import engine_alive


def test_disk_usage_counts_the_blocks_of_files(root):
    run = bare_run(root, "a")
    before = folder.disk_usage(run)
    run.checkpoints.mkdir()
    (run.checkpoints / "step-1.safetensors").write_bytes(os.urandom(100_000))
    assert 100_000 <= folder.disk_usage(run) - before <= 120_000
    (run.path / "link").symlink_to("/usr")  # is not followed
    assert folder.disk_usage(run) - before <= 120_000
    assert folder.disk_usage(RunFolder(root / "none")) == 0


def replace(path, kind, target):
    """Put something else where a file or folder of a run belongs."""
    if path.is_dir() and not path.is_symlink():
        path.rmdir()
    else:
        path.unlink(missing_ok=True)
    if kind == "link":
        path.symlink_to(target)
    elif kind == "FIFO":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    else:
        path.write_text("a file")


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        *((name, kind) for name in folder.FILES for kind in ("link", "FIFO", "folder")),
        *((name, kind) for name in folder.FOLDERS for kind in ("link", "FIFO", "file")),
    ],
)
def test_a_run_with_links_and_pipes_for_files_is_refused_and_can_be_removed(root, tmp_path, name, kind):
    run = bare_run(root, "diary")
    run.metrics.touch()
    bare_run(root, "other", modified=1.0)
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "step-00000001.safetensors").write_text("mine")
    target = outside if name in folder.FOLDERS else outside / "step-00000001.safetensors"
    replace(run.path / name, kind, target)
    with pytest.raises(CorruptError, match=f"{name} cannot be used"):
        listing.find_run("diary")
    assert {found.name for found in listing.list_runs()} == {"diary", "other"}
    assert listing.find_run("latest").name == "other"
    assert not engine_alive(run)
    left = removal.remove_run(listing.find_removable_run("diary"))
    assert left == ([name] if kind == "folder" else [])  # a folder where a file belongs is not a run's
    assert (outside / "step-00000001.safetensors").read_text() == "mine"
