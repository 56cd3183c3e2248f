"""Folders with graphs of translation, captions and speech: their scripts write what the engine's greedy search does."""

from __future__ import annotations

import importlib.util
import json
import re

import numpy as np
import pytest
from PIL import Image
from support import exported_sequences
from support.recordings import write_wav
from support.speech_run import spoken

from lstmtui.data.pairs import Tokenizers
from lstmtui.data.picture_augmentation import prepare
from lstmtui.data.pictures import read_picture
from lstmtui.engine.inference import beam_search, ctc_search
from lstmtui.engine.inference.captioner import Captioner
from lstmtui.engine.inference.transcriber import Transcriber
from lstmtui.engine.inference.translator import Translator
from lstmtui.exchange.sequence_folder import script, write_sequence_model

GREEDY = beam_search.SearchOptions(beam=1)
COMPUTE = exported_sequences.COMPUTE


def module(path):
    """Return the script in a folder as a module."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


@pytest.mark.parametrize("tokens", ["words", "bpe"])
def test_lines_are_translated_as_by_greedy_search(tmp_path, tokens):
    model, sizes, weights = exported_sequences.translation(tokens=tokens)
    write_sequence_model(tmp_path, model, "onnx")
    translator = Translator(sizes, weights, Tokenizers(model.source, model.target), COMPUTE)
    lines = ["a dog runs", " a cat ", "cat"]
    found = translator.translate(lines, GREEDY, replace_unknown=False)
    exported = module(tmp_path / "translate.py").Translator(tmp_path)
    assert [exported.translate(line) for line in lines] == [best.text for (best,) in found]
    assert len({best.text for (best,) in found}) > 1


@pytest.mark.parametrize(("size", "patch", "edges"), [((8, 8), 4, 0), ((30, 11), 4, 9), ((7, 20), 3, 5)])
def test_a_picture_becomes_the_same_vectors_and_the_same_caption(tmp_path, monkeypatch, size, patch, edges):
    model, sizes, weights = exported_sequences.captions(
        side=9 if patch == 3 else 8, patch=patch, edges=edges, vectors=9 if patch == 3 else 4
    )
    write_sequence_model(tmp_path, model, "onnx")
    assert (tmp_path / "picture_edges.py").exists() == (edges > 0)
    monkeypatch.syspath_prepend(tmp_path)  # as of a script that is run
    pixels = np.random.default_rng(1).integers(0, 256, (*size, 4), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    captions, used = module(tmp_path / "caption.py"), model.settings.pictures
    exported = captions.Captioner(tmp_path)
    expected = prepare(read_picture(tmp_path / "a.png", used.side).pixels, used)
    vectors = captions.vectors(tmp_path / "a.png", exported.about)
    np.testing.assert_allclose(vectors, expected, atol=1e-5)
    ((best,),) = Captioner(used, sizes, weights, model.target, COMPUTE, longest=4).caption([expected], GREEDY)
    assert exported.caption(vectors) == best.text


@pytest.mark.parametrize("directions", ["both", "forward"])
def test_a_recording_is_heard_as_by_greedy_search(tmp_path, directions):
    model, sizes, weights = exported_sequences.speech(directions=directions)
    write_sequence_model(tmp_path, model, "onnx")
    samples = spoken("ab c")
    path = write_wav(tmp_path / "a.wav", samples)
    used = Transcriber(
        model.settings.speech, sizes, weights, model.target, COMPUTE, statistics=model.statistics, longest=30.0
    )
    heard = " ".join(part.text for part in used.transcribe(path, ctc_search.SearchOptions(beam=1)))
    assert len(heard) > 1
    transcripts = module(tmp_path / "transcribe.py")
    samples, _ = transcripts.soundfile.read(path, dtype="float32")
    assert transcripts.Transcriber(tmp_path).transcribe(samples) == heard


def test_without_statistics_of_the_training_recordings_the_utterance_alone_counts(tmp_path):
    from lstmtui.data.augmentation import prepare as prepare_frames
    from lstmtui.exchange.plain_transcriber import network_input
    from lstmtui.exchange.sequence_folder import features_json

    model, *_ = exported_sequences.speech()
    frames = np.random.default_rng(1).normal(size=(7, 12)).astype(np.float32)
    object.__setattr__(model, "statistics", None)
    expected = prepare_frames(frames, model.settings.speech, None, None)
    np.testing.assert_allclose(network_input(frames, features_json(model)), expected, atol=1e-5)


@pytest.mark.parametrize("purpose", ["translation", "captions", "speech"])
def test_the_readme_names_every_file_and_shows_the_script(tmp_path, purpose):
    model, *_ = getattr(exported_sequences, purpose)()
    write_sequence_model(tmp_path, model, "onnx")
    text = (tmp_path / "README.md").read_text()
    for path in tmp_path.iterdir():
        assert f"`{path.name}`" in text or path.name in ("README.md", "config.json"), path.name
    assert re.findall(r"```python\n(.*?)```", text, re.DOTALL) == [script(purpose)]
    assert "/home/somebody" not in (tmp_path / "config.json").read_text()
    about = json.loads((tmp_path / "config.json").read_text())
    assert (about["purpose"], about["lstmtui"]["step"]) == (purpose, 7)


def test_vectors_of_another_network_are_named_as_such(tmp_path):
    model, *_ = exported_sequences.captions(features="/home/somebody/vectors.npy")
    write_sequence_model(tmp_path, model, "onnx")
    assert "another network" in (tmp_path / "README.md").read_text()
    assert "/home/somebody" not in (tmp_path / "config.json").read_text()


def test_a_folder_for_pytorch_has_weights_and_no_script(tmp_path):
    write_sequence_model(tmp_path, exported_sequences.captions().model, "torch")
    assert {path.name for path in tmp_path.iterdir()} == {"config.json", "model.safetensors", "tokenizer.json"}
