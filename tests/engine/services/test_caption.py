"""The operations of a captioner: answers, pictures that cannot be read, and requests that it refuses."""

import base64

import numpy as np
import pytest
from support.caption_run import SPLITS, create
from support.in_process import train
from support.pictures import caption_table, shape_picture, shapes

from lstmtui.data.picture_augmentation import prepare
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


@pytest.fixture
def of_features(service, folder):
    """A captioner that reads vectors in place of pictures: those that the pictures have."""
    captioner = service._captioner
    vectors = [prepare(shape_picture(*shape), captioner.pictures) for shape in shapes()]
    np.save(folder / "f.npy", np.stack(vectors))
    return Service(captioner, features=str(folder / "f.npy"))


def test_a_captioner_of_features_describes_vectors(service, of_features, folder):
    np.save(folder / "one.npy", np.load(folder / "f.npy")[0])
    (answer,) = of_features.answers({"files": [str(folder / "one.npy"), str(folder / "images" / "left-red.png")]})
    first, other = answer["pictures"]
    (of_picture,) = service.answers({"files": [str(folder / "images" / "left-red.png")]})
    assert first["captions"][0]["text"] == of_picture["pictures"][0]["captions"][0]["text"]
    assert first["pixels"] is None
    assert other["error"].endswith("left-red.png cannot be read; give an array of NumPy (.npy).")


def test_a_captioner_of_features_is_evaluated_on_its_own_or_on_others(service, of_features, folder):
    table = str(caption_table(folder, SPLITS))
    results = [
        list(service.answers({"op": "evaluate", "files": [table], **given}))[-1]
        for service, given in (
            (service, {}), (of_features, {}), (of_features, {"features": str(folder / "f.npy")}),
        )
    ]  # fmt: skip
    assert results[0] == results[1] == results[2]
    np.save(folder / "few.npy", np.load(folder / "f.npy")[:9])
    with pytest.raises(UsageError, match="have 9 rows, not one for each of the 16 pictures"):
        list(of_features.answers({"op": "evaluate", "files": [table], "features": str(folder / "few.npy")}))
    with pytest.raises(UsageError, match="leave --features out"):
        list(service.answers({"op": "evaluate", "files": [table], "features": "x"}))
