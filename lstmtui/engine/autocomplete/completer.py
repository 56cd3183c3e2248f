"""The door: a text in, ranked words or a phrase out. For bytes, chars, words and bpe alike.

The word that has been begun is taken back together with its space, and the search is held to what was typed of it, so
that every way in which the tokens can spell it counts.
"""

from __future__ import annotations

from collections.abc import Collection, Generator
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
OVER = 0.3
"""A word that is over with this probability is followed by proposals for the next one."""


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


@dataclass(slots=True)
class Asked:
    """A question, where the search for it began, and what came of it."""

    question: Question
    root: Node
    found: Found
    spelt: float
    """The probability that the network spells what is owed."""
    lead: bytes = b""
    """What comes before each word that was found."""
    share: float = 1.0
    """The probability that these words are what is asked for."""

    def over(self) -> float:
        """Return the probability that the word begun is over as it stands."""
        if not self.question.word:
            return 0.0
        return min(1.0, self.found.over / max(self.found.typed, 1e-30)) if self.found.masses else 1.0


class Completer:
    """Answers for one model. Keeps the states of the text it saw last, so that a key press costs a step or none."""

    def __init__(self, s: Settings, weights: Arena, tokenizer: Tokenizer, *, memory: Memory | None = None) -> None:
        """With `memory`, what this person wrote before has a say."""
        self.tokenizer = tokenizer
        self.spelling = Spelling(tokenizer)
        self.stepper = Stepper(s, weights)
        self.memory = memory
        self._history = History(tokenizer, self.stepper)
        self._before = b""

    def complete(self, text: str, *, k: int = 5, phrase: bool = False, passed: Collection[str] = ()) -> list[Candidate]:
        """Return up to `k` distinct continuations of `text`, the most probable first.

        phrase    each goes on for as many words as are expected to save the most keystrokes
        passed    words that were proposed for the one begun and not wanted: others take their places
        """
        data = recent(text.encode("utf-8", "surrogatepass"))
        answers = [self._asked(self.taken_apart(data), k)]
        # Whole words have no token for the space between them.
        if data and not answers[0].question.word and data[-1] not in SPACES:
            answers[0].lead = self.tokenizer.joiner
        over = answers[0].over()
        if over > OVER:  # the word may well be over as it stands: what comes next is as if its space were typed
            answers.append(self._asked(self.taken_apart(data + b" "), k))
            answers[1].lead, answers[1].share = b" ", over * self._spaced(answers[1])
        answers[0].found.leave_out(answers[0].question.word, {word.encode("utf-8", "replace") for word in passed})
        ranked = sorted(
            ((p * a.share, a.lead + word, a, word) for a in answers for word, p in a.found.ranked(k)),
            key=lambda entry: (-entry[0], entry[1]),
        )[:k]
        given = [(word, p) for p, word, _, _ in ranked]
        if phrase:
            given = [self._extended(a, word, p) for p, _, a, word in ranked]
        self._before = answers[0].question.before
        shown = [(word.decode("utf-8", "ignore"), float(p)) for word, p in given]
        return [Candidate(word, p) for word, p in shown if word]

    def get_ready(self) -> None:
        """Do a little of what longer texts will need; to be called when an answer has been given."""
        self._history.make_ready(self._before)

    def _asked(self, question: Question, k: int) -> Asked:
        """Search for what goes on with `question`, and mix in what was counted."""
        root = self._history.after(question.before)
        found = self._run(self.search(root, question, k))
        spelt = found.typed
        if self.memory is not None:
            found = self.memory.blend(found, question.before, question.owed)
        return Asked(question, root, found, spelt)

    def _spaced(self, asked: Asked) -> float:
        """Return the probability of a space where a word ends before `asked`, whose question begins with one."""
        if self.spelling.whole_words:
            return 1.0
        return min(1.0, asked.spelt / max(1e-6, search.ending(self.spelling, asked.root)))

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

    def _extended(self, asked: Asked, word: bytes, p: float) -> tuple[bytes, float]:
        """Return `word` with as many words after it as are expected to save the most keystrokes, and all their
        probability."""
        root, question, found = asked.root, asked.question, asked.found
        node = self._after_word(root, question, found, word)
        text = asked.lead + word
        best, best_gain = (text, p), p * _gain(text)
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
