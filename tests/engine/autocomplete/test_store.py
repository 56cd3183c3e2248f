"""The index of the training text is stored beside the run."""

import shutil
from pathlib import Path

import pytest
from support import tiny

from lstmtui.engine.autocomplete import store
from lstmtui.engine.inference.loaded_model import load


@pytest.fixture(scope="module")
def trained_run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("operations")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LSTMTUI_RUNS", str(folder / "runs"))
        run = tiny.create(folder, tokens="words", hidden=16, layers=1, steps=120, batch=8, lr=0.03, ema=0.0)
        assert tiny.train(run) == 0
    return run


@pytest.fixture
def run(trained_run, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(trained_run.path, copy)
    return type(trained_run)(copy)


def test_a_damaged_text_index_is_made_again(run):
    s = load(run).settings
    index = store.text_index(run, s)
    path = run.autocomplete / "text.npz"
    stored = path.read_bytes()
    assert b"cat" in index.words
    path.write_bytes(b"damaged")
    assert store.text_index(run, s).words == index.words
    assert path.read_bytes() == stored


def test_only_the_training_part_is_indexed(run):
    s = load(run).settings
    whole = Path(s.data.corpus[0]).read_bytes()
    index = store.text_index(run, s)
    assert 0 < index.word_count < len(whole.split())
