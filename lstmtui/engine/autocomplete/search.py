"""The search for the words that a network may go on with: best first, in batches, over a tree of tokens.

A word ends where the network would go on with a space, punctuation or a line end: the probability of all such tokens
together finishes a candidate, and ways to spell one text add up. Where a word has been begun, one search finds both
what finishes it and, where it is over as it stands, the word after it, so that all that is found is one distribution.
The search is a generator that asks for the nodes it needs, so that one caller may run many side by side and step the
network for all of them at once.
"""

from __future__ import annotations

import heapq
import itertools
import math
from collections.abc import Collection, Generator
from dataclasses import dataclass, field, replace
from operator import itemgetter
from typing import Any

import numpy as np

from lstmtui.common.word_boundaries import CharKind, has_word, last_kind, through_first_word, word_end
from lstmtui.engine.autocomplete.stepper import Node
from lstmtui.engine.inference.token_index import TokenIndex

Array = np.ndarray[Any, Any]
Wanted = list[tuple[Node, int]]

BATCH = 8
"""Nodes asked for at once."""
LEAD = 2
"""Spaces and punctuation that may come before a word."""
SURE = 0.3
"""In a script without spaces a candidate ends where no token is as probable as this.

Chinese manual pages by characters, keystrokes saved with one, three and five suggestions: 4.1, 6.4 and 7.4 % with 0.2,
3.8, 5.8 and 7.1 % with 0.3, 3.0, 4.9 and 6.1 % with 0.5; with ghost text alone 1.6, 1.6 and 1.2 %.
"""
MAX_RUN = 16
"""Tokens by which such a candidate goes on at most."""
MIN_ENDS = 0.15
"""Where the ends in sight of the word begun are less probable than this together, the text has no words there.

Of a play by characters, they were 0.2 and more after any letter of any word; of sequences of genes 0.08 to 0.12.
"""
MIN_NEXT = 0.01
"""The same before a word has been begun, where rarer words come."""
MAX_LETTERS = 30
"""Letters after which a word should be over: the text has none where more than half of the probability is elsewhere."""
MIN_ONWARD = 0.1
"""The probability that the first token must have of what goes on with a text without words."""
SURE_ONWARD = 0.5
"""What goes on with such a text ends where no token is as probable as this: of four letters, each has a quarter."""
LETTER = 0.06
"""An unknown word has a given next letter with about this probability."""
SPACE = b" "


@dataclass(frozen=True, slots=True)
class Limits:
    """How far a search goes."""

    nodes: int = 64
    """Nodes asked for in all; what has not been found by then is improbable, or spelt in many pieces."""
    least: float = 1e-3
    """Ways that are less probable than this, beside all that spells what was typed, are not followed."""
    wide: int = 32
    """Tokens that are followed from one node, the likeliest ones."""


LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class Way:
    """One way to go on: what it adds to the typed text, and what it must still spell of it."""

    mass: float
    added: bytes
    owed: bytes = b""
    next: bool = False
    """The word begun is over and followed by a space: `added` is the word after it."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """What may come next."""

    text: bytes
    probability: float
    replaces: bool = False
    """The text takes the place of the word begun, and else goes on with it."""


@dataclass(slots=True)
class Found:
    """What comes after what was typed: probabilities of events of which only one can happen, given what was typed."""

    words: dict[bytes, float] = field(default_factory=dict)
    """What finishes the word begun; without one, the next word."""
    over: float = 0.0
    """The probability that the word begun is over as it stands."""
    spaced: float = 0.0
    """The probability that a space follows the word begun, given that it is over."""
    following: dict[bytes, float] = field(default_factory=dict)
    """Words after the word begun, given that it is over and a space follows."""
    log_typed: float = 0.0
    """Log probability of the letters typed, given the space before them."""
    ends: dict[bytes, Node] = field(default_factory=dict)
    """The likeliest node after each of the words, and after each that follows, with its space."""
    runs: dict[bytes, tuple[bytes, float]] = field(default_factory=dict)
    """Of words in scripts without spaces: the text up to where the network is unsure, and its probability given the
    word."""
    spelt: dict[bytes, bytes] = field(default_factory=dict)
    """What the vocabulary has for the word begun and what is added to it, where that is another spelling."""
    near: dict[bytes, float] = field(default_factory=dict)
    """Where the vocabulary has no word that begins as typed, those that begin nearly so, with their probabilities and
    those of the errors of typing."""
    respelt: dict[bytes, float] = field(default_factory=dict)
    """Words that may be meant in place of the word begun, where no known word begins so."""
    endless: bool = False
    """Whether the text has no words there: they have no end in sight."""

    def without(self, begun: bytes, words: Collection[bytes]) -> Found:
        """Return the distribution given that `begun` is the beginning of none of `words`."""
        left = dict(self.words)
        gone = sum(left.pop(word[len(begun) :], 0.0) for word in set(words) if word.startswith(begun))
        gone += sum(p for word, p in self.respelt.items() if word in words)
        total = max(1.0 - gone, 1e-12)
        left = {word: p / total for word, p in left.items()}
        respelt = {word: p / total for word, p in self.respelt.items() if word not in words}
        return replace(self, words=left, over=self.over / total, respelt=respelt)

    def proposals(self, k: int) -> list[Proposal]:
        """Return the `k` likeliest proposals: texts to add, and words in place of the word begun."""
        found = [Proposal(text, p) for text, p in self.ranked(k)]
        found += [Proposal(word, min(1.0, p), replaces=True) for word, p in self.respelt.items()]
        return sorted(found, key=lambda proposal: -proposal.probability)[:k] if self.respelt else found

    def ranked(self, k: int) -> list[tuple[bytes, float]]:
        """Return the `k` likeliest texts to add, and their probabilities."""
        entries = [(-p, word) for word, p in self.words.items()]
        after = self.over * self.spaced
        entries += [(-p * after, SPACE + word) for word, p in self.following.items()]
        best = heapq.nsmallest(k, (entry for entry in entries if entry[0] < 0.0 and is_text(entry[1])))
        if not self.runs:
            return [(word, min(1.0, -p)) for p, word in best]
        runs = [(self.runs.get(word, (word, 1.0)), -p) for p, word in best]
        return sorted(((text, min(1.0, p * share)) for (text, share), p in runs), key=lambda run: (-run[1], run[0]))


def is_text(data: bytes) -> bool:
    """Return whether `data` is whole characters."""
    if data.isascii():
        return True
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


# --- a vocabulary of whole words --------------------------------------------------------------------------------------

WORDS = 64
"""Words of a vocabulary of whole words that are told."""


def whole_words(
    spelling: TokenIndex, root: Node, owed: bytes, limits: Limits = LIMITS
) -> Generator[Wanted, None, Found]:
    """Find the words of a vocabulary of whole words that go on with what is `owed`; asks for one node at most."""
    if not owed:  # a line end and an unknown word may come as well, and have their part
        return Found(_begun_with(spelling, root, spelling.usable, b"")[0])
    tokens = spelling.covering(owed)
    words, over = _begun_with(spelling, root, tokens, owed)
    typed = _sum(root, tokens)
    if spelling.unk is not None:
        typed += _p(root, spelling.unk) * LETTER ** len(owed)
    found = Found()
    if typed <= 0.0:
        return found
    found.words = {word: p / typed for word, p in words.items()}
    found.over, found.log_typed = over / typed, math.log(typed)
    # The next word comes after the token that is just what was typed, or after an unknown word.
    token = spelling.token(owed)
    found.spaced = _p(root, token) / over if token is not None and over > 0.0 else float(not len(tokens))
    if token is None and not len(tokens):
        token = spelling.unk
    if token is not None and (not len(tokens) or found.over * found.spaced > limits.least):
        if token not in root.children:
            yield [(root, token)]
        found.following = _begun_with(spelling, root.children[token], spelling.usable, b"")[0]
    return found


def _begun_with(spelling: TokenIndex, node: Node, tokens: Array, owed: bytes) -> tuple[dict[bytes, float], float]:
    """Return what the likeliest of `tokens` add to the word `owed`, and the probability that they add nothing to it."""
    assert node.logp is not None
    p = np.exp(node.logp[tokens].astype(np.float64))
    if has_word(owed) and word_end(owed, 0) < len(owed):
        return _compounds(spelling, tokens, p, owed)
    sums = _by_word(spelling, tokens, p)
    words: dict[bytes, float] = {}
    for at in _largest(sums, WORDS):
        word = spelling.words[at] if sums[at] > 0 else b""
        if word.startswith(owed) and len(word) > len(owed):
            words[word[len(owed) :]] = float(sums[at])
    return words, float(sums[spelling.word_index[owed]]) if owed in spelling.word_index else 0.0


def word_probabilities(spelling: TokenIndex, node: Node) -> Array:
    """Return the probability of each word of `spelling.words` after `node`."""
    assert node.logp is not None
    return _by_word(spelling, spelling.usable, np.exp(node.logp[spelling.usable].astype(np.float64)))


def _by_word(spelling: TokenIndex, tokens: Array, p: Array) -> Array:
    index = spelling.word_of[tokens]
    known = index >= 0
    return np.bincount(index[known], p[known], minlength=len(spelling.words))


def _compounds(spelling: TokenIndex, tokens: Array, p: Array, owed: bytes) -> tuple[dict[bytes, float], float]:
    """The same for what was typed of a token beyond its first word, as in "well-kn"."""
    words: dict[bytes, float] = {}
    over = 0.0
    for token, share in zip(tokens.tolist(), p.tolist(), strict=True):
        piece = spelling.pieces[token]
        added = piece[len(owed) : word_end(piece, len(owed))]
        if added:
            words[added] = words.get(added, 0.0) + share
        else:
            over += share
    return words, over


# --- words in pieces --------------------------------------------------------------------------------------------------


def pieces(
    spelling: TokenIndex, root: Node, owed: bytes, k: int, *, inside: bool, anew: bool = False, limits: Limits = LIMITS
) -> Generator[Wanted, None, Found]:
    """Search for the `k` likeliest words that spell `owed` and go on.

    inside    what was typed ends in the middle of a word, which the candidates go on with
    anew      a word has just ended at the root, and the candidates are the next one

    Yields nodes and tokens whose children are wanted, and returns what was found.
    """
    tree = _Tree(spelling, inside=inside, anew=anew, limits=limits)
    tree.begin(root, owed)
    asked = 0
    while asked < limits.nodes:
        batch = tree.best(min(BATCH, limits.nodes - asked), k)
        if not batch:
            break
        asked += len(batch)
        wanted = [(parent, token) for _, parent, token in batch]
        if any(token not in parent.children for parent, token in wanted):
            yield wanted
        for way, parent, token in batch:
            tree.follow(parent.children[token], way)
    yield from tree.run_on(k)
    spaced = _sum(root, spelling.covering(SPACE)) if owed.startswith(SPACE) else 1.0
    return tree.found(spaced)


class _Tree:
    """What a search has found so far, and the ways that are left; probabilities are those from the root on."""

    def __init__(self, spelling: TokenIndex, *, inside: bool, anew: bool, limits: Limits) -> None:
        self._spelling, self._inside, self._anew, self._limits = spelling, inside, anew, limits
        self._typed = self._over = self._spaced = 0.0
        self._words: dict[bytes, float] = {}
        self._following: dict[bytes, float] = {}
        self._ends: dict[bytes, Node] = {}
        self._best_way: dict[bytes, float] = {}
        self._longer: dict[bytes, tuple[Way, Node, int]] = {}
        """The likeliest token that holds each word and more."""
        self._runs: dict[bytes, tuple[bytes, float]] = {}
        self._waiting: list[tuple[float, int, tuple[Way, Node, int]]] = []
        self._order = itertools.count()

    def begin(self, root: Node, owed: bytes) -> None:
        """Spell `owed` from `root` on."""
        self._typed = 0.0 if owed else 1.0
        self.follow(root, Way(1.0, b"", owed))

    def best(self, count: int, k: int) -> list[tuple[Way, Node, int]]:
        """Take out up to `count` of the likeliest ways that may still lead to one of the `k` likeliest words."""
        floor = max(self._limits.least * self._typed, _kth([*self._words.values(), *self._following.values()], k))
        batch: list[tuple[Way, Node, int]] = []
        while self._waiting and len(batch) < count and -self._waiting[0][0] > floor:
            batch.append(heapq.heappop(self._waiting)[2])
        return batch

    def follow(self, node: Node, way: Way) -> None:
        """Finish what may end at `node`, to which `way` has led, and note the ways on from it."""
        spelling = self._spelling
        if way.owed:
            self._spell(node, way)
            return
        if self._inside and not way.next and not way.added:
            self._end_begun(node, way)
            tokens = spelling.in_word
        elif (self._inside and not way.next) or has_word(way.added):
            unit = last_kind(way.added) is CharKind.UNIT
            self._end_word(node, way, unit=unit)
            tokens = spelling.in_unit if unit else spelling.in_word
        elif sum(byte & 0xC0 != 0x80 for byte in way.added) >= LEAD:  # enough punctuation: a word must follow
            tokens = spelling.begins_word
        else:
            tokens = spelling.after_word if self._anew and not way.added else spelling.usable
        self._go_on(node, way, tokens)

    def found(self, space: float) -> Found:
        """Return all that was found, given that the letters typed came after their space, of probability `space`."""
        if self._typed <= 0.0 or space <= 0.0:
            return Found()
        return Found(
            {word: mass / self._typed for word, mass in self._words.items()},
            self._over / self._typed,
            self._spaced / self._over if self._over > 0.0 else 0.0,
            {word: mass / self._spaced for word, mass in self._following.items()},
            math.log(self._typed / space),
            self._ends,
            self._runs,
        )

    def run_on(self, k: int) -> Generator[Wanted, None, None]:
        """Lengthen the `k` likeliest words that are characters of scripts without spaces to where one is unsure."""
        runs = [Run(word) for word, _ in heapq.nlargest(k, self._words.items(), key=itemgetter(1)) if _is_unit(word)]
        for run in runs:
            self._begin_run(run)
        yield from _lengthen(runs, self._spelling, self._spelling.continues_unspaced)
        for run in runs:
            if run.whole[0] != run.word:
                self._runs[run.word] = run.whole
                if run.node is not None and run.text == run.whole[0]:
                    self._ends[run.text] = run.node

    def _begin_run(self, run: Run) -> None:
        """Stand behind the word, or before the token that holds it and more."""
        total = self._words[run.word]
        alone = self._best_way.get(run.word, 0.0)
        way, parent, token = self._longer.get(run.word, _NO_WAY)
        if way.mass > alone:
            run.first = parent, token, way.mass / total
            run.ahead = way.added
        else:
            run.node, run.share = self._ends.get(run.word), min(1.0, alone / total)

    def _spell(self, node: Node, way: Way) -> None:
        """Go on from `node` with tokens that spell what is owed, or its beginning."""
        assert node.logp is not None
        covering = self._spelling.covering(way.owed)
        self._typed += way.mass * _sum(node, covering)
        for token in self._spelling.proper_prefixes(way.owed):
            mass = way.mass * _p(node, token)
            if mass > self._limits.least * self._typed:
                self._wait(Way(mass, way.added, way.owed[len(self._spelling.pieces[token]) :]), node, token)
        self._go_on(node, way, covering)

    def _end_begun(self, node: Node, way: Way) -> None:
        """The word begun may be over at `node`, and the next word come after a space."""
        over = way.mass * ending(self._spelling, node)
        spaces = self._spelling.covering(SPACE)
        self._over += over
        self._spaced += way.mass * _sum(node, spaces)
        self._go_on(node, Way(way.mass, b"", SPACE, next=True), spaces)

    def _end_word(self, node: Node, way: Way, *, unit: bool) -> None:
        """The word that `way` adds may end at `node`; `unit` is a character of a script without spaces."""
        word = SPACE + way.added if way.next else way.added
        if way.mass > self._best_way.get(word, 0.0):
            self._best_way[word], self._ends[word] = way.mass, node
        self._finish(way, way.added, way.mass * ending(self._spelling, node, unit=unit))

    def _finish(self, way: Way, word: bytes, mass: float) -> None:
        words = self._following if way.next else self._words
        words[word] = words.get(word, 0.0) + mass

    def _go_on(self, node: Node, way: Way, tokens: Array) -> None:
        """Note the ways from `node` with one of `tokens`, each of which spells all that is owed."""
        assert node.logp is not None
        least = self._limits.least * self._typed / way.mass
        for token, logp in _likely(tokens, node.logp, math.log(max(1e-30, least)), self._limits.wide):
            added = way.added + self._spelling.pieces[token][len(way.owed) :]
            further = Way(way.mass * math.exp(logp), added, next=way.next)
            if not (self._spelling.completes_word[token] and self._closed(further, node, token)):
                self._wait(further, node, token)

    def _closed(self, way: Way, parent: Node, token: int) -> bool:
        """Finish a word that ends within the last token of `way`; return whether one does."""
        within = self._inside and not way.next
        end = word_end(way.added, 0) if within else len(through_first_word(way.added))
        if end == len(way.added):
            return False
        if end:
            word = way.added[:end]
            self._finish(way, word, way.mass)
            if not way.next and way.mass > self._longer.get(word, _NO_WAY)[0].mass:
                self._longer[word] = way, parent, token
        else:
            self._over += way.mass
        return True

    def _wait(self, way: Way, parent: Node, token: int) -> None:
        heapq.heappush(self._waiting, (-way.mass, next(self._order), (way, parent, token)))


_NO_WAY: tuple[Way, Any, int] = (Way(0.0, b""), None, -1)


@dataclass(slots=True)
class Run:
    """A candidate in a text without spaces that goes on for as long as the network is sure."""

    word: bytes
    node: Node | None = None
    share: float = 0.0
    """The probability of what was added, given the word."""
    text: bytes = b""
    whole: tuple[bytes, float] = (b"", 0.0)
    """The text up to its last whole character, and its share."""
    first: tuple[Node, int, float] | None = None
    """The step that leads beyond the word in one token."""
    ahead: bytes = b""
    """The text after that step."""
    sure: float = SURE
    """The probability that every further token must have."""

    def __post_init__(self) -> None:
        self.text, self.whole = self.word, (self.word, 1.0)

    def step(self, tokens: Array) -> tuple[Node, int, float] | None:
        """Return the node, the likeliest of `tokens` after it and its probability; None where that is unsure."""
        found = self.first
        if found is None and self.node is not None:
            assert self.node.logp is not None
            logp = self.node.logp[tokens]
            if len(logp):
                best = int(logp.argmax())
                found = self.node, int(tokens[best]), math.exp(float(logp[best]))
        return found if found is not None and found[2] >= self.sure else None

    def take(self, spelling: TokenIndex, node: Node, token: int, share: float) -> None:
        """Go on with what `step` has returned."""
        first, self.first = self.first, None
        self.text = self.text + spelling.pieces[token] if first is None else self.ahead
        self.share = share if first is not None else self.share * share
        self.node = node.children[token]
        if is_text(self.text):
            self.whole = self.text, self.share


def _lengthen(runs: list[Run], spelling: TokenIndex, tokens: Array) -> Generator[Wanted, None, None]:
    """Let each run go on with `tokens` for as long as the network is sure."""
    for _ in range(MAX_RUN):
        ahead = [(run, step) for run in runs if (step := run.step(tokens)) is not None]
        if not ahead:
            break
        wanted = [(node, token) for _, (node, token, _) in ahead]
        if any(token not in node.children for node, token in wanted):
            yield wanted
        for run, step in ahead:
            run.take(spelling, *step)


def has_no_words(found: Found, begun: bytes) -> bool:
    """Return whether the text has no words where `begun` ends, of which `found` is all that was found to follow."""
    ends = sum(found.words.values()) + found.over
    if not begun:
        return ends < MIN_NEXT
    letters = sum(byte & 0xC0 != 0x80 for byte in begun)
    return ends < (0.5 if letters > MAX_LETTERS else MIN_ENDS)


def onward(spelling: TokenIndex, node: Node, k: int, *, inside: bool) -> Generator[Wanted, None, Found]:
    """Find how a text without words goes on after `node`: with the likeliest tokens, up to where one is unsure.

    inside    the text ends in letters
    """
    assert node.logp is not None
    first = _likely(spelling.in_word if inside else spelling.begins_word, node.logp, math.log(MIN_ONWARD), k)
    wanted = [(node, token) for token, _ in first]
    if any(token not in node.children for _, token in wanted):
        yield wanted
    runs = [Run(spelling.pieces[token], node.children[token], 1.0, sure=SURE_ONWARD) for token, _ in first]
    yield from _lengthen(runs, spelling, spelling.in_word)
    words = {run.word: math.exp(logp) for run, (_, logp) in zip(runs, first, strict=True)}
    likeliest = {run.whole[0]: run.word for run in reversed(runs)}  # a text may be spelt in more than one way
    words = {word: p for word, p in words.items() if word in likeliest.values()}
    return Found(words, runs={run.word: run.whole for run in runs if run.word in words}, endless=True)


def _is_unit(word: bytes) -> bool:
    return last_kind(word) is CharKind.UNIT


def ending(spelling: TokenIndex, node: Node, *, unit: bool = False) -> float:
    """Return the probability that a word which has come as far as `node` is over.

    unit    it is a character of a script without spaces
    """
    if node.end < 0:
        node.end = _sum(node, spelling.ends_unit if unit else spelling.ends_word)
    return node.end


def _p(node: Node, token: int) -> float:
    """Return the probability of one token after `node`."""
    assert node.logp is not None
    return math.exp(float(node.logp[token]))


def _sum(node: Node, tokens: Array) -> float:
    """Return the probability of all `tokens` together after `node`."""
    assert node.logp is not None
    return float(np.exp(node.logp[tokens].astype(np.float64)).sum())


def _kth(masses: list[float], k: int) -> float:
    """Return the k-th largest probability, 0 while there are fewer."""
    return heapq.nlargest(k, masses)[-1] if len(masses) >= k else 0.0


def _likely(tokens: Array, logp: Array, least: float, count: int) -> list[tuple[int, float]]:
    """Return up to `count` of `tokens` with their log probabilities above `least`, the likeliest first."""
    among = logp[tokens]
    indices = np.flatnonzero(among > least)
    if len(indices) > count:
        indices = np.sort(indices[np.argpartition(-among[indices], count)[:count]])
    indices = indices[np.argsort(-among[indices], kind="stable")]
    return [(int(tokens[i]), float(among[i])) for i in indices]


def _largest(values: Array, count: int) -> Array:
    """Return the indices of the `count` largest values, largest first, ties by index."""
    indices = np.sort(np.argpartition(-values, count)[:count]) if count < len(values) else np.arange(len(values))
    return indices[np.argsort(-values[indices], kind="stable")]
