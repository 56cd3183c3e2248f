"""`cache`."""

from __future__ import annotations

import json

import pytest

from lstmtui.cli.cache import used
from lstmtui.common.paths import cache_root
from lstmtui.data.token_files import TokenFiles


def test_clear_removes_only_files_of_the_cache(lstmtui):
    root = cache_root()
    for name in ("tokens/ab/train.bin", "compiled/d/x.nbc", "default-1-3.11.txt", "mine/holiday.jpg", "notes.txt"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"12345")
    assert used(root) == 25
    assert "25 B" in lstmtui("cache", "show").out
    said = lstmtui("cache", "clear")
    assert said.code == 0
    assert "Cleared 15 B" in said.err
    assert {p.name for p in root.rglob("*") if p.is_file()} == {"holiday.jpg", "notes.txt"}


def test_clear_without_a_cache_succeeds(lstmtui):
    assert lstmtui("cache", "clear").code == 0


def test_clear_follows_no_link(lstmtui, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "file").write_text("mine")
    cache_root().mkdir()
    (cache_root() / "tokens").symlink_to(outside)
    assert lstmtui("cache", "clear").code == 0
    assert (outside / "file").exists()


def test_clear_removes_everything_that_training_caches(lstmtui, text_file):
    from support.corpora import prepare

    prepare(train=[text_file])
    assert used(cache_root()) > 0
    lstmtui("cache", "clear")
    assert used(cache_root()) == 0


@pytest.mark.parametrize("how", ["noted", "by its plan"])
def test_clear_keeps_the_tokens_that_a_run_needs(lstmtui, make_run, how):
    run = make_run()
    for digest in ("a" * 64, "b" * 64):
        folder = TokenFiles.with_digest(cache_root(), digest).folder
        folder.mkdir(parents=True)
        (folder / "train.bin").write_bytes(b"12345")
    if how == "noted":
        TokenFiles.with_digest(cache_root(), "a" * 64).retain_for(run.path)
    else:
        run.plan.write_text(json.dumps({"steps": 10, "corpus": "a" * 64}))
    said = lstmtui("cache", "clear")
    assert "remain: the tokens of runs, which 'lstmtui rm RUN' frees" in said.err
    assert [path.name for path in (cache_root() / "tokens").iterdir()] == ["a" * 32]
    assert lstmtui("rm", "-y", run.name).code == 0
    lstmtui("cache", "clear")
    assert used(cache_root()) == 0
