import json

import pytest

from lstmtui.serving.api_errors import ApiError
from lstmtui.serving.completion_request import MAX_BODY, completion_request, words_request


def parsed(**body):
    return completion_request(json.dumps(body).encode(), "diary")


def test_defaults_are_those_of_openai():
    found = parsed(prompt="a", temperature=None, stop=None, user="me")
    assert (found.prompts, found.max_tokens, found.temperature, found.top_p) == (("a",), 16, 1.0, 1.0)
    assert (found.n, found.seed, found.stop, found.logprobs) == (1, None, (), None)
    assert not any((found.stream, found.echo, found.include_usage))


def test_one_string_stands_for_a_list():
    assert parsed(prompt=["a", "b"], stop="x").prompts == ("a", "b")
    assert parsed(prompt="a", stop="x").stop == ("x",)
    assert parsed(stream_options={"include_usage": True}).include_usage


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("prompt", 5), ("prompt", [[1]]), ("prompt", []), ("prompt", "x" * 20_001), ("prompt", ["a"] * 17),
        ("max_tokens", -1), ("max_tokens", 1.5), ("max_tokens", True), ("max_tokens", 5000), ("max_tokens", "9"),
        ("temperature", 2.1), ("temperature", -0.1), ("temperature", "1"), ("temperature", 1e400),
        ("top_p", 1.1), ("n", 0), ("n", 17), ("seed", 2**70), ("stop", ["a"] * 5), ("stop", ""), ("stop", "x" * 201),
        ("logprobs", 21), ("echo", 1), ("stream", "yes"), ("stream_options", 4), ("suffix", "end"),
        ("logit_bias", {"5": 1}), ("presence_penalty", 0.5), ("nonsense", 1),
    ],
)  # fmt: skip
def test_what_is_out_of_range_is_named(field, value):
    with pytest.raises(ApiError) as refused:
        parsed(**{field: value})
    assert refused.value.status == 400
    assert refused.value.param == field
    assert refused.value.body()["error"]["param"] == field


def test_prompts_times_n_are_limited():
    with pytest.raises(ApiError, match="at most 16 texts"):
        parsed(prompt=["a"] * 5, n=4)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff", b"[" * 9999, b'{"a": 1' + b"0" * MAX_BODY + b"}"])
def test_a_body_that_cannot_be_read_is_refused(body):
    for parse in (words_request, lambda data: completion_request(data, "diary")):
        with pytest.raises(ApiError, match="cannot be read"):
            parse(body)


def test_ranked_words():
    assert words_request(b'{"text": "a", "k": 3, "phrase": true}').k == 3
    for body in (b"{}", b'{"text": 5}', b'{"text": "a", "k": 0}', b'{"text": "a", "more": 1}'):
        with pytest.raises(ApiError):
            words_request(body)
