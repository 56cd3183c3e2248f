"""The operations of a captioner: answers, pictures that cannot be read, and requests that it refuses."""

import base64

import pytest
from support.caption_run import SPLITS, create
from support.in_process import train
from support.pictures import caption_table

from lstmtui.engine.inference.loaded_captioner import load
from lstmtui.engine.services.caption import MAX_PICTURES, Service
from lstmtui.errors import UsageError
from lstmtui.protocol import MAX_BEAM


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("captions")


@pytest.fixture(scope="module")
def service(folder):
    run = create(folder, steps=4, eval_every=2)
    train(run)
    return Service(load(run))


def test_answers_hold_text_scores_tokens_attention_and_pixels(service, folder):
    files = [str(folder / "images/left-red.png"), str(folder / "none.png"), str(folder / "images/left-green.png")]
    (answer,) = service.answers({"files": files, "nbest": 2, "pixels": True})
    first, missing, last = answer["pictures"]
    assert set(first["captions"][0]) == {"text", "score", "log_probability", "tokens", "attention"}
    assert len(first["captions"]) == len(last["captions"]) == 2
    assert len(base64.b64decode(first["pixels"])) == 16 * 16 * 3
    assert missing == {"file": files[1], "error": f"The picture {files[1]} is missing."}
    assert service.about() == {"ready": True, "side": 16, "rows": 2, "columns": 2}


def test_pictures_for_the_test_are_evaluated(service, folder):
    *progress, result = service.answers({"op": "evaluate", "files": [str(caption_table(folder, SPLITS))]})
    assert progress[-1] == {"progress": 1.0}
    assert result["pictures"] == 2
    assert all(0 <= result[name] <= 1 for name in ("exact", "f1", "concept_f1"))
    assert result["concepts"] == 2
    assert 0 <= result["bleu"] <= 100
    assert "case:lc" in result["bleu_signature"]
    assert "Of 16 pictures, the 2 for the test are evaluated (column split)." in result["notes"]
    assert all(set(example) == {"picture", "caption", "reference"} for example in result["examples"])


@pytest.mark.parametrize(
    "request_",
    [
        {"files": ["a"], "beam": 0},
        {"files": ["a"], "beam": MAX_BEAM + 1},
        {"files": ["a"], "beam": 2, "nbest": 3},
        {"files": ["a"], "alpha": -1},
        {"files": ["a"], "max_length": 0},
        {"files": ["a"] * (MAX_PICTURES + 1)},
        {"files": "a"},
        {},
        {"op": "evaluate", "files": ["/nowhere"]},
    ],
    ids=[
        "no beam",
        "wide beam",
        "more best than beam",
        "negative alpha",
        "no length",
        "too many pictures",
        "no list",
        "nothing",
        "no table",
    ],
)
def test_refused_requests(service, request_):
    with pytest.raises(UsageError):
        list(service.answers(request_))


def test_a_captioner_of_features_reads_no_pictures(service):
    with pytest.raises(UsageError, match="--features"):
        list(Service(service._captioner, reads_pixels=False).answers({"files": ["a.png"]}))
