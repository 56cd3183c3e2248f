"""The door: a text in, ranked words or a phrase out. For bytes, chars, words and bpe alike.

The word that has been begun is taken back together with its space, and the search is held to what was typed of it, so
that every way in which the tokens can spell it counts.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass

import numpy as np

from lstmtui.config import Settings
from lstmtui.data.tokens import Tokenizer
from lstmtui.engine.autocomplete import search
from lstmtui.engine.autocomplete.history import RUN, SPACES, History
from lstmtui.engine.autocomplete.memory import Memory
from lstmtui.engine.autocomplete.search import Found, Wanted
from lstmtui.engine.autocomplete.spelling import Spelling
from lstmtui.engine.autocomplete.stepper import Node, Stepper
from lstmtui.engine.autocomplete.words import has_word, word_begun
from lstmtui.engine.params import Arena

LONGEST = 1 << 16
"""Bytes of a text that are looked at; the network's memory reaches nowhere near as far back."""
PHRASE_WORDS = 8


@dataclass(frozen=True, slots=True)
class Candidate:
    """Text to insert at the cursor, with its probability."""

    text: str
    probability: float


@dataclass(frozen=True, slots=True)
class Question:
    """A text taken apart: what is read, what is taken back and spelt again, and the word begun."""

    before: bytes
    owed: bytes
    word: bytes


class Completer:
    """Answers for one model. Keeps the states of the text it saw last, so that a key press costs a step or none."""

    def __init__(self, s: Settings, weights: Arena, tokenizer: Tokenizer, *, memory: Memory | None = None) -> None:
        """With `memory`, what this person wrote before has a say."""
        self.tokenizer = tokenizer
        self.spelling = Spelling(tokenizer)
        self.stepper = Stepper(s, weights)
        self.memory = memory
        self._history = History(tokenizer, self.stepper)

    def complete(self, text: str, *, k: int = 5, phrase: bool = False) -> list[Candidate]:
        """Return up to `k` distinct continuations of `text`, the most probable first.

        With `phrase` each goes on for as many words as are expected to save the most keystrokes.
        """
        data = recent(text.encode("utf-8", "surrogatepass"))
        question = self.taken_apart(data)
        root = self._history.after(question.before)
        found = self._blended(self._run(self.search(root, question, k)), question)
        # Whole words have no token for the space between them.
        lead = self.tokenizer.joiner if data and not question.word and data[-1] not in SPACES else b""
        if not found.masses and question.word:  # nothing goes on with this word: it is over, and the next one comes
            question, lead = Question(data, b"", b""), self.tokenizer.joiner
            root = self._history.after(data)
            found = self._run(self.search(root, question, k, anew=True))
        ranked = [(lead + word, p) for word, p in found.ranked(k)]
        if phrase:
            ranked = [self._extended(root, question, found, lead, word, p) for word, p in ranked]
        self._history.make_ready(question.before)
        shown = [(word.decode("utf-8", "ignore"), p) for word, p in ranked]
        return [Candidate(word, p) for word, p in shown if word]

    def taken_apart(self, data: bytes) -> Question:
        """Return what of `data` is read as it stands, and what is spelt again."""
        word = word_begun(data)[-RUN:]
        if self.spelling.whole_words:
            run = data[1 + max(data.rfind(bytes((space,))) for space in SPACES) :]
            if len(run) > len(word) and len(self.spelling.covering(run)):
                word = run
        elif len(word) == RUN:  # never within a character
            word = word.lstrip(bytes(range(0x80, 0xC0)))
        before = data[: len(data) - len(word)]
        if not before.endswith(b" "):
            return Question(before, word, word)
        return Question(before[:-1], word if self.spelling.whole_words else b" " + word, word)

    def search(
        self, root: Node, question: Question, k: int, *, anew: bool = False, most: int = search.MOST
    ) -> Generator[Wanted, None, Found]:
        """Search from the node after `question.before`; yields the children that it needs (see `search.pieces`)."""
        owed, spelling = question.owed, self.spelling
        if spelling.whole_words:
            return search.whole_words(spelling, root, owed)  # no step is needed for that
        share = 1.0
        if spelling.forced:
            for token in self.tokenizer.encode(owed):
                assert root.logp is not None
                share *= float(np.exp(root.logp[token]))
                if int(token) not in root.children:
                    yield [(root, int(token))]
                root = root.children[int(token)]
            owed = b""
        found = yield from search.pieces(spelling, root, owed, k, inside=has_word(question.word), anew=anew, most=most)
        if spelling.forced:
            found.masses = {text: mass * share for text, mass in found.masses.items()}
            found.typed = share
        return found

    def _blended(self, found: Found, question: Question) -> Found:
        return found if self.memory is None else self.memory.blend(found, question.before, question.owed)

    def _run(self, searching: Generator[Wanted, None, Found]) -> Found:
        """Run one search, stepping the network for it."""
        try:
            wanted = next(searching)
            while True:
                self.stepper.grow(wanted)
                wanted = next(searching)
        except StopIteration as done:
            found: Found = done.value
            return found

    # --- phrases --------------------------------------------------------------------------------------------------

    def _extended(
        self, root: Node, question: Question, found: Found, lead: bytes, word: bytes, p: float
    ) -> tuple[bytes, float]:
        """Return `word` with as many words after it as are expected to save the most keystrokes, and all their
        probability."""
        node = self._after_word(root, question, found, word[len(lead) :])
        best, best_gain = (word, p), p * _gain(word)
        text = word
        for _ in range(PHRASE_WORDS - 1):
            if node is None or p * _gain(text + b" wordword") <= best_gain:
                break
            following = self._run(self.search(node, Question(b"", b"", b""), 1, anew=True))
            if not following.masses:
                break
            (added, chance), ending = following.ranked(1)[0], 1.0
            if not self.spelling.whole_words:
                ending = max(search.ending(self.spelling, node), 1e-6)
            text, p = text + self.tokenizer.joiner + added, p * min(1.0, chance / ending)
            if p * _gain(text) > best_gain:
                best, best_gain = (text, p), p * _gain(text)
            node = self._after_word(node, Question(b"", b"", b""), following, added)
        return best

    def _after_word(self, root: Node, question: Question, found: Found, word: bytes) -> Node | None:
        """Return the node after a word that was found; None for one that the network does not know."""
        if not self.spelling.whole_words:
            return found.ends.get(word)
        token = self.spelling.token(question.owed + word)
        if token is None:
            return None
        self.stepper.grow([(root, token)])
        return root.children[token]


def recent(data: bytes) -> bytes:
    """Return the end of a long text, cut at a place that moves seldom, so that typing on finds what was read."""
    if len(data) <= LONGEST:
        return data
    half = LONGEST // 2
    start = (len(data) // half - 1) * half
    while data[start] & 0xC0 == 0x80 and start + 1 < len(data):
        start += 1
    return data[start:]


def _gain(text: bytes) -> int:
    """Return the keystrokes that taking `text` saves."""
    return len(text) - 1
