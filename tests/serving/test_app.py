from __future__ import annotations

import http.client
import json
import threading
from typing import Any

import pytest
from support.served import TOKEN, Served


def request(
    served: Served, method: str, path: str, body: dict[str, Any] | None = None, **headers: str
) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=10)
    try:
        data = None if body is None else json.dumps(body).encode()
        connection.request(method, path, data, {"Authorization": f"Bearer {TOKEN}", **headers})
        answer = connection.getresponse()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
    finally:
        connection.close()


def posted(served: Served, path: str = "/v1/completions", **body: Any) -> tuple[int, dict[str, Any]]:
    status, _, data = request(served, "POST", path, body)
    return status, json.loads(data)


def events(data: bytes) -> list[Any]:
    found = [event.removeprefix("data: ") for event in data.decode().split("\n\n") if event]
    assert found[-1] == "[DONE]"
    return [json.loads(event) for event in found[:-1]]


def test_health_and_models_name_the_run(served):
    status, headers, data = request(served, "GET", "/health")
    assert status == 200
    assert headers["content-type"] == "application/json"
    assert json.loads(data) == {"status": "ok", "model": "diary", "step": 7, "texts": 0}
    listed = json.loads(request(served, "GET", "/v1/models")[2])
    assert [model["id"] for model in listed["data"]] == ["diary"]
    assert json.loads(request(served, "GET", "/v1/models/diary")[2])["id"] == "diary"
    assert request(served, "GET", "/v1/models/other")[0] == 404


def test_a_text_has_as_many_tokens_as_were_asked_for(served):
    status, answer = posted(served, model="diary", prompt="once upon", max_tokens=5, seed=3)
    assert status == 200
    assert answer["object"] == "text_completion"
    assert answer["choices"] == [
        {"text": "the cat sat on the ", "index": 0, "logprobs": None, "finish_reason": "length"}
    ]
    assert answer["usage"] == {"prompt_tokens": 2, "completion_tokens": 5, "total_tokens": 7}
    assert served.until(lambda: not served.model.open)


def test_texts_of_one_request_have_seeds_and_numbers_of_their_own(served):
    served.model.asked.clear()
    _, answer = posted(served, prompt=["one", "two"], n=2, max_tokens=2, seed=3)
    assert [choice["index"] for choice in answer["choices"]] == [0, 1, 2, 3]
    begun = [details for op, details in served.model.asked if op == "generate"]
    assert [(each["prompt"], each["seed"]) for each in begun] == [("one", 3), ("one", 4), ("two", 3), ("two", 4)]


def test_a_stream_is_the_same_text_in_events(served):
    wanted = {"prompt": "once", "max_tokens": 20, "stream": True, "stream_options": {"include_usage": True}}
    status, headers, data = request(served, "POST", "/v1/completions", wanted)
    assert status == 200
    assert headers["content-type"].startswith("text/event-stream")
    *parts, usage = events(data)
    whole = posted(served, prompt="once", max_tokens=20)[1]["choices"][0]["text"]
    assert "".join(part["choices"][0]["text"] for part in parts) == whole
    assert [part["choices"][0]["finish_reason"] for part in parts][-1] == "length"
    assert len(parts) > 2
    assert usage["choices"] == []
    assert usage["usage"]["completion_tokens"] == 20


def test_an_error_in_a_stream_is_an_event(served):
    data = request(served, "POST", "/v1/completions", {"prompt": "explode", "stream": True})[2]
    assert events(data)[0]["error"]["message"] == "The prompt explodes."


def test_ranked_words(served):
    status, answer = posted(served, "/complete", text="I am", k=2)
    assert status == 200
    assert [each["text"] for each in answer["candidates"]] == ["m0", "m1"]
    assert posted(served, "/complete", k=2)[0] == 400


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        ({"prompt": [1, 2]}, 400, "token numbers"),
        ({"prompt": "a", "model": "gpt"}, 404, "this is 'diary'"),
        ({"prompt": "explode"}, 400, "explodes"),
        ({"prompt": "a", "best_of": 3}, 400, "not supported"),
    ],
)
def test_what_cannot_be_answered_is_an_error_of_one_sentence(served, body, status, words):
    found, answer = posted(served, **body)
    assert found == status
    assert words in answer["error"]["message"]
    assert answer["error"]["type"] == "invalid_request_error"


def test_addresses_and_methods_that_do_not_exist(served):
    assert request(served, "GET", "/v2")[0] == 404
    status, _, data = request(served, "GET", "/complete")
    assert status == 405
    assert "POST" in json.loads(data)["error"]["message"]


def test_a_failure_inside_is_told_without_the_text(served):
    served.notices.clear()
    status, answer = posted(served, prompt="wrong")
    assert status == 500
    assert "secret" not in json.dumps(answer)
    assert served.until(lambda: served.notices)  # the answer is sent before it is told
    assert served.notices == ["A request failed inside lstmtui (ValueError)."]


def test_streams_take_turns(slow):
    order: list[str] = []

    def stream(name: str, tokens: int) -> None:
        posted(slow, prompt=name, max_tokens=tokens)
        order.append(name)

    threads = [threading.Thread(target=stream, args=pair) for pair in (("long", 200), ("short", 8))]
    threads[0].start()
    assert slow.until(lambda: slow.model.open)
    threads[1].start()
    for thread in threads:
        thread.join(10)
    assert order == ["short", "long"]


@pytest.mark.parametrize("stream", [True, False])
def test_a_client_that_goes_away_ends_its_text(slow, stream):
    connection = http.client.HTTPConnection("127.0.0.1", slow.port, timeout=10)
    body = json.dumps({"prompt": "once", "max_tokens": 4096, "stream": stream})
    connection.request("POST", "/v1/completions", body, {"Authorization": f"Bearer {TOKEN}"})
    assert slow.until(lambda: slow.model.open)
    connection.sock.close()
    assert slow.until(lambda: not slow.model.open and slow.queue.texts == 0)
    assert slow.notices == []


def test_too_many_texts_are_told_to_come_again(slow, monkeypatch):
    monkeypatch.setattr("lstmtui.serving.model_queue.MAX_TEXTS", 2)
    status, headers, _ = request(slow, "POST", "/v1/completions", {"prompt": "a", "n": 3})
    assert (status, headers["retry-after"]) == (429, "1")
    assert posted(slow, prompt="a", n=2)[0] == 200


def test_the_server_ends_when_the_model_does():
    from support.fake_text_model import FakeTextModel

    with Served(FakeTextModel()) as served:
        status, answer = posted(served, prompt="die")
        assert status == 503
        assert answer["error"]["type"] == "server_error"
        served._thread.join(5)
        assert not served._thread.is_alive()
