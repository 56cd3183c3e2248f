"""Tokenizers in the tokenizer.json of the Hugging Face `tokenizers` library, and back.

bytes and bpe become byte-level BPE, chars and words a vocabulary of whole words. Ids are unchanged. Text that the
vocabulary covers gets the same ids there; only words of scripts without spaces, such as Chinese, are cut otherwise.
"""

from __future__ import annotations

import json
from typing import Any

from lstmtui.data.tokens import Bpe, Bytes, Chars, Tokenizer, Words
from lstmtui.data.tokens.bpe import byte_characters
from lstmtui.data.tokens.words import MARKS
from lstmtui.errors import CorruptError, LstmtuiError

UNKNOWN = "<unk>"
LINE_END = "\n"
ANY_CHARACTER = r"[\s\S]"
SPACES = r"[ \t\r\v\f]+"
MARK_BEHIND = f"[{MARKS.decode()}](?=[{MARKS.decode()}]*$)"
"""In a word: a mark with nothing but marks behind it."""
SPACE_BEFORE_MARK = f" (?=[{MARKS.decode()}](?: |\n|$))"


def to_huggingface(tokenizer: Tokenizer) -> dict[str, Any]:
    """Return the content of tokenizer.json. Raises LstmtuiError for a word that is not UTF-8."""
    if isinstance(tokenizer, Bpe):
        return dict(tokenizer.to_json()["tokenizers"])
    from tokenizers import Regex, decoders, models, pre_tokenizers
    from tokenizers import Tokenizer as Engine

    if isinstance(tokenizer, Bytes):
        engine = Engine(models.BPE(vocab={char: byte for byte, char in enumerate(byte_characters())}, merges=[]))
        engine.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
        engine.decoder = decoders.ByteLevel()
    elif isinstance(tokenizer, Chars):
        engine = Engine(models.WordLevel(_vocabulary(tokenizer), unk_token=UNKNOWN))
        engine.pre_tokenizer = pre_tokenizers.Split(Regex(ANY_CHARACTER), "isolated")
        engine.decoder = decoders.Fuse()
    else:
        assert isinstance(tokenizer, Words)
        engine = Engine(models.WordLevel(_vocabulary(tokenizer), unk_token=UNKNOWN))
        lines, words = pre_tokenizers.Split(LINE_END, "isolated"), pre_tokenizers.Split(Regex(SPACES), "removed")
        marks = [pre_tokenizers.Split(Regex(MARK_BEHIND), "isolated")] if tokenizer.marks else []
        engine.pre_tokenizer = pre_tokenizers.Sequence([lines, words, *marks])
        # The decoder of word pieces puts a space before each word but the first; no line begins or ends with one.
        spaced = decoders.WordPiece(prefix="\0", cleanup=False)
        apart = [decoders.Replace(Regex(SPACE_BEFORE_MARK), "")] if tokenizer.marks else []
        closed = decoders.Replace(Regex(" ?\n ?"), LINE_END)
        engine.decoder = decoders.Sequence([spaced, decoders.Fuse(), closed, *apart])
    return dict(json.loads(engine.to_str()))


def _vocabulary(tokenizer: Tokenizer) -> dict[str, int]:
    try:
        pieces = [tokenizer.token_bytes(i).decode() for i in range(1, tokenizer.size)]
    except UnicodeDecodeError as error:
        raise LstmtuiError("The vocabulary has words that are not UTF-8, which tokenizer.json cannot hold.") from error
    return {UNKNOWN: 0, **{piece: i for i, piece in enumerate(pieces, 1)}}


def from_huggingface(body: dict[str, Any], where: str, *, scripts: bool = True) -> Tokenizer:
    """Return the tokenizer in the content of tokenizer.json.

    scripts    whether words of scripts without spaces are their characters, as in a run that is not `exact`
    where      what messages call the file
    Raises CorruptError for one that this program has no equal of.
    """
    try:
        model = body["model"]
        vocabulary = model["vocab"]
        pieces = sorted(vocabulary, key=vocabulary.__getitem__)
        if [vocabulary[piece] for piece in pieces] != list(range(len(pieces))):
            raise ValueError("ids that leave out numbers")
        if model["type"] == "BPE":
            return _bytes_or_bpe(body, pieces)
        if model["type"] != "WordLevel" or pieces[0] != UNKNOWN:
            raise ValueError(f"the model {str(model['type'])[:40]!r}")
        if (body.get("pre_tokenizer") or {}).get("type") == "Split":
            if any(len(piece) != 1 for piece in pieces[1:]):
                raise ValueError("characters of more than one code point")
            return Chars("".join(pieces[1:]))
        if pieces[1:2] != [LINE_END]:
            raise ValueError("words without a line end as token 1")
        marks = {"Regex": MARK_BEHIND} in [cut.get("pattern") for cut in body["pre_tokenizer"]["pretokenizers"]]
        return Words([piece.encode() for piece in pieces[2:]], only_spaces=not scripts, marks=marks)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, RecursionError) as error:
        raise CorruptError(
            f"The tokenizer {where} cannot be used ({error}); lstmtui has byte-level BPE, bytes, characters and words."
        ) from error


def _bytes_or_bpe(body: dict[str, Any], pieces: list[str]) -> Tokenizer:
    if (body.get("pre_tokenizer") or {}).get("type") != "ByteLevel":
        raise ValueError("BPE that is not of bytes")
    if pieces == byte_characters() and not body["model"]["merges"]:
        return Bytes()
    return Bpe.from_json({"tokenizers": body})
