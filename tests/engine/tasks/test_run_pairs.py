"""The parallel text of a run: parts, vocabularies, digests."""

import pytest
from support import tiny

from lstmtui.data.pairs import Rules
from lstmtui.engine.inference.loaded_translator import is_joint
from lstmtui.engine.tasks.run_pairs import load_pairs, store_tokenizers
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


def test_parts_hold_out_all_pairs_of_a_source(settings):
    data = load_pairs(settings(), Rules())
    held_out = [set(part.pairs.source) for part in (data.valid, data.test)]
    assert all(held_out)
    assert not held_out[0] & held_out[1]
    trained = {data.tokenizers.source.text(data.train.source[n]).strip() for n in range(len(data.train))}
    assert not trained & (held_out[0] | held_out[1])
    assert len(data.train) + len(data.valid.tokens) + len(data.test.tokens) == 200


def test_both_sides_share_a_vocabulary_of_pieces_and_not_one_of_words(settings):
    assert is_joint(settings(tokens="bytes"))
    assert is_joint(settings(tokens="bpe"))
    assert not is_joint(settings())
    assert not is_joint(settings(tokens="bytes", joint=False))


def test_digests_follow_from_the_pairs(settings):
    data, again = (load_pairs(settings(), Rules()).digest() for _ in range(2))
    assert data == again
    assert load_pairs(settings(valid_fraction=0.3), Rules()).digest() != data


def test_a_run_of_other_tokenizers_raises(settings, tmp_path):
    run = RunFolder(tmp_path)
    store_tokenizers(run, load_pairs(settings(), Rules()).tokenizers)
    store_tokenizers(run, load_pairs(settings(), Rules()).tokenizers)
    with pytest.raises(CorruptError, match="not the tokenizer"):
        store_tokenizers(run, load_pairs(settings(valid_fraction=0.4, tokens="chars"), Rules()).tokenizers)
