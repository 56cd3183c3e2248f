"""The parallel text of a run: its tokens are kept for it, its tokenizers stored and checked."""

import pytest
from support import tiny

from lstmtui.data.pairs import Rules
from lstmtui.data.token_files import is_in_use
from lstmtui.engine.inference.loaded_translator import is_joint, load_tokenizers
from lstmtui.engine.tasks.run_pairs import run_pairs
from lstmtui.errors import CorruptError
from lstmtui.runs.folder import RunFolder


@pytest.fixture
def settings(tmp_path):
    lines = [(f"one {n % 50} three", f"eins {n % 50} drei {n}") for n in range(200)]
    (tmp_path / "pairs.tsv").write_text("".join(f"{source}\t{target}\n" for source, target in lines))

    def make(**changes):
        given = {"tokens": "words", "valid_fraction": 0.1, "test_fraction": 0.1, **changes}
        return tiny.run_settings(purpose="translation", corpus=(str(tmp_path / "pairs.tsv"),), **given)

    return make


@pytest.fixture
def read(tmp_path, monkeypatch):
    """Return the pairs of settings for a run that exists."""
    monkeypatch.setenv("LSTMTUI_CACHE", str(tmp_path / "cache"))
    run = RunFolder(tmp_path / "run")
    run.path.mkdir()
    run.config.touch()

    def read(s, check=lambda: None):
        return run_pairs(s, Rules(), run, lambda what, done: check())

    return read


def test_both_sides_share_a_vocabulary_of_pieces_and_not_one_of_words(settings):
    assert is_joint(settings(tokens="bytes"))
    assert is_joint(settings(tokens="bpe"))
    assert not is_joint(settings())
    assert not is_joint(settings(tokens="bytes", joint=False))


def test_tokenizers_are_stored_in_the_run_and_tokens_kept_for_it(settings, read, tmp_path):
    data = read(settings())
    stored = load_tokenizers(RunFolder(tmp_path / "run"), settings())
    assert [tokenizer.digest() for tokenizer in stored] == [tokenizer.digest() for tokenizer in data.tokenizers]
    assert is_in_use(data.files.folder)
    assert read(settings()).digest == data.digest


def test_a_run_of_other_tokenizers_raises(settings, read):
    read(settings())
    with pytest.raises(CorruptError, match="not the tokenizer"):
        read(settings(valid_fraction=0.4, tokens="chars"))


def test_a_signal_ends_the_reading_and_leaves_no_files(settings, read, tmp_path):
    def stop():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        read(settings(), stop)
    assert list((tmp_path / "cache" / "tokens").iterdir()) == []
