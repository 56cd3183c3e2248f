"""From names to token files: splits, vocabulary, the cache."""

from __future__ import annotations

import base64
import dataclasses
import os
import subprocess
import sys
import tracemalloc
import unicodedata

import numpy as np
import pytest
from support.corpora import prepare

from lstmtui import config
from lstmtui.config import Settings
from lstmtui.data import corpus, parts, token_files
from lstmtui.data.corpus import open_corpus, tokenise_files
from lstmtui.data.notes import corpus_notes
from lstmtui.data.reading import ReadOptions, open_source, resolve_names
from lstmtui.errors import LstmtuiError, UsageError

TEXT = "".join(f"line {i} of the text, größer and 東 than {i * 7 % 13} others\n" for i in range(300))
KINDS = pytest.mark.parametrize("kind", ["bytes", "chars", "words", "bpe"])


@pytest.fixture
def cache(tmp_path):
    return tmp_path / "cache"


@pytest.fixture
def text(tmp_path):
    path = tmp_path / "text.txt"
    path.write_bytes(TEXT.encode())
    return path


def ready(cache, *names, **options):
    return prepare(train=[str(name) for name in names], cache=cache, **options)


@KINDS
def test_the_parts_add_up_to_the_text(kind, text, cache):
    data = ready(cache, text, tokens=kind, test_fraction=0.1)
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
    data = ready(cache, text, tokens=kind)
    assert data.tokenizer.decode(data.train.tokens).endswith(b"\n")
    assert data.tokenizer.decode(data.valid.tokens).startswith(b"line")


def test_tinyshakespeare_is_split_where_everyone_splits_it(tmp_path, cache):
    path = tmp_path / "input.txt"
    path.write_bytes(b"ab" * (1_115_394 // 2))
    data = ready(cache, path)
    assert (len(data.train.tokens), len(data.valid.tokens)) == (1_003_854, 111_540)


def test_a_split_never_cuts_a_character(tmp_path, cache):
    path = tmp_path / "text.txt"
    for length in range(20, 40):
        path.write_bytes(("東" * length + "a").encode())
        data = ready(cache, path, tokens="bytes", test_fraction=0.13)
        assert data.train.characters is not None
        assert data.train.characters + data.valid.characters + data.test.characters == length + 1


def test_chars_know_the_whole_file_and_words_only_the_training_part(tmp_path, cache):
    path = tmp_path / "text.txt"
    path.write_text("a b " * 100 + "\n" + "z y\n" * 5)
    chars = ready(cache, path, tokens="chars")
    words = ready(cache, path, tokens="words")
    assert chars.tokenizer.unk not in chars.valid.tokens
    assert words.tokenizer.unk in words.valid.tokens


def test_own_valid_and_test_files_leave_the_training_text_whole(tmp_path, text, cache):
    (tmp_path / "valid.txt").write_text("line ends here\n")
    data = ready(cache, text, valid=[str(tmp_path / "valid.txt")])
    assert data.train.bytes == len(TEXT.encode())
    assert data.tokenizer.decode(data.valid.tokens) == b"line ends here\n"
    assert len(data.test.tokens) == 0


def test_no_fraction_means_no_validation_part(text, cache):
    data = ready(cache, text, valid_fraction=0)
    assert data.train.bytes == len(TEXT.encode())
    assert len(data.valid.tokens) == 0


@pytest.mark.parametrize("fractions", [(-0.1, 0.0), (0.5, 0.5), (float("nan"), 0.0), (0.0, 2.0)])
def test_impossible_fractions_are_refused(fractions, text, cache):
    with pytest.raises(UsageError, match="fractions"):
        ready(cache, text, valid_fraction=fractions[0], test_fraction=fractions[1])


@pytest.mark.parametrize(("count", "dtype"), [(255, np.uint8), (256, np.uint16), (300, np.uint16)])
def test_tokens_take_the_smallest_type_that_fits(count, dtype, tmp_path, cache):
    path = tmp_path / "text.txt"
    path.write_text("".join(map(chr, range(0x4E00, 0x4E00 + count))) * 2, encoding="utf-8")
    data = ready(cache, path)
    assert data.tokenizer.size == count + 1
    assert data.train.tokens.dtype == dtype
    assert token_files.id_dtype(1 << 17) == np.int32


def test_tokens_are_mapped_and_cannot_be_written(text, cache):
    tokens = ready(cache, text).train.tokens
    assert isinstance(tokens, np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        tokens[0] = 1


@KINDS
def test_the_chunk_size_changes_nothing(kind, text, cache, tmp_path, monkeypatch):
    whole = ready(cache, text, tokens=kind, test_fraction=0.2)
    monkeypatch.setattr(token_files, "CHUNK", 7)
    small = ready(tmp_path / "other", text, tokens=kind, test_fraction=0.2)
    assert small.digest == whole.digest
    assert small.tokenizer.digest() == whole.tokenizer.digest()
    for role in ("train", "valid", "test"):
        np.testing.assert_array_equal(getattr(small, role).tokens, getattr(whole, role).tokens)
        assert getattr(small, role).characters == getattr(whole, role).characters


def test_memory_stays_flat(tmp_path, cache):
    path = tmp_path / "big.txt"
    path.write_bytes(TEXT.encode() * 1500)
    tracemalloc.start()
    ready(cache, path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # The working set of a few 1 MiB chunks, and chars' table of counts for every code point (2 x 9 MB).
    assert path.stat().st_size > 20 << 20
    assert peak < 48 << 20


def test_the_second_time_comes_from_the_cache(text, cache, monkeypatch):
    first = ready(cache, text)
    monkeypatch.setattr(token_files, "_write", None)
    second = ready(cache, text)
    assert second.digest == first.digest
    np.testing.assert_array_equal(second.train.tokens, first.train.tokens)


def test_what_shapes_the_tokens_shapes_the_digest(text, cache, tmp_path):
    other = tmp_path / "other.txt"
    other.write_text(TEXT + "x")
    digests = {
        ready(cache, text).digest,
        ready(cache, other).digest,
        ready(cache, text, tokens="words").digest,
        ready(cache, text, limit=20).digest,
        ready(cache, text, valid_fraction=0.2).digest,
        ready(cache, text, valid=[str(other)]).digest,
    }
    assert len(digests) == 6
    same = tmp_path / "same.txt"
    same.write_bytes(text.read_bytes())
    assert ready(cache, same).digest in digests


def shorten(path):
    os.truncate(path, path.stat().st_size // 2)


def flip(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 4
    path.write_bytes(data)


DAMAGES = {
    "shorten": shorten,
    "flip": flip,
    "remove": lambda path: path.unlink(),
    "empty": lambda path: os.truncate(path, 0),
}


@pytest.mark.parametrize("name", ["train.bin", "valid.bin", "contents.json", "tokenizer.json"])
@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_cache_entry_is_built_again(name, damage, text, cache):
    whole = ready(cache, text)
    expected = np.array(whole.train.tokens), np.array(whole.valid.tokens)
    del whole
    [found] = cache.rglob(name)
    DAMAGES[damage](found)
    again = ready(cache, text)
    np.testing.assert_array_equal(again.train.tokens, expected[0])
    np.testing.assert_array_equal(again.valid.tokens, expected[1])
    assert len(list((cache / "tokens").iterdir())) == 1


def test_a_list_of_files_that_lies_is_not_believed(text, cache):
    ready(cache, text)
    [found] = cache.rglob("contents.json")
    whole = found.read_text()
    for lie in ("[] x", whole.replace('"bytes":', '"bytes":1'), whole.split()[0]):
        found.write_text(lie)
        assert ready(cache, text).train.bytes < len(TEXT.encode())
        assert found.read_text() == whole


def test_nothing_is_left_behind_when_the_text_is_refused(tmp_path, cache):
    path = tmp_path / "late.txt"
    path.write_bytes(TEXT.encode() + b"\xff")
    with pytest.raises(UsageError):
        ready(cache, path)
    assert list((cache / "tokens").glob("*")) == []


def test_a_full_disk_is_named(text, cache, monkeypatch):
    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(token_files.os, "fsync", full)
    with pytest.raises(LstmtuiError, match="No space left on device") as caught:
        ready(cache, text)
    assert "LSTMTUI_CACHE" in str(caught.value)
    assert list((cache / "tokens").iterdir()) == []


def test_an_unwritable_cache_is_replaced_by_a_passing_one(text, tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    data = ready(blocked, text)
    assert data.train.bytes > 0
    assert blocked.read_text() == "in the way"


def test_progress_goes_from_nothing_to_all(text, cache):
    told: list[tuple[str, float]] = []
    ready(cache, text, tokens="words", report=lambda what, done: told.append((what, done)))
    assert [what for what, _ in told] == ["reading", "vocabulary", "train", "valid"]
    assert [done for _, done in told[1:]] == [1.0, 1.0, 1.0]


def test_other_text_in_the_tokens_of_a_trained_model(text, tmp_path, cache):
    tokenizer = ready(cache, text).tokenizer
    other = tmp_path / "other.txt"
    other.write_text("line Ω\n", encoding="utf-8")
    for _ in range(2):
        split = tokenise_files([str(other)], tokenizer, ReadOptions(), cache=cache)
        assert split.tokens.tolist() == tokenizer.encode("line Ω\n".encode()).tolist()
        assert (split.bytes, split.characters) == (8, 7)


def test_several_files_are_joined_with_one_newline_where_needed(tmp_path, cache):
    for name, data in (("a", b"one"), ("b", b"two\n"), ("c", b"\xef\xbb\xbfthree")):
        (tmp_path / name).write_bytes(data)
    names = [str(tmp_path / name) for name in "abc"]
    assert b"".join(resolve_names(names, cache=cache).as_text().chunks()) == b"one\ntwo\nthree"
    assert b"".join(resolve_names(names, cache=cache).chunks(2)) == b"one\ntwo\n\xef\xbb\xbfthree"
    assert open_source(names, ReadOptions(), cache=cache).bytes == len(b"one\ntwo\nthree")
    assert open_source(names, ReadOptions(tokens="bytes"), cache=cache).bytes == len(b"one\ntwo\n\xef\xbb\xbfthree")


def test_any_range_of_a_source_is_what_slicing_gives(tmp_path):
    for name, data in (("a", b"onety"), ("b", b"two\n"), ("c", b"three")):
        (tmp_path / name).write_bytes(data)
    source = resolve_names([str(tmp_path / name) for name in "abc"])
    whole = b"".join(source.chunks())
    for start in range(len(whole) + 1):
        for stop in range(start, len(whole) + 1):
            assert b"".join(source.chunks(3, start, stop)) == whole[start:stop]


def test_a_big_file_is_digested_once(tmp_path, cache, monkeypatch):
    from lstmtui.data import digests

    path = tmp_path / "text.txt"
    path.write_bytes(TEXT.encode())
    os.utime(path, (1, 1))
    monkeypatch.setattr(digests, "MIN_REMEMBERED_BYTES", 1)
    first = resolve_names([str(path)]).digest(cache)
    monkeypatch.setattr(parts.Part, "read", lambda *args: [b"not what the file holds"])
    assert resolve_names([str(path)]).digest(cache) == first
    monkeypatch.undo()
    monkeypatch.setattr(digests, "MIN_REMEMBERED_BYTES", 1)
    path.write_bytes(TEXT.encode().replace(b"line", b"LINE"))
    assert resolve_names([str(path)]).digest(cache) != first


def test_the_default_corpus_and_generators_have_names(cache):
    assert open_source(["reber:lines=50,seed=3"], ReadOptions(), cache=cache).bytes > 500
    data = ready(cache, "brackets:lines=200")
    assert data.name == "brackets:lines=200"
    assert data.tokenizer.size == 6


@pytest.mark.parametrize("name", ["contents.json", "tokenizer.json"])
def test_token_files_that_cannot_be_read_are_not_removed(name, text, cache, monkeypatch):
    ready(cache, text)
    [found] = cache.rglob(name)

    def refuse(path, limit):
        if path == found:
            raise OSError(5, "Input/output error")
        return read_file(path, limit)

    read_file = token_files.read_file
    monkeypatch.setattr(token_files, "read_file", refuse)
    with pytest.raises(LstmtuiError, match="Input/output error"):
        ready(cache, text)
    assert found.exists()


@pytest.mark.parametrize(
    ("kind", "folder", "file"),
    [
        ("chars", "f760879d9622db6d034aaee371a27248", "3d35c87ba190bb2649e046b65aaab9c3"),
        ("words", "c428a5469aeb5850e3ed6423abf5eb23", "dd9078cfb75a0988fcd089f15e3e6e38"),
        ("bytes", "242a703e36f4dd6cb28b10cf5caf23b4", "e034b1b9a32cc9de3684c9b798277f54"),
    ],
)
def test_settings_of_the_first_version_find_the_tokens_that_it_made(kind, folder, file, tmp_path, cache):
    """The digests are those that the first version gave."""
    texts = tmp_path / "f"
    texts.mkdir()
    (texts / "a.txt").write_text(TEXT, encoding="utf-8")
    (texts / "b.md").write_text(TEXT[:500].strip(), encoding="utf-8")
    old = dict(config.BEFORE)
    found = corpus.tokenise_corpus(Settings(corpus=(str(texts),), tokens=kind, test_fraction=0.1, **old), cache=cache)
    assert found.digest.startswith(folder)
    found = corpus.tokenise_corpus(Settings(corpus=(str(texts / "a.txt"),), tokens=kind, **old), cache=cache)
    assert found.digest.startswith(file)


def test_an_empty_name_is_no_folder(tmp_path, monkeypatch, text):
    monkeypatch.chdir(tmp_path)
    for settings in ({"corpus": ("",)}, {"valid": ("",)}, {"test": ("",)}):
        with pytest.raises(UsageError, match="An empty text names no file"):
            open_corpus(Settings(**{"corpus": (str(text),), **settings}))


def folder_with(tmp_path, **files):
    folder = tmp_path / "folder"
    for name, data in files.items():
        path = folder / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return folder


def test_one_bad_file_of_a_folder_does_not_stop_the_rest_and_each_is_named(tmp_path, cache):
    files = {
        "a.txt": TEXT,
        "late.txt": b"plain\n" * 9000 + b"caf\xe9",
        "zip.txt": b"PK\x03\x04",
        "nul.txt": TEXT + "\0",
    }
    folder = folder_with(tmp_path, **files)
    (folder / "empty.txt").touch()
    (folder / "gone.txt").symlink_to("nowhere")
    texts = open_corpus(Settings(corpus=(str(folder),)), cache=cache)
    assert [part.path.name for part in texts.ranges["train"].source.parts] == ["a.txt"]
    [note] = corpus_notes(texts, cache=cache)
    assert note.startswith(f"Of {folder}, 1 file is read and 5 left out: ")
    for reason in (
        "late.txt (is no valid UTF-8 at offset 54003; it looks like windows-1252",
        "zip.txt (is a ZIP archive)",
        "empty.txt (is empty)",
        "gone.txt (is a link that leads nowhere)",
        f"nul.txt (is no text (a NUL byte at offset {len(TEXT.encode())})",
    ):
        assert reason in note


def test_an_encoding_brings_back_what_would_be_left_out(tmp_path, cache):
    folder = folder_with(tmp_path, **{"a.txt": "größer\n", "b.txt": "später\n".encode("cp1252")})
    how = ReadOptions(encoding="windows-1252")
    assert b"".join(open_source([str(folder)], how, cache=cache).chunks()).decode() == "größer\nspäter\n"
    assert not open_source([str(folder)], how, cache=cache).skipped


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "cp1252", "iso2022_jp"])
def test_a_text_in_another_encoding_gives_the_same_tokens(encoding, tmp_path, cache):
    text = "Plain text, read in any encoding.\n" * 50
    (tmp_path / "a.txt").write_text(text, encoding=encoding)
    (tmp_path / "b.txt").write_text(text)
    a, b = (ready(cache, tmp_path / name, encoding=encoding) for name in ("a.txt", "b.txt"))
    assert a.digest == b.digest


def test_a_wrong_encoding_and_an_unknown_one_are_refused(tmp_path, cache):
    (tmp_path / "a.txt").write_bytes("später ".encode("cp1252") * 50)
    with pytest.raises(UsageError, match="is not in euc_jp"):
        ready(cache, tmp_path / "a.txt", encoding="euc_jp")
    for name in ("nonsense", "zlib", "hex"):
        with pytest.raises(UsageError, match="There is no encoding called"):
            ready(cache, tmp_path / "a.txt", encoding=name)


def test_long_runs_are_left_out_and_said_unless_everything_is_kept(tmp_path, cache):
    blob = base64.b64encode(np.random.default_rng(1).bytes(3000))
    path = tmp_path / "mail.txt"
    path.write_bytes(TEXT.encode() + blob + b"\n" + TEXT.encode())
    s = Settings(corpus=(str(path),))
    data = corpus.tokenise_corpus(s, cache=cache)
    assert data.train.bytes + data.valid.bytes == 2 * len(TEXT.encode()) + 1
    [note] = corpus_notes(open_corpus(s, cache=cache), cache=cache)
    assert "4.0 kB of base64 and hexadecimal" in note
    whole = corpus.tokenise_corpus(dataclasses.replace(s, keep_everything=True), cache=cache)
    assert whole.train.bytes + whole.valid.bytes == 2 * len(TEXT.encode()) + 1 + len(blob)
    assert whole.digest != data.digest
    path.write_bytes(blob)
    with pytest.raises(UsageError, match="nothing but base64"):
        ready(cache, path)


def test_a_warning_where_validation_is_unlike_training_or_the_same(tmp_path, cache, text):
    (tmp_path / "music.abc").write_text("|: G2 ^B>d e/f/g | z4 [CEG] a2' :|\n" * 60)
    (tmp_path / "greek.txt").write_text("Η γρήγορη καφέ αλεπού\n" * 60)
    (tmp_path / "copy.txt").write_bytes(text.read_bytes())
    (tmp_path / "like.txt").write_text(TEXT[:3000].replace("größer", "größten"))
    said = {
        name: " ".join(
            corpus_notes(open_corpus(Settings(corpus=(str(text),), valid=(str(tmp_path / name),)), cache=cache))
        )
        for name in ("music.abc", "greek.txt", "copy.txt", "like.txt")
    }
    assert "characters that the training text does not have" in said["greek.txt"]
    assert "characters that the training text does not have" in said["music.abc"]
    assert "is part of the training text" in said["copy.txt"]
    assert said["like.txt"] == ""


MIXED = "cafe\u0301 naïve\r\none line\rand another\r\nか\u3099 한국 \u1112\u1161\u11ab\n" * 60
NORMAL = unicodedata.normalize("NFC", MIXED.replace("\r\n", "\n").replace("\r", "\n"))


@pytest.mark.parametrize("kind", ["chars", "words", "bpe"])
def test_equal_spellings_and_line_ends_are_the_same_tokens(kind, tmp_path, cache):
    (tmp_path / "mixed.txt").write_bytes(MIXED.encode())
    (tmp_path / "normal.txt").write_bytes(NORMAL.encode())
    mixed, normal = (
        ready(cache, tmp_path / f"{name}.txt", tokens=kind, valid_fraction=0.0) for name in ("mixed", "normal")
    )
    assert mixed.tokenizer.digest() == normal.tokenizer.digest()
    np.testing.assert_array_equal(mixed.train.tokens, normal.train.tokens)
    assert mixed.train.characters == len(NORMAL)
    how = ReadOptions(tokens=kind)
    found = tokenise_files([str(tmp_path / "mixed.txt")], normal.tokenizer, how, cache=cache)
    np.testing.assert_array_equal(found.tokens, normal.train.tokens)


@KINDS
def test_an_exact_text_is_left_as_it_is_and_has_tokens_of_its_own(kind, tmp_path, cache):
    path = tmp_path / "mixed.txt"
    path.write_bytes(MIXED.encode())
    ready(cache, path, tokens=kind, valid_fraction=0.0)
    exact = ready(cache, path, tokens=kind, valid_fraction=0.0, exact=True)
    assert (exact.train.bytes, exact.train.characters) == (len(MIXED.encode()), len(MIXED))
    if kind != "words":
        assert exact.tokenizer.decode(exact.train.tokens) == MIXED.encode()


def test_a_run_made_before_reads_its_text_exactly(tmp_path, cache):
    path = tmp_path / "config.toml"
    stored = config.dump(Settings(corpus=("x",)))
    path.write_text(stored)
    assert not config.load(path).exact
    path.write_text("\n".join(line for line in stored.splitlines() if not line.startswith("exact")))
    assert config.load(path).exact


@pytest.mark.parametrize("share", [0.1 + n / 997 for n in range(40)])
def test_a_split_never_parts_what_becomes_one_character(share, tmp_path, cache):
    path = tmp_path / "mixed.txt"
    path.write_bytes(MIXED.encode())
    data = ready(cache, path, valid_fraction=share)
    text = data.tokenizer.text(data.train.tokens) + data.tokenizer.text(data.valid.tokens)
    assert text == NORMAL


@pytest.mark.parametrize("kind", ["bytes", "chars"])
@pytest.mark.parametrize("exact", [True, False])
@pytest.mark.parametrize("line", ["words and spaces, größer and 東 ", "onelongwordwithoutanyspace"])
def test_memory_stays_flat_for_one_endless_line(kind, exact, line, tmp_path, cache):
    path = tmp_path / "line.txt"
    path.write_bytes(line.encode() * ((24 << 20) // len(line.encode())))
    tracemalloc.start()
    data = ready(cache, path, tokens=kind, exact=exact)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert data.train.bytes + data.valid.bytes == path.stat().st_size
    # As for many lines: a few chunks, and chars' table of counts for every code point.
    assert peak < 48 << 20


@pytest.mark.parametrize("kind", ["words", "bpe"])
def test_an_endless_word_is_refused_in_a_sentence(kind, tmp_path, cache):
    path = tmp_path / "word.txt"
    path.write_bytes(b"word" * (1 << 19))
    with pytest.raises(UsageError, match="a word of more than a million"):
        ready(cache, path, tokens=kind)


def test_half_made_token_files_of_a_process_that_died_go_after_a_while(text, cache):
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    old, new = (cache / "tokens" / f".{'0' * 32}.{name}.{dead.pid}.tmp" for name in ("old", "new"))
    for draft in (old, new):
        draft.mkdir(parents=True)
        (draft / "train.bin").write_bytes(b"half")
    for path in (old / "train.bin", old):
        os.utime(path, (0, 0))
    ready(cache, text)
    assert not old.exists()
    assert new.exists()


def test_tokens_of_a_run_that_cannot_be_looked_at_are_in_use(text, cache, tmp_path, monkeypatch):
    ready(cache, text)
    [folder] = (cache / "tokens").iterdir()
    run = tmp_path / "run"
    run.mkdir()
    (run / "config.toml").touch()
    (folder / token_files.USERS_FILE).write_bytes(os.fsencode(run) + b"\n")
    assert token_files.is_in_use(folder)

    def refuse(path):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(token_files, "exists", refuse)
    assert token_files.is_in_use(folder)
