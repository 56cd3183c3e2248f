"""Parts of parallel text: held out by source, and what a person is told of them."""

import dataclasses

import pytest

from lstmtui.config import DataSettings, Settings
from lstmtui.data import parallel_corpus, sources
from lstmtui.data.pair_reading import joined, open_stream
from lstmtui.data.parallel_corpus import open_pairs
from lstmtui.errors import UsageError


def write(folder, name, rows):
    path = folder / name
    path.write_text("".join(f"{source}\t{target}\n" for source, target in rows))
    return str(path)


def settings(corpus, **changes):
    given = dataclasses.replace(Settings(purpose="translation"), corpus=(corpus,), **changes)
    return DataSettings.of(given)


ROWS = [(f"the dog {n}", f"der hund {n}") for n in range(200)]


def test_parts_are_held_out_and_share_no_source(tmp_path):
    twice = [*ROWS, *((source, target.upper()) for source, target in ROWS)]
    corpus = open_pairs(settings(write(tmp_path, "a.tsv", twice), valid_fraction=0.2, test_fraction=0.1))
    train = joined(list(corpus.train.chunks()))
    parts = [set(part.source) for part in (train, corpus.valid, corpus.test)]
    assert sum(map(len, parts)) == len(set.union(*parts)) == 200
    assert [len(part) for part in (corpus.train, corpus.valid, corpus.test)] == [2 * len(part) for part in parts]
    assert corpus.train.size == sum(len(f"{line}\n".encode()) for side in (train.source, train.target) for line in side)
    for side in ("source", "target"):
        assert b"".join(corpus.train.texts(side)) == b"".join(train.texts(side))
    assert 20 <= len(parts[1]) <= 60
    assert 8 <= len(parts[2]) <= 36


@pytest.mark.parametrize("size", [1 << 20, 64])
def test_large_parts_are_limited_and_the_rest_is_trained_on(tmp_path, monkeypatch, size):
    monkeypatch.setattr(sources.Source.chunks, "__defaults__", (size, 0, None))
    rows = [*ROWS, *((source, target.upper()) for source, target in ROWS), ("", "leer"), ("alone", "")]
    given = settings(write(tmp_path, "a.tsv", rows), valid_fraction=0.4, test_fraction=0.3)
    whole = open_pairs(given)
    monkeypatch.setattr(parallel_corpus, "MAX_HELD_OUT", 11)
    corpus = open_pairs(given)
    train = joined(list(corpus.train.chunks()))
    assert (len(corpus.valid), len(corpus.test), len(train)) == (10, 10, len(rows) - 20)
    for part, all_of_it in ((corpus.valid, whole.valid), (corpus.test, whole.test)):
        assert set(part.source) < set(all_of_it.source)
        assert not set(part.source) & set(train.source)
    assert corpus.train.size == sum(len(f"{line}\n") for line in (*train.source, *train.target))
    assert corpus.train.empty == 2


def test_own_files_are_read_whole(tmp_path):
    valid = write(tmp_path, "valid.tsv", ROWS[:7])
    corpus = open_pairs(settings(write(tmp_path, "a.tsv", ROWS[7:]), valid=(valid,)))
    assert (len(corpus.train), len(corpus.valid), len(corpus.test)) == (193, 7, 0)
    assert corpus.notes() == []


@pytest.mark.parametrize(
    ("train", "valid", "words"),
    [
        (ROWS, [(target, source) for source, target in ROWS[:9]], "seem to be swapped"),
        (ROWS, ROWS[:9], "part of the training pairs"),
        ([*ROWS, ("alone", "")], [("the cat", "der kater")], "1 have an empty side"),
    ],
)
def test_notes_name_what_is_wrong(tmp_path, train, valid, words):
    files = write(tmp_path, "a.tsv", train), write(tmp_path, "b.tsv", valid)
    (note,) = open_pairs(settings(files[0], valid=(files[1],))).notes()
    assert words in note


def test_the_recipe_chooses_pieces_for_a_translation(tmp_path):
    corpus = open_pairs(settings(write(tmp_path, "a.tsv", ROWS)))
    s = corpus.resolve(Settings(purpose="translation", tokens="auto", minutes=2))
    assert (s.data.tokens, s.length.minutes, s.network.layers) == ("bpe", 2, 1)
    assert s.network.embedding == s.network.hidden // 2


def test_nothing_to_train_on_is_refused(tmp_path):
    with pytest.raises(UsageError, match="pairs of sentences"):
        open_pairs(settings("default"))
    with pytest.raises(UsageError, match="both a source and a target"):
        open_pairs(settings(write(tmp_path, "a.tsv", [("alone", ""), ("", "allein")])))


def test_files_of_unlike_numbers_of_lines_are_refused(tmp_path):
    (tmp_path / "a").write_text("one\ntwo\n")
    (tmp_path / "b").write_text("eins\n")
    with pytest.raises(UsageError, match="2 and 1 lines"):
        open_pairs(dataclasses.replace(settings("a"), corpus=(str(tmp_path / "a"), str(tmp_path / "b"))))


@pytest.mark.parametrize("change", [lambda text: text + "more\tmehr\n", lambda text: text[: len(text) // 2]])
def test_files_that_change_between_two_passes_are_refused(tmp_path, change):
    name = write(tmp_path, "a.tsv", ROWS)
    corpus = open_pairs(settings(name))
    text = (tmp_path / "a.tsv").read_text()
    changed = settings(write(tmp_path, "b.tsv", ROWS))
    (tmp_path / "b.tsv").write_text(change(text))
    other = dataclasses.replace(corpus.train, stream=open_stream(changed.corpus))
    with pytest.raises(UsageError, match="changed while being read"):
        list(other.chunks())
