"""The state of the network after a text that is being edited, updated from key to key.

A text is read from an anchor that depends on its length alone, so that completions of a text do not depend on the edits
that led to it: a text of n bytes is read from the last anchor but one. The states from the last anchor on are computed
in advance, a few tokens at each key press, so that passing to it costs nothing.
"""

from __future__ import annotations

import itertools

from lstmtui.common.word_boundaries import MAX_RUN
from lstmtui.data.tokens import Tokenizer
from lstmtui.engine.autocomplete.stepper import Node, Stepper
from lstmtui.engine.inference.prompt import prompt_tokens

ANCHOR_BYTES = 512
"""Bytes from one anchor to the next; a text is read from one to two of them back."""
AHEAD_TOKENS = 4
"""Tokens from the next anchor that are read at each key press."""
SPACES = b" \n\t\r"


class TextState:
    """Follows a text through edits: the beginning that two versions share is read once."""

    def __init__(self, tokenizer: Tokenizer, stepper: Stepper) -> None:
        self._tokenizer, self._stepper = tokenizer, stepper
        self._chains: dict[int, StateChain] = {}

    def after(self, text: bytes) -> Node:
        """Return the node after all of `text`, with its probabilities."""
        number = max(0, len(text) // ANCHOR_BYTES - 1)
        chain = self._chain(number)
        for other in set(self._chains) - {number, number + 1}:
            del self._chains[other]
        return chain.node(text)

    def read_ahead(self, text: bytes) -> None:
        """Read a few tokens of what will be needed when `text` has grown past the next anchor."""
        number = max(0, len(text) // ANCHOR_BYTES - 1) + 1
        if len(text) > number * ANCHOR_BYTES:
            self._chain(number).read(text, AHEAD_TOKENS, logp=False)

    def _chain(self, number: int) -> StateChain:
        if number not in self._chains:
            self._chains[number] = StateChain(self._tokenizer, self._stepper, number * ANCHOR_BYTES)
        return self._chains[number]


class StateChain:
    """The states after each word of a text, read from one anchor on."""

    def __init__(self, tokenizer: Tokenizer, stepper: Stepper, anchor: int) -> None:
        self._tokenizer, self._stepper, self._anchor = tokenizer, stepper, anchor
        self._any_split = tokenizer.kind in ("bytes", "chars")
        """Whether the tokens of a text are those of its parts, wherever it is split between characters."""
        self._text = b""
        self._ends: list[int] = []
        """Where the words end."""
        self._nodes: list[Node] = []
        """The nodes after them."""

    def node(self, text: bytes) -> Node:
        """Return the node after all of `text`, with its probabilities."""
        self.read(text)
        node = self._nodes[-1]
        if node.logp is None:  # dropped: the last word is read again
            valid = len(self._nodes) - 1
            while valid and self._nodes[valid - 1] is node:  # spaces without tokens share the node before them
                valid -= 1
            self._truncate(valid)
            self.read(text)
            node = self._nodes[-1]
        return node

    def read(self, text: bytes, max_tokens: int = 1 << 30, *, logp: bool = True) -> None:
        """Read `text`, or as many whole words of it as about `max_tokens` tokens reach.

        logp    whether to compute the probabilities after the last word; those after earlier words are not
        """
        shared = shared_length(self._text, text)
        self._text = text
        valid = len(self._ends)
        while valid and not self._is_valid(self._ends[valid - 1], text, shared):
            valid -= 1
        self._truncate(valid)
        ahead: list[tuple[int, list[int]]] = []
        if not self._nodes:
            start = _next_split(text, self._anchor) if self._anchor else 0
            ahead.append((start, [int(t) for t in prompt_tokens(self._tokenizer, "")]))
        at = ahead[0][0] if ahead else self._ends[-1]
        while at < len(text) and max_tokens > 0:
            low, at = at, _next_split(text, at + 1)
            ahead.append((at, [int(t) for t in self._tokenizer.encode(text[low:at])]))
            max_tokens -= len(ahead[-1][1])
        last = max((n for n, (_, tokens) in enumerate(ahead) if tokens), default=-1)
        for n, (end, tokens) in enumerate(ahead):
            node = self._nodes[-1] if self._nodes else Node(self._stepper.initial_state(), None)
            self._append(end, self._read_tokens(node, tokens, logp=logp and n == last))

    def _is_valid(self, end: int, text: bytes, shared: int) -> bool:
        """Return whether the state at `end` is one of `text`, which has its first `shared` bytes in common."""
        return end <= shared and (self._any_split or can_split(text, end))

    def _read_tokens(self, node: Node, tokens: list[int], *, logp: bool) -> Node:
        """Read the tokens in order, using the nodes that a search has computed."""
        for at, token in enumerate(tokens):
            child = node.children.get(token)
            if child is None:
                return self._stepper.read(node, tokens[at:], logp=logp)
            node = child
        return node

    def _append(self, end: int, node: Node) -> None:
        if self._nodes and self._nodes[-1] is not node:  # the search tree below the last node is no longer needed
            self._nodes[-1].children = {}
            self._nodes[-1].logp = None
        self._ends.append(end)
        self._nodes.append(node)

    def _truncate(self, length: int) -> None:
        del self._ends[length:], self._nodes[length:]


def can_split(text: bytes, at: int) -> bool:
    """Return whether the tokens of `text` are those of its parts before and after `at`."""
    return at >= len(text) or _next_split(text, at) == at


def _next_split(text: bytes, at: int) -> int:
    """Return the first place from `at` on where a token ends whatever follows, or the end of `text`."""
    for place in itertools.count(at):
        if place >= len(text):
            return len(text)
        if text[place] in SPACES and place and text[place - 1] not in SPACES:
            return place
        if place % MAX_RUN == 0 and text[place] & 0xC0 != 0x80 and not _has_space(text, place - MAX_RUN, place + 1):
            return place
    raise AssertionError


def _has_space(text: bytes, low: int, high: int) -> bool:
    return any(byte in SPACES for byte in text[max(0, low) : high])


def shared_length(a: bytes, b: bytes) -> int:
    """Return the length of the longest common prefix."""
    low, high = 0, min(len(a), len(b))
    if a[:high] == b[:high]:
        return high
    while low < high:
        middle = (low + high + 1) // 2
        if a[low:middle] == b[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low
