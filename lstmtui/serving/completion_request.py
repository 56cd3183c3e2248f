"""The body of a request to `/v1/completions` and to `/complete`: its fields, their defaults and limits."""

from __future__ import annotations

import math
import reprlib
from dataclasses import dataclass
from typing import Any

from lstmtui.common.files import FormatError, parse_object
from lstmtui.protocol import MAX_CANDIDATES, MAX_LOGPROBS
from lstmtui.serving.api_errors import ApiError, bad_request

MAX_BODY = 1 << 20
"""Bytes of a request's body."""
MAX_PROMPT = 20_000
"""Characters of a prompt."""
MAX_TOKENS = 4096
MAX_CHOICES = 16
"""Texts of a request: prompts times n."""
MAX_STOPS = 4
MAX_STOP = 200
"""Characters of a stop sequence."""
MAX_TEMPERATURE = 2.0
MAX_SEED = 2**63

UNSUPPORTED = {
    "best_of": (None, 1), "frequency_penalty": (None, 0), "presence_penalty": (None, 0), "logit_bias": (None, {}),
    "suffix": (None, ""),
}  # fmt: skip
"""Fields of OpenAI's interface that are refused unless they have one of these values, which change nothing."""
IGNORED = {"user", "metadata", "store"}
KNOWN = {
    "model", "prompt", "max_tokens", "temperature", "top_p", "n", "seed", "stop", "echo", "logprobs", "stream",
    "stream_options", *UNSUPPORTED, *IGNORED,
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class CompletionRequest:
    """A request for texts that continue prompts; defaults as in OpenAI's interface."""

    prompts: tuple[str, ...]
    max_tokens: int = 16
    temperature: float = 1.0
    top_p: float = 1.0
    n: int = 1
    """Texts for each prompt."""
    seed: int | None = None
    stop: tuple[str, ...] = ()
    """A text ends before the first of these that it would have."""
    echo: bool = False
    """The prompt is written before each text."""
    logprobs: int | None = None
    """How many of the most probable tokens are named in each place; None: nothing is said of probabilities."""
    stream: bool = False
    """Text is sent as it is written."""
    include_usage: bool = False
    """The last event of a stream has the numbers of tokens."""

    @property
    def choices(self) -> int:
        """The number of texts."""
        return len(self.prompts) * self.n


@dataclass(frozen=True, slots=True, kw_only=True)
class WordsRequest:
    """A request for ranked continuations of a text."""

    text: str
    k: int = 5
    phrase: bool = False


def completion_request(body: bytes, model: str) -> CompletionRequest:
    """Return the request in a body for `/v1/completions` of the run called `model`. Raises ApiError."""
    given = Fields(body)
    given.refuse_unknown(KNOWN)
    if (name := given.text("model", model, MAX_PROMPT)) != model:
        raise ApiError(
            404, f"There is no model {reprlib.repr(name)} here; this is '{model}'.", param="model",
            code="model_not_found",
        )  # fmt: skip
    for field, neutral in UNSUPPORTED.items():
        if given.values.get(field) not in neutral:
            raise bad_request(f"'{field}' is not supported; leave it out.", field)
    options = given.values.get("stream_options") or {}
    if not isinstance(options, dict):
        raise bad_request("'stream_options' must be an object.", "stream_options")
    found = CompletionRequest(
        prompts=given.texts("prompt", ("",), MAX_PROMPT, MAX_CHOICES),
        max_tokens=given.integer("max_tokens", 16, 0, MAX_TOKENS),
        temperature=given.number("temperature", 1.0, 0, MAX_TEMPERATURE),
        top_p=given.number("top_p", 1.0, 0, 1),
        n=given.integer("n", 1, 1, MAX_CHOICES),
        seed=given.optional_integer("seed", -MAX_SEED, MAX_SEED),
        stop=given.texts("stop", (), MAX_STOP, MAX_STOPS),
        echo=given.flag("echo"),
        logprobs=given.optional_integer("logprobs", 0, MAX_LOGPROBS),
        stream=given.flag("stream"),
        include_usage=options.get("include_usage") is True,
    )
    if found.choices > MAX_CHOICES:
        raise bad_request(f"A request gives at most {MAX_CHOICES} texts (prompts times n), not {found.choices}.", "n")
    if "" in found.stop:
        raise bad_request("A stop sequence must have a character.", "stop")
    return found


def words_request(body: bytes) -> WordsRequest:
    """Return the request in a body for `/complete`. Raises ApiError."""
    given = Fields(body)
    given.refuse_unknown({"text", "k", "phrase"})
    if "text" not in given.values:
        raise bad_request('"text" is missing; send for example {"text": "I have be", "k": 3}.', "text")
    return WordsRequest(
        text=given.text("text", "", MAX_BODY),
        k=given.integer("k", 5, 1, MAX_CANDIDATES),
        phrase=given.flag("phrase"),
    )


class Fields:
    """The fields of a JSON object, read with their types and bounds; null is the default. Raises ApiError."""

    def __init__(self, body: bytes) -> None:
        try:
            self.values = parse_object(body, MAX_BODY)
        except FormatError as error:
            raise bad_request(f"The body of the request cannot be read: {error}.") from None

    def refuse_unknown(self, known: set[str]) -> None:
        """Raise unless every field is in `known`."""
        if unknown := sorted(set(self.values) - known):
            name = reprlib.repr(unknown[0])
            raise bad_request(f"There is no field {name}; known are {', '.join(sorted(known))}.", unknown[0][:100])

    def text(self, name: str, default: str, longest: int) -> str:
        """Return a string of at most `longest` characters."""
        return self._checked_text(name, self.values[name], longest) if self._has(name) else default

    def texts(self, name: str, default: tuple[str, ...], longest: int, most: int) -> tuple[str, ...]:
        """Return the strings of a list, or the one that stands in its place."""
        if not self._has(name):
            return default
        value = self.values[name]
        if not isinstance(value, list):
            return (self._checked_text(name, value, longest),)
        if not value or len(value) > most:
            raise bad_request(f"'{name}' must have 1 to {most} strings, not {len(value)}.", name)
        return tuple(self._checked_text(name, each, longest) for each in value)

    def integer(self, name: str, default: int, low: int, high: int) -> int:
        """Return a whole number from `low` to `high`."""
        found = self.optional_integer(name, low, high)
        return default if found is None else found

    def optional_integer(self, name: str, low: int, high: int) -> int | None:
        """Return a whole number from `low` to `high`, or None."""
        if not self._has(name):
            return None
        value = self.values[name]
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise bad_request(f"'{name}' must be a whole number from {low} to {high}.", name)
        return value

    def number(self, name: str, default: float, low: float, high: float) -> float:
        """Return a finite number from `low` to `high`."""
        if not self._has(name):
            return default
        value = self.values[name]
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not is_number or not math.isfinite(value) or not low <= value <= high:
            raise bad_request(f"'{name}' must be a number from {low:g} to {high:g}.", name)
        return float(value)

    def flag(self, name: str) -> bool:
        """Return true or false."""
        value = self.values[name] if self._has(name) else False
        if not isinstance(value, bool):
            raise bad_request(f"'{name}' must be true or false.", name)
        return value

    def _has(self, name: str) -> bool:
        return self.values.get(name) is not None

    def _checked_text(self, name: str, value: Any, longest: int) -> str:
        if not isinstance(value, str):
            raise bad_request(f"'{name}' must be text; lists of token numbers are not supported.", name)
        if len(value) > longest:
            raise bad_request(f"'{name}' has at most {longest:,} characters, not {len(value):,}.", name)
        return value
