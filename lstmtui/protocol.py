"""Limits and fields of the messages between the engine's processes and their clients."""

from __future__ import annotations

MAX_CANDIDATES = 100
"""The largest number of candidates in one question for completions."""
MAX_BEAM = 64
"""The largest number of hypotheses of a line to translate."""
MAX_LINE_CHARACTERS = 20_000
"""The largest number of characters in a line to translate."""
MAX_TURN_TOKENS = 64
"""The largest number of tokens by which a text is continued at once."""
MAX_LOGPROBS = 20
"""The largest number of tokens that are named, with their log-probabilities, in place of a sampled one."""
INTERIM_KEYS = ("piece", "progress", "working")
"""Keys of the lines before an answer: generated text, the fraction done, a heartbeat."""
