"""The state of the network after a text that is being edited: carried from key to key, never computed twice.

A text is read from an anchor that depends on its length alone, so that what is said of a text never depends on how it
came about: text of n bytes is read from the last anchor but one. The chain of states from the last anchor is made
ready on the side, a few tokens a key press, so that passing to it costs nothing.
"""

from __future__ import annotations

import itertools

from lstmtui.data.tokens import Tokenizer
from lstmtui.engine.autocomplete.stepper import Node, Stepper
from lstmtui.engine.inference.prompt import prompt_tokens

ANCHOR = 512
"""Bytes from one anchor to the next; a text is read from one to two of them back."""
READY = 4
"""Tokens of the next chain that are read at each key press."""
RUN = 64
"""A run of bytes without a space is cut after this many."""
SPACES = b" \n\t\r"


class History:
    """Follows a text through edits: what it shares at its beginning with the last one is not read again."""

    def __init__(self, tokenizer: Tokenizer, stepper: Stepper) -> None:
        self._tokenizer, self._stepper = tokenizer, stepper
        self._every = ANCHOR
        self._chains: dict[int, Chain] = {}

    def after(self, text: bytes) -> Node:
        """Return the node after all of `text`, with its probabilities."""
        number = max(0, len(text) // self._every - 1)
        chain = self._chain(number, text)
        for other in set(self._chains) - {number, number + 1}:
            del self._chains[other]
        return chain.node(text)

    def make_ready(self, text: bytes) -> None:
        """Read a little of what will be needed when `text` has grown past the next anchor."""
        number = max(0, len(text) // self._every - 1) + 1
        if len(text) > number * self._every:
            self._chain(number, text).read(text, READY, logp=False)

    def _chain(self, number: int, text: bytes) -> Chain:
        if number not in self._chains:
            self._chains[number] = Chain(self._tokenizer, self._stepper, number * self._every)
        return self._chains[number]


class Chain:
    """The states after each word of a text, read from one anchor on."""

    def __init__(self, tokenizer: Tokenizer, stepper: Stepper, anchor: int) -> None:
        self._tokenizer, self._stepper, self._anchor = tokenizer, stepper, anchor
        self._anywhere = tokenizer.kind in ("bytes", "chars")
        """Whether the tokens of a text are those of its parts, wherever between characters it is cut."""
        self._text = b""
        self._ends: list[int] = []
        self._nodes: list[Node] = []

    def node(self, text: bytes) -> Node:
        """Return the node after all of `text`."""
        self.read(text)
        node = self._nodes[-1]
        if node.logp is None:  # let go of: its last word is read again
            keep = len(self._nodes) - 1
            while keep and self._nodes[keep - 1] is node:  # spaces that are no tokens lead nowhere
                keep -= 1
            self._drop(keep)
            self.read(text)
            node = self._nodes[-1]
        return node

    def read(self, text: bytes, most: int = 1 << 30, *, logp: bool = True) -> None:
        """Stand after `text`, or after as much of it as at most some `most` tokens reach.

        logp    whether the probabilities after what is read now are wanted; those on the way to it never are
        """
        shared = same(self._text, text)
        self._text = text
        keep = len(self._ends)
        while keep and not (self._ends[keep - 1] <= shared and (self._anywhere or may_cut(text, self._ends[keep - 1]))):
            keep -= 1
        self._drop(keep)
        ahead: list[tuple[int, list[int]]] = []
        if not self._nodes:
            start = _next_cut(text, self._anchor) if self._anchor else 0
            ahead.append((start, [int(t) for t in prompt_tokens(self._tokenizer, "")]))
        at = ahead[0][0] if ahead else self._ends[-1]
        while at < len(text) and most > 0:
            low, at = at, _next_cut(text, at + 1)
            ahead.append((at, [int(t) for t in self._tokenizer.encode(text[low:at])]))
            most -= len(ahead[-1][1])
        last = max((n for n, (_, tokens) in enumerate(ahead) if tokens), default=-1)
        for n, (end, tokens) in enumerate(ahead):
            node = self._nodes[-1] if self._nodes else Node(self._stepper.begin(), None)
            self._append(end, self._walk(node, tokens, logp=logp and n == last))

    def _walk(self, node: Node, tokens: list[int], *, logp: bool) -> Node:
        """Read one token after the other; a step that was taken before is not taken again."""
        for at, token in enumerate(tokens):
            child = node.children.get(token)
            if child is None:
                return self._stepper.walk(node, tokens[at:], logp=logp)
            node = child
        return node

    def _append(self, end: int, node: Node) -> None:
        if self._nodes and self._nodes[-1] is not node:  # the tree below the last node is done with
            self._nodes[-1].children = {}
            self._nodes[-1].logp = None
        self._ends.append(end)
        self._nodes.append(node)

    def _drop(self, keep: int) -> None:
        del self._ends[keep:], self._nodes[keep:]


def may_cut(text: bytes, at: int) -> bool:
    """Return whether the tokens of `text` are those before `at` and those from there."""
    return at >= len(text) or _next_cut(text, at) == at


def _next_cut(text: bytes, at: int) -> int:
    """Return the first place from `at` on where a token ends whatever comes next, or the end of `text`."""
    for place in itertools.count(at):
        if place >= len(text):
            return len(text)
        if text[place] in SPACES and place and text[place - 1] not in SPACES:
            return place
        if place % RUN == 0 and text[place] & 0xC0 != 0x80 and not _has_space(text, place - RUN, place + 1):
            return place
    raise AssertionError


def _has_space(text: bytes, low: int, high: int) -> bool:
    return any(byte in SPACES for byte in text[max(0, low) : high])


def same(a: bytes, b: bytes) -> int:
    """Return how many bytes `a` and `b` share at their beginning."""
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
