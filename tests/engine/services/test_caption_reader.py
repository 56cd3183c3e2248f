"""Units of a caption run are inspected by the names of its layers, over patches and captions."""

from __future__ import annotations

import numpy as np
import pytest
from support.caption_run import create
from support.in_process import train

from lstmtui.engine.analysis.caption_layers import named_layers
from lstmtui.engine.services.caption_reader import CaptionReader
from lstmtui.engine.services.serve import InspectionService
from lstmtui.errors import UsageError

SWEEPS = [f"{along} 1 {way}" for along in ("rows", "columns") for way in ("forward", "backward")]
NAMES = [*SWEEPS, "decoder 1", "decoder 2"]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    run = create(tmp_path_factory.mktemp("runs"), steps=2, eval_every=2)
    assert train(run) == "finished"
    return run


@pytest.fixture(scope="module")
def reader(run):
    return CaptionReader(run)


@pytest.fixture(scope="module")
def service(reader, run):
    return InspectionService(reader, run)


def ask(service, **request):
    (answer,) = service.answers(request)
    return answer


def test_layers_read_patches_and_captions(service, reader):
    about = ask(service, op="inspect")
    assert about["layer_names"] == NAMES
    assert about["reads"] == [*["picture"] * 4, *["caption"] * 2]
    examples = reader._examples()
    picture, caption = (about["sides"][name] for name in ("picture", "caption"))
    assert len(picture["pieces"]) == 4 * examples.pictures
    assert [piece.count("\n") for piece in picture["pieces"][:4]] == [0, 1, 0, 2]
    assert len(caption["pieces"]) == int(examples.tokens.lengths[examples.first].sum())
    assert caption["bits"][0] is None
    assert about["lines"].splitlines()[0].split("\t")[1] == examples.captions.references[0][0]


def test_values_are_those_of_the_model_at_each_patch(service, reader):
    ask(service, op="inspect")
    pictures = reader._examples().pictures
    (model,) = reader._model._models.values()
    for number, layer in enumerate(named_layers(model)[:4]):
        found = ask(service, op="inspect_unit", layer=number, unit=5)["values"]["z"]
        z = layer.values["z"].reshape(2, 2, model.encoder.B, -1)[:, :, :, 5]  # steps, lines, pictures
        for n, r, c in np.ndindex(pictures, 2, 2):
            step, line = (c, r) if layer.side == "rows" else (r, c)
            value = z[1 - step if layer.is_backward else step, line, n]
            assert found[4 * n + 2 * r + c] == pytest.approx(value, abs=2e-3), layer.name


def test_a_picture_of_a_file_is_read_and_described(service, tmp_path):
    from PIL import Image

    path = tmp_path / "red.png"
    Image.new("RGB", (16, 16), (255, 0, 0)).save(path)
    about = ask(service, op="inspect", text=f"{path}\tred left\n")
    assert [piece.strip() for piece in about["sides"]["caption"]["pieces"]] == ["", "red", "left"]
    assert {piece.strip("\n") for piece in about["sides"]["picture"]["pieces"]} == {"██"}
    assert ask(service, op="inspect", text=str(path))["lines"].startswith(f"{path}\t")
    with pytest.raises(UsageError, match=r"none\.png"):
        ask(service, op="inspect", text=str(tmp_path / "none.png"))


def test_gradients_have_the_names_of_the_layers(service):
    found = ask(service, op="gradients", lags=3)
    assert list(found["layer_names"]) == NAMES
    assert np.shape(found["h"]) == (6, 2)  # two patches are a row
    assert (np.array(found["h"]) > 0).all()


def test_what_is_no_inspection_is_refused(service):
    with pytest.raises(UsageError, match="caption"):
        ask(service, op="complete", text="red")
