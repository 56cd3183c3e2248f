"""Where a sample begins: a word that its prompt leaves unfinished is finished, and a piece of a word begins no text."""

from __future__ import annotations

import numpy as np

from lstmtui.common.word_boundaries import partial_word
from lstmtui.data.tokens import Tokenizer
from lstmtui.engine.inference.token_index import Spelling
from lstmtui.engine.nn.params import Array


def unfinished(tokenizer: Tokenizer, spelling: Spelling, prompt: bytes) -> bytes:
    """Return the end of `prompt` that tokens are to spell, and may go on with; nothing where it can be read as it is.

    Of words: one that the vocabulary does not have, but words that begin so. Of pieces: any, since a word that is cut
    short is made of other pieces than the whole one.
    """
    if spelling.forced:
        return b""
    if not spelling.whole_words:
        word = partial_word(prompt)
        space = b" " if word and prompt[: len(prompt) - len(word)].endswith(b" ") else b""
        return space + word if word and len(spelling.covering(space + word)) else b""
    run = (prompt.split() or [b""])[-1]
    known = not run or not prompt.endswith(run) or spelling.token(run) is not None
    return b"" if known or not len(spelling.covering(run)) else run


def begin_text(spelling: Spelling) -> Array:
    """Return the tokens (N,) that text may begin with: pieces in small letters only where they are words too."""
    within = (i for i in spelling.usable.tolist() if spelling.pieces[i][:1].islower())
    pieces_of_words = [i for i in within if spelling.token(b" " + spelling.pieces[i]) is None]
    return np.setdiff1d(spelling.usable, np.array(pieces_of_words, np.int64))
