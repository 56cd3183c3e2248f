"""Recognising what is not UTF-8."""

from __future__ import annotations

import codecs

import pytest

from lstmtui.data.encodings import ENCODING_NAMES, codec_name, guess_encoding, to_utf8
from lstmtui.errors import UsageError

RUSSIAN = "Съешь же ещё этих мягких французских булок, да выпей чаю. Привет, мир! "
CHINESE = "我们都知道，这个世界上有很多事情是无法用语言来表达的。今天的天气很好，我想出去走走。"
FRENCH = "Déjà vu – “l’été”, où Noël naïve façade à côté ; voilà l’œuvre. "
JAPANESE = "吾輩は猫である。名前はまだ無い。どこで生れたかとんと見当がつかぬ。カタカナも。"


@pytest.mark.parametrize(
    ("text", "encoding", "name"),
    [
        (FRENCH, "cp1252", "windows-1252"),
        (FRENCH, "mac_roman", "macintosh"),
        ("One plain English sentence with a word like café, and it’s long. " * 30, "cp1252", "windows-1252"),
        ("Die Straße über den Fluß ist größer – „schön“", "cp1252", "windows-1252"),
        ("Árvíztűrő tükörfúrógép", "cp1250", "windows-1250"),
        ("Türkçe şiir ve çok güzel İstanbul ığ", "cp1254", "windows-1254"),
        (RUSSIAN * 3, "cp1251", "windows-1251"),
        (RUSSIAN * 3, "koi8_r", "KOI8-R"),
        (CHINESE * 3, "gbk", "GB18030"),
        ("int main() { // 打印输出结果\n" * 20, "gbk", "GB18030"),
        (JAPANESE * 3, "shift_jis", "CP932"),
        (JAPANESE * 3, "euc_jp", "EUC-JP"),
        ("כל בני האדם נולדו בני חורין ושווים בערכם. " * 3, "cp1255", "windows-1255"),
        (FRENCH, "utf-16", "UTF-16"),
        ("plain", "utf-16-be", "UTF-16BE"),
    ],
)
def test_an_encoding_is_recognised(text, encoding, name):
    assert guess_encoding(text.encode(encoding)) == name


def test_noise_has_no_encoding():
    assert guess_encoding(bytes(range(128, 256)) * 20) is None


def test_python_knows_every_proposed_encoding():
    for codec, name in ENCODING_NAMES.items():
        assert codecs.lookup(name).name == codecs.lookup(codec).name
        assert codec_name(name)


@pytest.mark.parametrize("size", [1, 3, 1000])
def test_the_chunk_size_changes_nothing(size):
    data = CHINESE.encode("gb18030")
    chunks = [data[i : i + size] for i in range(0, len(data), size)]
    assert b"".join(to_utf8(chunks, "GB18030", "x")).decode() == CHINESE
    data = CHINESE.encode("utf-16")
    chunks = [data[i : i + size] for i in range(0, len(data), size)]
    assert b"".join(to_utf8(chunks, "UTF-16", "x")).decode() == CHINESE


def test_invalid_bytes_are_refused_with_their_offset():
    with pytest.raises(UsageError, match=r"not in cp1252 \(near offset 6"):
        list(to_utf8([b"abc", b"def\x81"], "cp1252", "x"))
