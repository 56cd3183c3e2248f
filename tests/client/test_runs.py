import os

import pytest
from support import tiny

from lstmtui import config
from lstmtui.client import runs
from lstmtui.errors import LstmtuiError, UsageError


def test_creates_a_folder_with_every_setting_resolved(tmp_path):
    run = runs.create(config.Settings(corpus=(str(tiny.corpus(tmp_path)),), steps=5), name="diary")
    stored = config.load(run.config)
    assert stored.length.steps == 5
    assert stored.network.hidden is not None
    assert stored.length.batch is not None


def test_paths_are_absolute_and_names_stay_names(tmp_path, monkeypatch):
    path = tiny.corpus(tmp_path)
    monkeypatch.chdir(tmp_path)
    run = runs.create(config.Settings(corpus=(path.name,), valid=(path.name,), steps=1))
    assert config.load(run.config).data.corpus == (str(path),)
    assert config.load(run.config).data.valid == (str(path),)
    assert config.load(runs.create(config.Settings(corpus=("reber",), steps=1)).config).data.corpus == ("reber",)


def test_default_names_have_text_and_cell_and_are_unused(tmp_path):
    names = [tiny_run.name for tiny_run in (runs.create(tiny.open_settings(tiny.corpus(tmp_path))) for _ in range(3))]
    assert names == ["text-lstm", "text-lstm-2", "text-lstm-3"]


def test_a_taken_name_is_refused(tmp_path):
    tiny.create(tmp_path, "diary")
    with pytest.raises(UsageError, match="already a run 'diary'"):
        tiny.create(tmp_path, "diary")


@pytest.mark.parametrize("name", ["a/b", "..", "-x", "", "a\x1b[31m", "x" * 65, "latest"])
def test_an_invalid_name_is_refused(tmp_path, name):
    with pytest.raises(UsageError):
        tiny.create(tmp_path, name)


def test_a_missing_text_leaves_no_folder(tmp_path):
    with pytest.raises(UsageError, match="no file"):
        runs.create(config.Settings(corpus=(str(tmp_path / "none.txt"),)))
    assert not os.path.exists(os.environ["LSTMTUI_RUNS"])


def test_bytes_take_any_file(tmp_path):
    path = tmp_path / "binary"
    path.write_bytes(bytes(range(256)) * 20)
    assert runs.create(config.Settings(corpus=(str(path),), tokens="bytes", steps=1)).config.exists()
    with pytest.raises(UsageError, match="--tokens bytes"):
        runs.create(config.Settings(corpus=(str(path),), steps=1))


def test_an_unwritable_folder_raises(tmp_path, monkeypatch):
    (tmp_path / "runs").write_text("a file, where the runs should be")
    with pytest.raises(LstmtuiError, match="cannot be written"):
        tiny.create(tmp_path)


def test_an_unreadable_text_raises_before_a_run_exists(tmp_path):
    (tmp_path / "a.zip").write_bytes(b"PK\x03\x04")
    (tmp_path / "good.txt").write_text("good " * 100)
    good = (str(tmp_path / "good.txt"),)
    for settings, said in (
        (config.Settings(corpus=("",)), "An empty text names no file"),
        (config.Settings(corpus=good, valid=("",)), "An empty text names no file"),
        (config.Settings(corpus=good, test=(str(tmp_path / "a.zip"),)), "is a damaged or encrypted archive"),
    ):
        with pytest.raises(UsageError, match=said):
            runs.create(settings, root=tmp_path / "runs")
    assert not (tmp_path / "runs").exists()
