"""Units of a translation run are inspected by the names of their layers."""

from __future__ import annotations

import base64

import numpy as np
import pytest
from support.in_process import train
from support.translation_run import create

from lstmtui import config
from lstmtui.data.pair_batches import make_batch
from lstmtui.data.pairs import Pairs, encode_pairs
from lstmtui.engine.analysis.translation_layers import named_layers
from lstmtui.engine.services.serve import InspectionService
from lstmtui.engine.services.translation_reader import TranslationReader
from lstmtui.errors import UsageError

NAMES = ["encoder 1 forward", "encoder 1 backward", "decoder 1", "decoder 2"]
TEXT = "alpha beta\tBETA ALPHA\n\ngamma\tGAMMA ALPHA\n"


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    run = create(tmp_path_factory.mktemp("runs"), cell="gru")
    assert train(run) == "finished"
    return run


@pytest.fixture(scope="module")
def reader(run):
    return TranslationReader(run)


@pytest.fixture(scope="module")
def service(reader, run):
    return InspectionService(reader, run)


def ask(service, **request):
    (answer,) = service.answers(request)
    return answer


def test_layers_read_sources_and_targets(service):
    about = ask(service, op="inspect", text=TEXT)
    assert about["layer_names"] == NAMES
    assert about["reads"] == ["source", "source", "target", "target"]
    assert (about["layers"], about["units"], about["cell"], about["cut"]) == (4, 12, "gru", False)
    pieces = {name: [piece.strip(" ") for piece in side["pieces"]] for name, side in about["sides"].items()}
    assert pieces["source"] == ["alpha", "beta", "\n", "gamma", "\n"]
    assert pieces["target"] == ["\n", "BETA", "ALPHA", "\n", "GAMMA", "ALPHA"]
    assert about["pieces"] == about["sides"]["source"]["pieces"]
    assert about["lines"] == "alpha beta\tBETA ALPHA\ngamma\tGAMMA ALPHA\n"


def test_values_and_surprise_are_those_of_the_model_for_each_pair_alone(service, reader):
    about = ask(service, op="inspect", text=TEXT)
    pairs = Pairs(("alpha beta", "gamma"), ("BETA ALPHA", "GAMMA ALPHA"))
    tokens, at = encode_pairs(pairs, reader._tokenizers), {"source": 0, "target": 0}
    bits = about["sides"]["target"]["bits"]
    assert bits[0] is None
    for n in range(2):
        batch = make_batch(tokens, np.array([n]))
        nll = reader._model.evaluate(batch)[:, 0] / np.log(2)
        assert bits[at["target"] + 1 : at["target"] + 3] == pytest.approx(nll[:2].tolist(), abs=2e-3)
        lengths = {"source": len(batch.source), "target": len(batch.inputs)}
        for number, layer in enumerate(named_layers(reader._model.model(batch))):
            z = layer.values["z"][: lengths[layer.side], 0, 5]
            found = ask(service, op="inspect_unit", text=TEXT, layer=number, unit=5)["values"]["z"]
            begin = at[layer.side]
            expected = z[::-1] if layer.name.endswith("backward") else z
            assert found[begin : begin + len(z)] == pytest.approx(expected.tolist(), abs=2e-3)
        for side, length in lengths.items():
            at[side] += length


def test_a_map_has_a_column_for_each_token_of_the_layers_side(service):
    for layer, tokens in ((1, 5), (2, 6)):
        answer = ask(service, op="inspect_units", text=TEXT, layer=layer, part="h")
        assert len(base64.b64decode(answer["map"])) == 12 * tokens
        assert len(answer["token"]) == 12
    assert ask(service, op="inspect_span", text=TEXT, layer=3, part="h", first=1, last=1)["threshold"] > 0


def test_a_source_without_a_target_is_translated(service):
    about = ask(service, op="inspect", text="alpha beta")
    assert about["lines"].startswith("alpha beta\t")
    assert len(about["sides"]["target"]["pieces"]) > 1


def test_without_a_text_validation_pairs_are_read(service, reader):
    about = ask(service, op="inspect")
    assert 0 < len(about["pieces"]) <= 1500
    assert about["lines"].splitlines()[0].split("\t")[0] in reader._validation_pairs().source


def test_gradients_have_the_names_of_the_layers(service):
    found = ask(service, op="gradients", lags=3)
    assert list(found["layer_names"]) == NAMES
    assert np.shape(found["h"])[0] == 4
    assert (np.array(found["h"]) > 0).all()


def test_what_cannot_be_answered_is_refused(service, run, monkeypatch):
    monkeypatch.setattr("lstmtui.engine.services.translation_reader.MAX_TOKENS", 3)
    with pytest.raises(UsageError, match="A line has 5 tokens"):
        ask(service, op="inspect", text="alpha beta gamma delta\tX")
    with pytest.raises(UsageError, match="numbered from 0 to 3"):
        ask(service, op="inspect_unit", text=TEXT, layer=4, unit=0)
    assert config.load(run.config).data.purpose == "translation"
    with pytest.raises(UsageError, match="'lstmtui translate run' translates"):
        ask(service, op="complete", text="alpha")
