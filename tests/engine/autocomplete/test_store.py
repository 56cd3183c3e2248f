"""The index of the training text is stored beside the run."""

from pathlib import Path

from lstmtui.engine.autocomplete import store
from lstmtui.engine.inference.loaded_model import load


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
