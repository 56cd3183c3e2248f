"""Validation text from every kind of file."""

from __future__ import annotations

import pytest

from lstmtui.config import DataSettings, Settings
from lstmtui.data import corpus
from lstmtui.data.corpus import open_corpus, tokenise_corpus
from lstmtui.data.parts import CHUNK, Part
from lstmtui.data.sources import MAX_BOUNDARY_DISTANCE

LETTER = "Dear {0}, this is paragraph {1} of letter {2}, and it is long enough to be distinct from others.\n\n"
TUNE = "X:1\nT:Tune {0}\nK:G\n|: G2 B>d e/f/g | z4 [CEG] a2 :|\n\n"


def written(folder, names, text, paragraphs=12):
    folder.mkdir(exist_ok=True)
    for i, name in enumerate(names):
        (folder / name).write_text("".join(text.format(i, k, name) for k in range(paragraphs)))


def parts_of(texts, role):
    return b"".join(texts.ranges[role].chunks()).decode()


@pytest.fixture
def mail(tmp_path):
    folder = tmp_path / "mail"
    written(folder, [f"letter-{k}.txt" for k in range(9)], LETTER)
    written(folder, ["z-tunes.abc"], TUNE, 60)
    return folder


def settings(folder, **changes):
    return DataSettings.of(Settings(corpus=(str(folder),), **changes))


def test_letters_and_tunes_are_in_both_parts(mail, tmp_path):
    texts = open_corpus(settings(mail), cache=tmp_path)
    for role in ("train", "valid"):
        assert "Dear" in parts_of(texts, role)
        assert "|: G2" in parts_of(texts, role)
    assert 0.05 < texts.ranges["valid"].length / texts.bytes < 0.2
    assert texts.is_mixed


def test_pieces_are_whole_paragraphs_and_cover_the_text_once(mail, tmp_path):
    texts = open_corpus(settings(mail, test_fraction=0.1), cache=tmp_path)
    whole = b"".join(texts.ranges["train"].source.chunks()).decode()
    found = [parts_of(texts, role) for role in ("train", "valid", "test")]
    assert sorted("".join(found)) == sorted(whole)
    for text in found:
        for paragraph in filter(None, text.split("\n")):
            assert f"{paragraph}\n" in whole
    spans = sorted(s for part in texts.ranges.values() for s in part.spans)
    assert [a for a, _ in spans] == [0, *(b for _, b in spans[:-1])]


def test_some_of_many_small_files_are_held_out_whole(tmp_path):
    written(tmp_path / "notes", [f"{k}.txt" for k in range(60)], LETTER, 2)
    texts = open_corpus(settings(tmp_path / "notes"), cache=tmp_path)
    valid = parts_of(texts, "valid")
    for k in range(60):
        assert valid.count(f" of letter {k}.txt") in (0, 2)
    assert 5 <= valid.count("paragraph 0") <= 8


def test_pieces_of_a_large_file_are_spread_over_it(tmp_path):
    folder = tmp_path / "books"
    folder.mkdir()
    (folder / "big.txt").write_text("".join(LETTER.format(0, k, "x") for k in range(30_000)))
    (folder / "small.txt").write_text(LETTER.format(0, 0, "y") * 10)
    texts = open_corpus(settings(folder), cache=tmp_path)
    assert len(texts.ranges["valid"].spans) >= 4
    assert 0.07 < texts.ranges["valid"].length / texts.bytes < 0.13


def test_the_same_files_elsewhere_are_split_alike_for_every_seed(mail, tmp_path):
    other = tmp_path / "moved"
    mail.rename(other)
    first = tokenise_corpus(settings(other), cache=tmp_path / "cache")
    other.rename(mail)
    assert tokenise_corpus(settings(mail, seed=5), cache=tmp_path / "cache").digest == first.digest


def test_one_file_and_older_runs_are_split_at_the_end(mail, tmp_path):
    for s in (settings(mail / "z-tunes.abc"), settings(mail, split="end")):
        texts = open_corpus(s, cache=tmp_path)
        whole = parts_of(texts, "train") + parts_of(texts, "valid")
        assert whole == b"".join(texts.ranges["train"].source.chunks()).decode()
        assert not texts.is_mixed


@pytest.mark.parametrize("kind", ["chars", "words", "bpe", "bytes"])
def test_every_kind_of_tokens_has_a_mixed_split(kind, mail, tmp_path):
    data = tokenise_corpus(settings(mail, tokens=kind), cache=tmp_path / "cache")
    assert data.valid.bytes > 500
    assert corpus.tokenise_corpus(settings(mail, tokens=kind), cache=tmp_path / "cache").digest == data.digest


def test_files_without_line_ends_are_not_cut_within_a_word(tmp_path):
    folder = tmp_path / "words"
    folder.mkdir()
    for k in range(40):
        (folder / f"{k:02}.txt").write_text(f"word{k:02} " * 40 + f"last{k:02}")
    texts = open_corpus(settings(folder), cache=tmp_path)
    for role in ("train", "valid"):
        assert all(len(word) == 6 for word in parts_of(texts, role).split())


def test_a_sample_of_a_split_of_many_files_reads_about_its_size(tmp_path, monkeypatch):
    folder = tmp_path / "notes"
    written(folder, [f"{k}.txt" for k in range(400)], LETTER, 8)
    texts = open_corpus(settings(folder), cache=tmp_path)
    read = 0
    real = Part.read

    def counted(part, start, stop, size=CHUNK):
        nonlocal read
        read += stop - start
        return real(part, start, stop, size)

    monkeypatch.setattr(Part, "read", counted)
    found = sum(map(len, texts.ranges["train"].sample(40_000, 4)))
    assert 40_000 <= found < 50_000
    assert read < 10 * found + 8 * MAX_BOUNDARY_DISTANCE
