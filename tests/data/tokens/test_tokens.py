"""Every tokenizer: round trips, streaming, their files."""

from __future__ import annotations

import itertools
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lstmtui.data import tokens
from lstmtui.errors import CorruptError, UsageError

PROSE = (
    "The cat sat on the mat, and the dog sat on the log.\n\n  Indented lines\tand tabs  too.\r\n"
    "Größe, naïve, 東京 and 😀 are text as well; don't forget 1,234.5 numbers!\n"
) * 3
TRAINED = {kind: tokens.train(kind, [PROSE.encode()], None) for kind in tokens.KINDS}
KINDS = pytest.mark.parametrize("kind", tokens.KINDS)

texts = st.text(
    st.sampled_from(" \n\t\r.,'aTthecaöß東😀1234\u00a0\u2028\x1c") | st.characters(codec="utf-8"), max_size=80
)
cuts = st.lists(st.integers(0, 300), max_size=12)


def chunked(data: bytes, at: list[int]) -> list[bytes]:
    places = sorted({0, len(data), *(cut for cut in at if cut < len(data))})
    return [data[a:b] for a, b in itertools.pairwise(places)]


@given(st.binary(max_size=200))
def test_bytes_round_trip_any_input(data):
    tokenizer = TRAINED["bytes"]
    assert tokenizer.decode(tokenizer.encode(data)) == data


@given(texts)
def test_bpe_round_trips_any_text(text):
    tokenizer = TRAINED["bpe"]
    assert tokenizer.decode(tokenizer.encode(text.encode())) == text.encode()


@given(st.text(st.sampled_from(sorted(set(PROSE))), max_size=100))
def test_chars_round_trip_known_text(text):
    tokenizer = TRAINED["chars"]
    ids = tokenizer.encode(text.encode())
    assert tokenizer.decode(ids) == text.encode()
    assert tokenizer.unk not in ids
    assert len(ids) == len(text)


@given(st.lists(st.lists(st.sampled_from(sorted(set(PROSE.split()) - {"東京"})), max_size=5), max_size=5))
def test_words_round_trip_known_text(lines):
    tokenizer = tokens.train("words", [PROSE.encode()], 100)
    text = "".join(" ".join(line) + "\n" for line in lines).encode()
    ids = tokenizer.encode(text)
    assert tokenizer.decode(ids) == text
    assert len(ids) == sum(len(line) + 1 for line in lines)


CHINESE = "使用 HTTP 服务器，然后重启。\n你好 (世界)!\nไทยดี ok\n"


def test_words_of_scripts_without_spaces_are_characters():
    tokenizer = tokens.train("words", [CHINESE.replace(" HTTP ", "HTTP").encode() * 2])
    ids = tokenizer.encode(CHINESE.encode())
    words = [tokenizer.token_bytes(int(i)).decode() for i in ids]
    assert words[:9] == ["使", "用", "HTTP", "服", "务", "器", "，", "然", "后"]
    assert words[13:20] == ["你", "好", "(", "世", "界", ")!", "\n"]
    assert tokenizer.decode(ids).decode() == CHINESE.replace(" (", "(")
    assert tokens.words.Words.from_json(tokenizer.to_json()).encode(CHINESE.encode()).tolist() == ids.tolist()


def test_words_are_separated_by_spaces_of_any_width():
    tokenizer = tokens.train("words", ["aß\u00a0b\u3000c d—e\n".encode() * 2])
    assert sorted(word.decode() for word in tokenizer.words) == ["aß", "b", "c", "d—e"]


def test_marks_behind_words_are_tokens_where_they_stand_apart(tmp_path):
    text = b"woman: light skin\nwoman, man: facing right\nSt. Helena!?\n"
    apart = tokens.train("words", [text], 100, marks=True)
    assert apart.words[:2] == (b":", b"woman")
    assert apart.decode(apart.encode(text)) == text
    assert apart.encode(b"man: right").tolist() == [apart.words.index(word) + 2 for word in (b"man", b":", b"right")]
    assert apart.text(apart.encode(b": man ,")) == ": man,"
    apart.save(tmp_path / "tokenizer.json")
    loaded = tokens.load(tmp_path / "tokenizer.json")
    assert loaded.digest() == apart.digest()
    assert loaded.encode(b"man:").tolist() == apart.encode(b"man:").tolist()
    attached = tokens.train("words", [text], 100)
    assert b"woman:" in attached.words
    assert "marks" not in attached.to_json()


def test_exact_words_are_separated_by_ascii_spaces_alone():
    tokenizer = tokens.train("words", ["你好 世界\u00a0x\n".encode() * 2], exact=True)
    assert sorted(word.decode() for word in tokenizer.words) == ["世界\u00a0x", "你好"]
    assert tokenizer.to_json().keys() == {"words"}
    assert tokenizer.decode(tokenizer.encode("你好 你好\n".encode())).decode() == "你好 你好\n"


@KINDS
@settings(max_examples=150)
@given(text=texts.map(lambda text: (text + PROSE)[:300]), at=cuts, damage=st.binary(max_size=3))
def test_stream_equals_encode_however_it_is_cut(kind, text, at, damage):
    data = text.encode() + damage
    tokenizer = TRAINED[kind]
    pieces = list(tokenizer.stream(chunked(data, at)))
    streamed = np.concatenate([np.empty(0, np.int32), *pieces])
    np.testing.assert_array_equal(streamed, tokenizer.encode(data))
    assert all(piece.dtype == np.int32 for piece in pieces)


def test_bpe_cuts_a_long_text_only_at_token_ends(monkeypatch):
    from lstmtui.data.tokens import bpe

    text = (PROSE + "\n\n\n  \n x\n" + " " * 9 + "y") * 5
    tokenizer = TRAINED["bpe"]
    whole = tokenizer.encode(text.encode())
    for piece in (1, 7, 64):
        monkeypatch.setattr(bpe, "PIECE_CHARACTERS", piece)
        np.testing.assert_array_equal(tokenizer.encode(text.encode()), whole)


@KINDS
def test_token_bytes_join_to_the_decoded_text(kind):
    tokenizer = TRAINED[kind]
    ids = tokenizer.encode(PROSE.encode())
    pieces = [tokenizer.token_bytes(int(i)) for i in ids]
    spaces = [b"", *(tokenizer.between(*pair) for pair in itertools.pairwise(pieces))]
    joined = b"".join(space + piece for space, piece in zip(spaces, pieces, strict=True))
    assert joined.replace(b" \n", b"\n").replace(b"\n ", b"\n") == tokenizer.decode(ids).replace(b"\n ", b"\n").replace(
        b" \n", b"\n"
    )
    assert ids.min() >= 0
    assert ids.max() < tokenizer.size


@KINDS
def test_a_saved_tokenizer_is_the_same(kind, tmp_path):
    tokenizer = TRAINED[kind]
    tokenizer.save(tmp_path / "tokenizer.json")
    loaded = tokens.load(tmp_path / "tokenizer.json")
    assert (loaded.kind, loaded.size, loaded.digest()) == (kind, tokenizer.size, tokenizer.digest())
    np.testing.assert_array_equal(loaded.encode(PROSE.encode()), tokenizer.encode(PROSE.encode()))
    assert [path.name for path in tmp_path.iterdir()] == ["tokenizer.json"]


@KINDS
def test_a_damaged_tokenizer_file_is_refused(kind, tmp_path):
    path = tmp_path / "tokenizer.json"
    TRAINED[kind].save(path)
    whole = path.read_bytes()
    body = json.loads(whole)
    vocabulary = {"bytes": None, "chars": "characters", "words": "words", "bpe": "tokenizers"}[kind]
    damaged = [b"", whole[: len(whole) // 2], b"[]", b"null", b"\xff" + whole]
    damaged += [json.dumps(body | change).encode() for change in ({"kind": "x"}, {"kind": []}, {"digest": "0"})]
    damaged += [json.dumps(body | {vocabulary: bad}).encode() for bad in (None, 3, {}, [1]) if vocabulary]
    for data in damaged:
        path.write_bytes(data)
        with pytest.raises(CorruptError, match=r"tokenizer\.json"):
            tokens.load(path)
    path.unlink()
    with pytest.raises(CorruptError, match="No such file"):
        tokens.load(path)


def test_a_tokenizer_of_a_later_format_is_refused_by_its_number(tmp_path):
    path = tmp_path / "tokenizer.json"
    TRAINED["chars"].save(path)
    path.write_text(json.dumps(json.loads(path.read_text()) | {"format": 99}))
    with pytest.raises(CorruptError, match="format 99"):
        tokens.load(path)


def test_chars_are_sorted_by_code_point_after_unk():
    tokenizer = tokens.train("chars", ["bca😀é".encode()])
    assert [tokenizer.text([i]) for i in range(tokenizer.size)] == ["\ufffd", "a", "b", "c", "é", "😀"]
    assert tokenizer.encode("aΩ\U0010ffff".encode()).tolist() == [1, 0, 0]


def test_chars_with_a_limit_keep_the_most_frequent():
    tokenizer = tokens.train("chars", [b"aaabbbccd"], 3)
    assert tokenizer.size == 3
    assert tokenizer.encode(b"abcd").tolist() == [1, 2, 0, 0]


def test_words_follow_the_penn_treebank_convention():
    tokenizer = tokens.train("words", [b" no it was n't <unk> \n no it was <unk> \n"])
    assert [tokenizer.token_bytes(i) for i in range(tokenizer.size)] == [
        *(b"<unk>", b"\n", b"it", b"no", b"was", b"n't"),
    ]
    ids = tokenizer.encode(b" no it was black \n\r\n")
    assert ids.tolist() == [3, 2, 4, 0, 1, 1]
    assert tokenizer.decode(ids) == b"no it was <unk>\n\n"


def test_words_with_a_limit_count_unk_and_line_end():
    tokenizer = tokens.train("words", [b"a a a b b c\n"], 4)
    assert tokenizer.size == 4
    assert tokenizer.encode(b"a b c\n").tolist() == [2, 3, 0, 1]


def test_words_seen_once_are_unknown_unless_the_text_marks_its_own():
    assert tokens.train("words", [b"a a b\n"]).size == 3
    assert tokens.train("words", [b"a a b <unk>\n"]).size == 4


def test_a_word_that_reads_eos_is_not_the_line_end():
    tokenizer = tokens.train("words", [b"<eos> <eos> a a\n"])
    assert tokenizer.encode(b"<eos>\n").tolist()[1] == 1
    assert tokenizer.encode(b"<eos>\n").tolist()[0] > 1


@pytest.mark.parametrize("kind", ["words", "bpe"])
def test_an_endless_word_is_refused_instead_of_filling_memory(kind):
    with pytest.raises(UsageError, match="--tokens bytes"):
        tokens.train(kind, [b"x" * (1 << 19)] * 3)


def test_bpe_merges_only_repeated_pairs():
    first, second = (tokens.train("bpe", [b"the cat the cat the cat"] * 3, 300) for _ in range(2))
    assert first.digest() == second.digest()
    assert 256 < first.size <= 300
    assert len(first.encode(b"the cat")) <= 3


def test_a_part_of_a_bpe_vocabulary_is_saved_and_loaded(tmp_path):
    whole, part = tokens.train("bpe", [b"the cat sat on the cat " * 3], 300).parted(np.array([260, 262]))
    assert (whole.size, part.size) == (tokens.train("bpe", [b"the cat sat on the cat " * 3], 300).size, 258)
    part.save(tmp_path / "part.json")
    again = tokens.load(tmp_path / "part.json")
    assert (again.size, again.digest()) == (258, part.digest())
    assert again.decode(again.encode("the cat sät".encode())) == "the cat sät".encode()
    damaged = json.loads((tmp_path / "part.json").read_bytes()) | {"size": 100}
    (tmp_path / "part.json").write_text(json.dumps(damaged))
    with pytest.raises(CorruptError, match="damaged"):
        tokens.load(tmp_path / "part.json")


@pytest.mark.parametrize("kind", ["bytes", "words", "chars", "bpe"])
def test_text_may_end_within_a_character(kind):
    tokenizer = tokens.train(kind, ["a a é é\n".encode()], None)
    if kind == "bytes":
        assert tokenizer.text(tokenizer.encode("é".encode())[:1]) == "\ufffd"
    assert tokenizer.text([]) == ""


@pytest.mark.parametrize(("kind", "limit"), [("syllables", None), ("chars", 2), ("bytes", 300), ("bpe", 256)])
def test_impossible_kinds_and_limits_are_refused(kind, limit):
    with pytest.raises(UsageError):
        tokens.train(kind, [b"text"], limit)


def test_an_extended_vocabulary_keeps_its_tokens_and_adds_those_of_a_text():
    words = tokens.train("words", [b"the cat the cat sat sat\n"])
    more = words.extended([b"the dog a dog a bird dog\n"])
    assert (words.words, more.words) == ((b"cat", b"sat", b"the"), (b"cat", b"sat", b"the", b"dog", b"a"))
    assert words.extended([b"dog dog a a\n"], words.size + 1).words[-1] in (b"a", b"dog")
    assert words.extended([b"dog dog a a\n"], 2).words == words.words
    assert list(tokens.carried_ids(words, more)) == [0, 1, 2, 3, 4, -1, -1]

    chars = tokens.train("chars", ["bd\ufffd".encode()])
    wider = chars.extended([b"abc"])
    assert wider.characters == "abcd\ufffd"
    assert list(tokens.carried_ids(chars, wider)) == [0, -1, 1, -1, 2, 0]


@pytest.mark.parametrize("kind", ["bytes", "bpe"])
def test_a_vocabulary_that_knows_every_text_is_not_extended(kind):
    before = tokens.train(kind, [b"the cat sat on the cat " * 3], None if kind == "bytes" else 300)
    assert before.extended(["the dög ".encode() * 9]) is before
    assert list(tokens.carried_ids(before, before)) == list(range(before.size))
