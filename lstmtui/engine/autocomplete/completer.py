"""The door: a text in, ranked words or a phrase out. For bytes, chars, words and bpe alike.

The word that has been begun is taken back together with its space, and the search is held to what was typed of it, so
that every way in which the tokens can spell it counts.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Generator
from dataclasses import dataclass, replace
from typing import TypeVar

from lstmtui.common.word_boundaries import has_word
from lstmtui.config import RunSettings
from lstmtui.data.tokens import Tokenizer
from lstmtui.engine.autocomplete import question, search
from lstmtui.engine.autocomplete.answer import OTHER_SPELLING, Reading, proposed
from lstmtui.engine.autocomplete.equivalents import KnownForms
from lstmtui.engine.autocomplete.ngram_mixture import Memory
from lstmtui.engine.autocomplete.question import Question
from lstmtui.engine.autocomplete.respelling import Lexicon
from lstmtui.engine.autocomplete.search import LIMITS, Found, Limits, Wanted
from lstmtui.engine.autocomplete.stepper import Node, Stepper
from lstmtui.engine.autocomplete.text_state import History
from lstmtui.engine.inference.token_index import TokenIndex
from lstmtui.engine.nn.params import Arena

LONGEST = 1 << 16
"""Bytes of a text that are looked at; the network's memory reaches nowhere near as far back."""
PHRASE_WORDS = 8
NEXT_WORD = Question(b"", b"", b"")
ROUGH = Limits(nodes=8)
"""Enough to see whether a spelling is likely."""
MIN_SHARE = 1e-2
"""A spelling that is less likely than this, beside the one that was typed, is not searched in."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Candidate:
    """Text to insert at the cursor, with its probability."""

    text: str
    probability: float
    replaces: int = 0
    """Characters before the cursor that the text takes the place of."""


class Completer:
    """Answers for one model. Keeps the states of the text it saw last, so that a key press costs a step or none."""

    def __init__(self, s: RunSettings, weights: Arena, tokenizer: Tokenizer, *, memory: Memory | None = None) -> None:
        """With `memory`, what this person wrote before has a say."""
        self.tokenizer = tokenizer
        self.spelling = TokenIndex(tokenizer)
        self.forms = KnownForms(tokenizer, self.spelling)
        self.stepper = Stepper(s, weights)
        self.memory = memory
        self._history = History(tokenizer, self.stepper)
        self._before = b""
        self._lexicon = Lexicon(self.spelling.words) if self.spelling.whole_words else None

    def complete(self, text: str, *, k: int = 5, phrase: bool = False, passed: Collection[str] = ()) -> list[Candidate]:
        """Return up to `k` distinct continuations of `text`, the most probable first.

        phrase    each goes on for as many words as are expected to save the most keystrokes
        passed    words that were proposed for the one begun and not wanted: others take their places
        """
        data = recent(text.encode("utf-8", "surrogatepass"))
        asked = self.taken_apart(data)
        root = self._history.after(asked.before)
        found = proposed(self._run(self.readings(root, asked, k)), self.spelling, self.memory, k)
        found = found.without(asked.word, {word.encode("utf-8", "replace") for word in passed})
        candidates = []
        for proposal in found.proposals(k):
            word, p = proposal.text, proposal.probability
            if phrase and not proposal.replaces:
                word, p = self._extended(root, asked, found, word, p)
            begun = len(asked.word.decode("utf-8", "surrogatepass")) if proposal.replaces else 0
            candidates.append(Candidate(word.decode("utf-8"), float(p), begun))
        self._before = asked.before
        return candidates

    def get_ready(self) -> None:
        """Do a little of what longer texts will need; to be called when an answer has been given."""
        self._history.make_ready(self._before)

    def taken_apart(self, data: bytes) -> Question:
        """Return what of `data` is read as it stands, and what is spelt again."""
        return question.taken_apart(data, self.spelling, self.forms)

    def readings(self, root: Node, asked: Question, k: int) -> Generator[Wanted, None, list[Reading]]:
        """Search for what goes on with the word begun, in every spelling in which it may be known."""
        exact = yield from self.search(root, asked, k)
        found = [Reading(asked, exact, 1.0)]
        for word in self.forms.spellings(asked.word)[1:] if asked.word else ():
            other = asked.spelt(word)
            guess = yield from self.search(root, other, k, limits=ROUGH)
            if guess.log_typed + math.log(OTHER_SPELLING) > exact.log_typed + math.log(MIN_SHARE):
                guess = yield from self.search(root, other, k)
            else:
                guess = Found(log_typed=guess.log_typed)  # what was counted may yet know it
            found.append(Reading(other, guess, OTHER_SPELLING))
        if self._lexicon is not None and not any(len(self.spelling.covering(r.asked.word)) for r in found):
            exact.near = self._near(root, asked.word)
        return found

    def _near(self, root: Node, typed: bytes) -> dict[bytes, float]:
        """Return the words of the vocabulary that begin nearly as typed, each as probable as it and its errors."""
        assert self._lexicon is not None
        p = search.word_probabilities(self.spelling, root)
        near = self._lexicon.near(typed, p)
        return {word: float(p[self.spelling.word_index[word]]) * errors for word, errors in near.items()}

    def search(
        self, root: Node, asked: Question, k: int, *, anew: bool = False, limits: Limits = LIMITS
    ) -> Generator[Wanted, None, Found]:
        """Search from the node after `asked.before`; yields the children that it needs (see `search.pieces`)."""
        owed, spelling = asked.owed, self.spelling
        if spelling.whole_words:
            found = yield from search.whole_words(spelling, root, owed, limits)
            if asked.lead:
                found.words = {asked.lead + word: p for word, p in found.words.items()}
            return found
        log_typed, begun = 0.0, owed
        if spelling.is_unambiguous:
            for at, token in enumerate(self.tokenizer.encode(owed).tolist()):
                assert root.logp is not None
                if at or not owed.startswith(search.SPACE):
                    log_typed += float(root.logp[token])
                if token not in root.children:
                    yield [(root, token)]
                root = root.children[token]
            owed = b""
        found = yield from search.pieces(spelling, root, owed, k, inside=has_word(asked.word), anew=anew, limits=limits)
        if limits is LIMITS and not anew and search.has_no_words(found, asked.word):
            node = root if spelling.is_unambiguous else (yield from self._spelt(root, begun))
            found = replace(
                (yield from search.onward(spelling, node, k, inside=has_word(asked.word))),
                over=found.over,
                spaced=found.spaced,
                following=found.following,
                log_typed=found.log_typed,
            )
        found.log_typed += log_typed
        return found

    def _spelt(self, root: Node, owed: bytes) -> Generator[Wanted, None, Node]:
        """Return the node after `owed` in the tokens that the tokenizer makes of it."""
        for token in self.tokenizer.encode(owed).tolist():
            yield [(root, token)]
            root = root.children[token]
        return root

    def _run(self, searching: Generator[Wanted, None, T]) -> T:
        """Run one search, stepping the network for it."""
        try:
            wanted = next(searching)
            while True:
                self.stepper.grow(wanted)
                wanted = next(searching)
        except StopIteration as done:
            found: T = done.value
            return found

    # --- phrases --------------------------------------------------------------------------------------------------

    def _extended(self, root: Node, asked: Question, found: Found, word: bytes, p: float) -> tuple[bytes, float]:
        """Return `word` with as many words after it as are expected to save the most keystrokes, and all their
        probability."""
        node = self._after_word(root, asked, found, word)
        text, best, best_gain = word, (word, p), p * _gain(word)
        for _ in range(PHRASE_WORDS - 1):
            if node is None or p * _gain(text + b" wordword") <= best_gain:
                break
            following = self._run(self.search(node, NEXT_WORD, 1, anew=True))
            if not (ranked := following.ranked(1)):
                break
            (added, chance), ending = ranked[0], 1.0
            if not self.spelling.whole_words:
                ending = max(search.ending(self.spelling, node), 1e-6)
            text, p = (
                text + self.tokenizer.between(text, added) + asked.typed.written(added),
                p * min(1.0, chance / ending),
            )
            if p * _gain(text) > best_gain:
                best, best_gain = (text, p), p * _gain(text)
            node = self._after_word(node, NEXT_WORD, following, added)
        return best

    def _after_word(self, root: Node, asked: Question, found: Found, word: bytes) -> Node | None:
        """Return the node after what was found; None for a word that the network does not know."""
        if not self.spelling.whole_words:
            return found.ends.get(word)
        node = root
        for piece in found.spelt.get(word, asked.owed + word).split():
            token = self.spelling.token(piece)
            if token is None:
                return None
            self.stepper.grow([(node, token)])
            node = node.children[token]
        return node


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
    return sum(byte & 0xC0 != 0x80 for byte in text) - 1
