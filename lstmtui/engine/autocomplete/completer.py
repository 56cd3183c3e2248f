"""Text in, ranked words or phrases out: the entry point of completion, for bytes, chars, words and bpe alike.

The partial word is left unread together with its space, and the search must spell it, so that every tokenisation of it
counts.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Generator
from dataclasses import dataclass, replace
from typing import TypeVar

from lstmtui.common.word_boundaries import has_word
from lstmtui.config import RunSettings
from lstmtui.data.tokens import Tokenizer
from lstmtui.engine.autocomplete import query as queries
from lstmtui.engine.autocomplete.continuations import SPACE, Continuations
from lstmtui.engine.autocomplete.ngram_mixture import NgramMixture
from lstmtui.engine.autocomplete.normalisation import Normaliser
from lstmtui.engine.autocomplete.query import Query
from lstmtui.engine.autocomplete.search import LIMITS, Limits, Start, search
from lstmtui.engine.autocomplete.spelling_correction import Lexicon
from lstmtui.engine.autocomplete.stepper import Expansions, Node, Stepper, read_tokens
from lstmtui.engine.autocomplete.text_state import TextState
from lstmtui.engine.autocomplete.token_probabilities import end_probability, log_probabilities
from lstmtui.engine.autocomplete.unspaced import has_no_words, search_without_words
from lstmtui.engine.autocomplete.variants import VARIANT_PROBABILITY, Variant, combine
from lstmtui.engine.autocomplete.word_search import search_words, word_probabilities
from lstmtui.engine.inference.token_index import TokenIndex
from lstmtui.engine.nn.params import Arena

MAX_TEXT = 1 << 16
"""Bytes of a text that are used; the network's memory does not reach that far back."""
MAX_PHRASE_WORDS = 8
NEXT_WORD = Query(b"", b"", b"")
ROUGH = Limits(max_nodes=8)
"""Enough to see whether a variant is probable."""
MIN_SHARE = 1e-2
"""Variants less probable than this, relative to the typed form, are not searched further."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Candidate:
    """Text to insert at the cursor, with its probability."""

    text: str
    probability: float
    replaces: int = 0
    """Characters before the cursor that the text replaces."""


class Completer:
    """Completes texts with one model. It holds the states of the last text, so that a key press costs few steps."""

    def __init__(
        self,
        s: RunSettings,
        weights: Arena,
        tokenizer: Tokenizer,
        *,
        mixture: NgramMixture | None = None,
        compiled: bool = True,
    ) -> None:
        """`mixture` adds n-gram counts to the network's probabilities; `compiled` as for `Stepper`."""
        self.tokenizer = tokenizer
        self.token_index = TokenIndex(tokenizer)
        self.normaliser = Normaliser(tokenizer, self.token_index)
        self.stepper = Stepper(s, weights, compiled=compiled)
        self.mixture = mixture
        self._text_state = TextState(tokenizer, self.stepper)
        self._before = b""
        self._lexicon = Lexicon(self.token_index.words) if self.token_index.whole_words else None

    def complete(self, text: str, *, k: int = 5, phrase: bool = False, passed: Collection[str] = ()) -> list[Candidate]:
        """Return up to `k` distinct continuations of `text`, the most probable first.

        phrase    each has as many words as are expected to save the most keystrokes
        passed    words that were proposed for the partial word and not taken: others replace them
        """
        query = self.parse(truncate(text.encode("utf-8", "surrogatepass")))
        root = self._text_state.after(query.before)
        found = combine(self._run(self.variants(root, query, k)), self.token_index, self.mixture, k)
        found = found.without(query.partial_word, {word.encode("utf-8", "replace") for word in passed})
        candidates = []
        for proposal in found.proposals(k):
            word, p = proposal.text, proposal.probability
            if phrase and not proposal.replaces:
                word, p = self._phrase(root, query, found, word, p)
            replaces = len(query.partial_word.decode("utf-8", "surrogatepass")) if proposal.replaces else 0
            candidates.append(Candidate(word.decode("utf-8"), float(p), replaces))
        self._before = query.before
        return candidates

    def read_ahead(self) -> None:
        """Compute a little of what longer texts will need; to be called between queries."""
        self._text_state.read_ahead(self._before)

    def parse(self, data: bytes) -> Query:
        """Return the query of a text."""
        return queries.parse(data, self.token_index, self.normaliser)

    def variants(self, root: Node, query: Query, k: int) -> Generator[Expansions, None, list[Variant]]:
        """Search for continuations of every form of the partial word that the vocabulary may have."""
        exact = yield from self.search(root, query, k)
        found = [Variant(query, exact, 1.0)]
        for word in self.normaliser.variants(query.partial_word)[1:] if query.partial_word else ():
            other = query.with_partial_word(word)
            rough = yield from self.search(root, other, k, limits=ROUGH)
            if rough.log_typed + math.log(VARIANT_PROBABILITY) > exact.log_typed + math.log(MIN_SHARE):
                continuations = yield from self.search(root, other, k)
            else:
                continuations = Continuations(log_typed=rough.log_typed)  # n-gram counts may still add words
            found.append(Variant(other, continuations, VARIANT_PROBABILITY))
        if self._lexicon is not None and not any(len(self.token_index.covering(v.query.partial_word)) for v in found):
            exact.similar = self._similar(self._lexicon, root, query.partial_word)
        return found

    def _similar(self, lexicon: Lexicon, root: Node, typed: bytes) -> dict[bytes, float]:
        """Return words of the vocabulary with a similar beginning, by the probability of word and errors."""
        p = word_probabilities(self.token_index, root)
        index = self.token_index.word_index
        return {word: float(p[index[word]]) * errors for word, errors in lexicon.similar(typed, p).items()}

    def search(
        self, root: Node, query: Query, k: int, *, after_word: bool = False, limits: Limits = LIMITS
    ) -> Generator[Expansions, None, Continuations]:
        """Search from the node after `query.before`; yields the expansions that it needs."""
        index = self.token_index
        if index.whole_words:
            found = yield from search_words(index, root, query.prefix, limits)
            if query.separator:
                found.words = {query.separator + word: p for word, p in found.words.items()}
            return found
        inside = has_word(query.partial_word)
        if index.is_unambiguous:
            node, log_typed = yield from self._read_prefix(root, query.prefix)
            start = Start(node, b"", inside, after_word)
        else:
            node, log_typed = root, 0.0
            start = Start(root, query.prefix, inside, after_word)
        found = yield from search(index, start, k, limits)
        if limits is LIMITS and not after_word and has_no_words(found, query.partial_word):
            if not index.is_unambiguous:
                node = yield from read_tokens(root, self.tokenizer.encode(query.prefix).tolist())
            found = replace(
                (yield from search_without_words(index, node, k, inside=inside)),
                complete=found.complete,
                spaced=found.spaced,
                next_words=found.next_words,
                log_typed=found.log_typed,
            )
        found.log_typed += log_typed
        return found

    def _read_prefix(self, root: Node, prefix: bytes) -> Generator[Expansions, None, tuple[Node, float]]:
        """Return the node after the only tokenisation of `prefix`, and the log probability of its letters."""
        log_typed = 0.0
        for at, token in enumerate(self.tokenizer.encode(prefix).tolist()):
            if at or not prefix.startswith(SPACE):
                log_typed += float(log_probabilities(root)[token])
            if token not in root.children:
                yield [(root, token)]
            root = root.children[token]
        return root, log_typed

    def _run(self, searching: Generator[Expansions, None, T]) -> T:
        """Run one search, and step the network for it."""
        try:
            expansions = next(searching)
            while True:
                self.stepper.expand(expansions)
                expansions = next(searching)
        except StopIteration as done:
            found: T = done.value
            return found

    # --- phrases --------------------------------------------------------------------------------------------------

    def _phrase(self, root: Node, query: Query, found: Continuations, word: bytes, p: float) -> tuple[bytes, float]:
        """Return `word` with further words, as many as are expected to save the most keystrokes, and the probability of
        the whole."""
        node = self._after_word(root, query, found, word)
        text, best, best_gain = word, (word, p), p * _saved_keystrokes(word)
        for _ in range(MAX_PHRASE_WORDS - 1):
            if node is None or p * _saved_keystrokes(text + b" wordword") <= best_gain:
                break
            following = self._run(self.search(node, NEXT_WORD, 1, after_word=True))
            if not (ranked := following.ranked(1)):
                break
            (added, p_next), p_end = ranked[0], 1.0
            if not self.token_index.whole_words:
                p_end = max(end_probability(self.token_index, node), 1e-6)
            text += self.tokenizer.between(text, added) + query.forms.restore(added)
            p *= min(1.0, p_next / p_end)
            if p * _saved_keystrokes(text) > best_gain:
                best, best_gain = (text, p), p * _saved_keystrokes(text)
            node = self._after_word(node, NEXT_WORD, following, added)
        return best

    def _after_word(self, root: Node, query: Query, found: Continuations, word: bytes) -> Node | None:
        """Return the node after a continuation; None for a word that the network does not know."""
        if not self.token_index.whole_words:
            return found.end_nodes.get(word)
        node = root
        for piece in found.vocabulary_forms.get(word, query.prefix + word).split():
            token = self.token_index.token(piece)
            if token is None:
                return None
            self.stepper.expand([(node, token)])
            node = node.children[token]
        return node


def truncate(data: bytes) -> bytes:
    """Return the end of a long text, cut at a place that rarely moves, so that states are reused while typing."""
    if len(data) <= MAX_TEXT:
        return data
    half = MAX_TEXT // 2
    start = (len(data) // half - 1) * half
    while data[start] & 0xC0 == 0x80 and start + 1 < len(data):
        start += 1
    return data[start:]


def _saved_keystrokes(text: bytes) -> int:
    """Return the keystrokes that taking `text` saves."""
    return sum(byte & 0xC0 != 0x80 for byte in text) - 1
