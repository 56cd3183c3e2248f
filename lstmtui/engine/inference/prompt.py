"""How a prompt is read: its tokens, its unfinished word, and the tokens that may begin a text without a prompt.

A prompt may end within a word. The tokens of the beginning of a word are not those that the network was trained on, so
the end of the prompt is left unread, and the first sampled tokens must spell it (token healing).
"""

from __future__ import annotations

import numpy as np

from lstmtui.common.word_boundaries import partial_word
from lstmtui.data.tokens import Tokenizer
from lstmtui.engine.inference.token_index import TokenIndex
from lstmtui.engine.nn.params import Array


def prompt_tokens(tokenizer: Tokenizer, prompt: str) -> Array:
    """Return the tokens of the prompt, or of a line end for an empty one; token 0 if the vocabulary lacks both."""
    for text in (prompt, "\n"):
        if text:
            tokens = tokenizer.encode(text.encode("utf-8", "surrogatepass"))
            if tokenizer.unk is not None:
                tokens = tokens[tokens != tokenizer.unk] if text == "\n" else tokens
            if len(tokens):
                return tokens
    return np.zeros(1, np.int32)


def unfinished_word(tokenizer: Tokenizer, token_index: TokenIndex, prompt: bytes) -> bytes:
    """Return the end of `prompt` that tokens have to spell and may continue; empty if it can be read as it is.

    For word tokens, that is a word that is not in the vocabulary but begins words that are. For byte-pair encoding, it
    is any word, since the tokens of a word are not those of its beginning.
    """
    if token_index.is_unambiguous:
        return b""
    if not token_index.whole_words:
        word = partial_word(prompt)
        space = b" " if word and prompt[: len(prompt) - len(word)].endswith(b" ") else b""
        return space + word if word and len(token_index.covering(space + word)) else b""
    last = (prompt.split() or [b""])[-1]
    known = not last or not prompt.endswith(last) or token_index.token(last) is not None
    return b"" if known or not len(token_index.covering(last)) else last


def initial_tokens(token_index: TokenIndex) -> Array:
    """Return the tokens (N,) that may begin a text: of those in lower case, only the ones that are words themselves."""
    lower = (i for i in token_index.usable.tolist() if token_index.pieces[i][:1].islower())
    parts_of_words = [i for i in lower if token_index.token(b" " + token_index.pieces[i]) is None]
    return np.setdiff1d(token_index.usable, np.array(parts_of_words, np.int64))
