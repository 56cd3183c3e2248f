"""From names to token files: splits, vocabulary, the cache."""

from __future__ import annotations

import unicodedata

import numpy as np
import pytest
from support import tiny
from support.corpora import TEXT, prepare

from lstmtui import config
from lstmtui.config import DataSettings, Settings
from lstmtui.data import corpus
from lstmtui.data.corpus import tokenise_files
from lstmtui.data.reading import ReadOptions, resolve_names
from lstmtui.errors import UsageError

KINDS = pytest.mark.parametrize("kind", ["bytes", "chars", "words", "bpe"])


@KINDS
def test_train_valid_and_test_add_up_to_the_text(kind, text, cache):
    data = prepare([text], cache=cache, tokens=kind, test_fraction=0.1)
    parts = [data.train, data.valid, data.test]
    encoded = [data.tokenizer.decode(part.tokens) for part in parts]
    assert sum(part.bytes for part in parts) == len(TEXT.encode())
    assert sum(part.characters or 0 for part in parts) == len(TEXT)
    if kind != "words":
        assert b"".join(encoded) == TEXT.encode()
    assert [len(part.tokens) > 0 for part in parts] == [True] * 3
    assert abs(data.train.bytes - 0.8 * len(TEXT.encode())) < 100


@pytest.mark.parametrize("kind", ["words", "bpe"])
def test_words_are_split_at_a_line_end(kind, text, cache):
    data = prepare([text], cache=cache, tokens=kind)
    assert data.tokenizer.decode(data.train.tokens).endswith(b"\n")
    assert data.tokenizer.decode(data.valid.tokens).startswith(b"line")


def test_tinyshakespeare_is_split_as_in_the_literature(tmp_path, cache):
    path = tmp_path / "input.txt"
    path.write_bytes(b"ab" * (1_115_394 // 2))
    data = prepare([path], cache=cache)
    assert (len(data.train.tokens), len(data.valid.tokens)) == (1_003_854, 111_540)


def test_a_split_never_cuts_a_character(tmp_path, cache):
    path = tmp_path / "text.txt"
    for length in range(20, 40):
        path.write_bytes(("東" * length + "a").encode())
        data = prepare([path], cache=cache, tokens="bytes", test_fraction=0.13)
        assert data.train.characters is not None
        assert data.train.characters + data.valid.characters + data.test.characters == length + 1


def test_the_vocabulary_of_chars_covers_the_file_and_that_of_words_the_training_text(tmp_path, cache):
    path = tmp_path / "text.txt"
    path.write_text("a b " * 100 + "\n" + "z y\n" * 5)
    chars = prepare([path], cache=cache, tokens="chars")
    words = prepare([path], cache=cache, tokens="words")
    assert chars.tokenizer.unk not in chars.valid.tokens
    assert words.tokenizer.unk in words.valid.tokens


def test_own_valid_and_test_files_leave_the_training_text_whole(tmp_path, text, cache):
    (tmp_path / "valid.txt").write_text("line ends here\n")
    data = prepare([text], cache=cache, valid=[str(tmp_path / "valid.txt")])
    assert data.train.bytes == len(TEXT.encode())
    assert data.tokenizer.decode(data.valid.tokens) == b"line ends here\n"
    assert len(data.test.tokens) == 0


def test_a_fraction_of_0_gives_no_validation_text(text, cache):
    data = prepare([text], cache=cache, valid_fraction=0)
    assert data.train.bytes == len(TEXT.encode())
    assert len(data.valid.tokens) == 0


@pytest.mark.parametrize("fractions", [(-0.1, 0.0), (0.5, 0.5), (float("nan"), 0.0), (0.0, 2.0)])
def test_impossible_fractions_are_refused(fractions, text, cache):
    with pytest.raises(UsageError, match="fractions"):
        prepare([text], cache=cache, valid_fraction=fractions[0], test_fraction=fractions[1])


def test_every_setting_that_changes_the_tokens_changes_the_digest(text, cache, tmp_path):
    other = tmp_path / "other.txt"
    other.write_text(TEXT + "x")
    digests = {
        prepare([text], cache=cache).digest,
        prepare([other], cache=cache).digest,
        prepare([text], cache=cache, tokens="words").digest,
        prepare([text], cache=cache, limit=20).digest,
        prepare([text], cache=cache, valid_fraction=0.2).digest,
        prepare([text], cache=cache, valid=[str(other)]).digest,
    }
    assert len(digests) == 6
    same = tmp_path / "same.txt"
    same.write_bytes(text.read_bytes())
    assert prepare([same], cache=cache).digest in digests


def test_an_unwritable_cache_is_replaced_by_a_temporary_one(text, tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    data = prepare([text], cache=blocked)
    assert data.train.bytes > 0
    assert blocked.read_text() == "in the way"


def test_progress_goes_from_0_to_1(text, cache):
    progress: list[tuple[str, float]] = []
    prepare([text], cache=cache, tokens="words", report=lambda what, done: progress.append((what, done)))
    assert [what for what, _ in progress] == ["reading", "vocabulary", "train", "valid"]
    assert [done for _, done in progress[1:]] == [1.0, 1.0, 1.0]


def test_files_are_tokenised_with_the_tokenizer_of_a_model(text, tmp_path, cache):
    tokenizer = prepare([text], cache=cache).tokenizer
    other = tmp_path / "other.txt"
    other.write_text("line Ω\n", encoding="utf-8")
    for _ in range(2):
        split = tokenise_files([str(other)], tokenizer, ReadOptions(), cache=cache)
        assert split.tokens.tolist() == tokenizer.encode("line Ω\n".encode()).tolist()
        assert (split.bytes, split.characters) == (8, 7)


def test_any_range_of_a_source_is_what_slicing_gives(tmp_path):
    for name, data in (("a", b"onety"), ("b", b"two\n"), ("c", b"three")):
        (tmp_path / name).write_bytes(data)
    source = resolve_names([str(tmp_path / name) for name in "abc"])
    whole = b"".join(source.chunks())
    for start in range(len(whole) + 1):
        for stop in range(start, len(whole) + 1):
            assert b"".join(source.chunks(3, start, stop)) == whole[start:stop]


@pytest.mark.parametrize(
    ("kind", "folder", "file"),
    [
        ("chars", "f760879d9622db6d034aaee371a27248", "3d35c87ba190bb2649e046b65aaab9c3"),
        ("words", "c428a5469aeb5850e3ed6423abf5eb23", "dd9078cfb75a0988fcd089f15e3e6e38"),
        ("bytes", "242a703e36f4dd6cb28b10cf5caf23b4", "e034b1b9a32cc9de3684c9b798277f54"),
    ],
)
def test_settings_of_the_first_version_keep_their_digests(kind, folder, file, tmp_path, cache):
    """The digests are those that the first version gave."""
    texts = tmp_path / "f"
    texts.mkdir()
    (texts / "a.txt").write_text(TEXT, encoding="utf-8")
    (texts / "b.md").write_text(TEXT[:500].strip(), encoding="utf-8")
    old = dict(config.BEFORE)
    s = Settings(corpus=(str(texts),), tokens=kind, test_fraction=0.1, **old)
    found = corpus.tokenise_corpus(DataSettings.of(s), cache=cache)
    assert found.digest.startswith(folder)
    s = Settings(corpus=(str(texts / "a.txt"),), tokens=kind, **old)
    found = corpus.tokenise_corpus(DataSettings.of(s), cache=cache)
    assert found.digest.startswith(file)


MIXED = "cafe\u0301 naïve\r\none line\rand another\r\nか\u3099 한국 \u1112\u1161\u11ab\n" * 60


NORMAL = unicodedata.normalize("NFC", MIXED.replace("\r\n", "\n").replace("\r", "\n"))


@pytest.mark.parametrize("kind", ["chars", "words", "bpe"])
def test_equal_spellings_and_line_ends_are_the_same_tokens(kind, tmp_path, cache):
    (tmp_path / "mixed.txt").write_bytes(MIXED.encode())
    (tmp_path / "normal.txt").write_bytes(NORMAL.encode())
    mixed, normal = (
        prepare([tmp_path / f"{name}.txt"], cache=cache, tokens=kind, valid_fraction=0.0)
        for name in ("mixed", "normal")
    )
    assert mixed.tokenizer.digest() == normal.tokenizer.digest()
    np.testing.assert_array_equal(mixed.train.tokens, normal.train.tokens)
    assert mixed.train.characters == len(NORMAL)
    how = ReadOptions(tokens=kind)
    found = tokenise_files([str(tmp_path / "mixed.txt")], normal.tokenizer, how, cache=cache)
    np.testing.assert_array_equal(found.tokens, normal.train.tokens)


@KINDS
def test_an_exact_text_is_not_normalised_and_has_its_own_digest(kind, tmp_path, cache):
    path = tmp_path / "mixed.txt"
    path.write_bytes(MIXED.encode())
    prepare([path], cache=cache, tokens=kind, valid_fraction=0.0)
    exact = prepare([path], cache=cache, tokens=kind, valid_fraction=0.0, exact=True)
    assert (exact.train.bytes, exact.train.characters) == (len(MIXED.encode()), len(MIXED))
    if kind != "words":
        assert exact.tokenizer.decode(exact.train.tokens) == MIXED.encode()


def test_runs_without_the_setting_read_their_text_exactly(tmp_path, cache):
    path = tmp_path / "config.toml"
    stored = config.dump(tiny.run_settings(corpus=("x",)))
    path.write_text(stored)
    assert not config.load(path).data.exact
    path.write_text("\n".join(line for line in stored.splitlines() if not line.startswith("exact")))
    assert config.load(path).data.exact


@pytest.mark.parametrize("share", [0.1 + n / 997 for n in range(40)])
def test_a_split_never_separates_composing_characters(share, tmp_path, cache):
    path = tmp_path / "mixed.txt"
    path.write_bytes(MIXED.encode())
    data = prepare([path], cache=cache, valid_fraction=share)
    text = data.tokenizer.text(data.train.tokens) + data.tokenizer.text(data.valid.tokens)
    assert text == NORMAL
