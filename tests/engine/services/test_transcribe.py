"""The operations that transcribe, evaluate and listen: answers, and requests that they refuse."""

import base64

import numpy as np
import pytest
from support.in_process import train
from support.recordings import write_wav
from support.speech_run import RATE, create, spoken

from lstmtui.engine.inference.loaded_recogniser import load
from lstmtui.engine.services.transcribe import Service
from lstmtui.errors import UsageError


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    run = create(tmp_path_factory.mktemp("runs"), steps=100, eval_every=100)
    train(run)
    return run


@pytest.fixture
def service(run):
    return Service(load(run))


def test_a_recording_is_transcribed_piece_by_piece(service, tmp_path):
    path = write_wav(tmp_path / "a.wav", np.concatenate([spoken("ab cab    ", n) for n in range(5)]))
    *interim, last = service.answers({"file": str(path)})
    assert last["seconds"] == pytest.approx(path.stat().st_size / 2 / RATE, abs=0.05)
    (segment, *_) = interim[0]["segments"]
    assert set(segment) == {"start", "end", "text", "words"}
    assert set(segment["words"][0]) == {"text", "start", "end", "confidence"}
    parts = [answer["progress"] for answer in interim]
    assert parts == sorted(parts)
    assert 0 < parts[0] <= parts[-1] <= 1


def test_recordings_are_evaluated(service, run, tmp_path):
    table = run.path.parent / "recordings.tsv"
    *progress, result = service.answers({"op": "evaluate", "files": [str(table)]})
    assert progress[-1] == {"progress": 1.0}
    assert result["recordings"] == len(progress) == 48
    assert 0 <= result["cer"] <= result["wer"] * 2
    assert result["speakers"] == {}
    assert all(example["reference"] != example["transcript"] for example in result["examples"])
    (tmp_path / "a.tsv").write_text("file\ttext\tspeaker\nno.wav\ta\tx\n")
    with pytest.raises(UsageError, match="no recording to evaluate"):
        list(service.answers({"op": "evaluate", "files": [str(tmp_path / "a.tsv")]}))


def test_a_stream_is_heard(service):
    def of(samples, **more):
        data = base64.b64encode((samples * 32767).astype("<i2").tobytes()).decode()
        (answer,) = service.answers({"op": "hear", "samples": data, **more})
        return answer

    assert list(service.answers({"op": "listen", "rate": RATE})) == [{"listening": True}]
    answer = of(spoken("cab"), details=True)
    about = service.about()
    assert answer["segments"] == []
    assert len(base64.b64decode(answer["frames"])) % about["mel"] == 0
    assert len(base64.b64decode(answer["posteriors"])) % len(about["labels"]) == 0
    (last,) = service.answers({"op": "finish"})
    assert "frames" not in last
    with pytest.raises(UsageError, match="No stream"):
        of(spoken("a"))


@pytest.mark.parametrize(
    "request_",
    [
        {"file": "a.wav", "beam": 0},
        {"file": "a.wav", "beam": 1000},
        {"file": "a.wav", "weight": -1},
        {"file": "none.wav"},
        {"op": "listen", "rate": 10},
        {"op": "finish"},
        {"op": "evaluate", "files": ["none"]},
        {},
    ],
)
def test_requests_that_cannot_be_answered_raise_in_a_sentence(service, request_):
    with pytest.raises(UsageError) as raised:
        list(service.answers(request_))
    assert str(raised.value).endswith((".", ")."))


def test_damaged_samples_are_refused(service):
    list(service.answers({"op": "listen", "rate": RATE}))
    for samples in ("$$", base64.b64encode(b"abc").decode()):
        with pytest.raises(UsageError, match="base64"):
            list(service.answers({"op": "hear", "samples": samples}))
