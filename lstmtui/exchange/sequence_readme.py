"""The README.md of a folder with a translation, caption or speech model in ONNX."""

from __future__ import annotations

from lstmtui.config import CELLS, RunSettings
from lstmtui.data.picture_augmentation import INK_OF_BLACK
from lstmtui.exchange.exported_sequence import ExportedSequenceModel

EDGES = "picture_edges.py"
"""The module of `lstmtui.data` that is copied beside a script that needs it."""
HEAD = """# {name}

{what}, trained with lstmtui.

| | |
|---|---|
| cell | {cell}: {title}; {citation} |
| layers | {layers} of {hidden} units{directions} |
| parameters | {parameters:,} |
| step | {step:,} |
{figures}
What the network has memorised of its training examples stays in its weights.
"""
CARD = """---
tags: [lstmtui, recurrent, {cell}]
pipeline_tag: {tag}
---
{head}
## With lstmtui

    lstmtui import FOLDER --name {name}
    lstmtui {use}

## Weights

`model.safetensors` has them under the names of lstmtui. `W_ih`, `W_hh` and `b` of a recurrent layer are `weight_ih`,
`weight_hh` and the sum of the biases of `nn.LSTM`, `nn.GRU` or `nn.RNN`, gates in PyTorch's order; `unit` has the
peepholes of input, forget and output gate, or what the reset gate of a GRU scales of its bias. The manual page
*Architecture* of lstmtui says which part computes what.

| name | shape |
|---|---|
{tensors}
"""
README = """{head}
## Files

{files}
All numbers are float32.{states}

## In Python

It needs {packages}:

```python
{script}```
"""

TRANSLATION = """- `encoder.onnx`: `tokens` (batch, source) int64 and `lengths` (batch) int64 go in. A sentence is its
  tokens, then `source_end` of `config.json`; what stands behind its length is not read. `memory` (batch, source,
  {memory}), `keys`, `mask` and the decoder's states come out, all of which go into the decoder as they are.
- `decoder.onnx`: `token` (batch) int64, at first `target_end`, then the token that was chosen. `log_probabilities`
  (batch, {vocabulary:,}), `attention` (batch, source) and the states after the token ({after}) come out.
- `tokenizer_source.json`, `tokenizer_target.json`: of the `tokenizers` library.
- `translate.py`: what is shown below. lstmtui itself searches with a beam, and writes the source word that has most of
  the attention in place of an unknown one.
"""
CAPTIONS = """- `encoder.onnx`: `vectors` (batch, {positions}, {vector}) go in: {vectors}.
  `memory` (batch, {positions}, {memory}), `keys`, `mask` and the decoder's states come out, all of which go into the
  decoder as they are.
- `decoder.onnx`: `token` (batch) int64, at first `end` of `config.json`, then the token that was chosen.
  `log_probabilities` (batch, {vocabulary:,}), `attention` (batch, {positions}) and the states after the token ({after})
  come out.
- `tokenizer.json`: of the `tokenizers` library.
- `caption.py`: what is shown below. lstmtui itself searches with a beam.
"""
OF_EDGES = """;
  behind the pixels of a patch stand its edges in {edges} directions, see `picture_edges.py`"""
OF_PIXELS = """{rows} x {columns} patches of {patch} x {patch} pixels in three colours, row by row. A picture is
  scaled to fit a square of {side} pixels, stands in the middle of white paper, and is read as ink: 0 for white,
  {ink:g} for black"""
OF_A_NETWORK = """the vectors of a picture that another network has made, as in the file that the run was trained
  with (`--features`); the script below takes them as a file .npy of one picture"""
SPEECH = """- `model.onnx`: `features` (time, batch, {inputs}) and `lengths` (batch) int64 go in, `log_probabilities`
  (time, batch, {labels:,}) come out. Label 0 is the blank, label n + 1 is token n. {streaming}
- `features.json`: how a recording becomes features. Log-mel frames of `length_ms` every `shift_ms`, the mean taken off,
  `preemphasis`, Povey's window, power spectrum, `mel` triangles from 20 Hz to half the `sample_rate`, natural logarithm
  of 1.2e-7 at least (kaldi-native-fbank, without dither and with `snip_edges` off). {normalised}
  No deviation is less than `min_deviation`. `stack` frames make one step; the last frame fills the last step. Labels in
  `banned` are no text.
- `tokenizer.json`: of the `tokenizers` library.
- `transcribe.py`: what is shown below, for recordings as long as those that were trained on. lstmtui itself cuts longer
  ones where they are quiet, and searches with a beam.
"""
STREAMING = """The states ({names}) of a stream are 0 at its start; those
  that come out ({after}) are those after the last frame of each utterance, and go in with the next frames."""
WHOLE = "It reads whole utterances, in both directions."
BY_UTTERANCE = """Each band is normalised to mean 0 and
  deviation 1 with `mean` and `deviation` of the training recordings, which count as `prior_frames` frames beside those
  of the utterance."""
BY_ITSELF = """Each band is normalised to mean 0 and
  deviation 1 by the utterance alone."""
BY_TRAINING = """Each band is normalised with `mean` and
  `deviation` of the training recordings alone, so that a stream can be read as it comes."""
WHAT = {
    "translation": "A translation model with attention and recurrent layers",
    "captions": "A caption model with attention and recurrent layers",
    "speech": "A recogniser of speech with recurrent layers and CTC",
}
TAGS = {"translation": "translation", "captions": "image-to-text", "speech": "automatic-speech-recognition"}
"""What Hugging Face calls it."""
USES = {"translation": "translate {}", "captions": "caption {} PICTURE", "speech": "transcribe {} RECORDING"}
PACKAGES = {
    "translation": "`numpy`, `onnxruntime` and `tokenizers`",
    "captions": "`numpy`, `onnxruntime`, `pillow` and `tokenizers`",
    "speech": "`kaldi-native-fbank`, `numpy`, `onnxruntime`, `soundfile` and `tokenizers`",
}
FIGURES = {
    "nll": "nats per token", "bleu": "BLEU", "chrf": "chrF", "f1": "word F1", "wer": "word error rate",
    "cer": "character error rate",
}  # fmt: skip


def reads_edges(s: RunSettings) -> bool:
    """Return whether a run reads the edges of patches beside their pixels."""
    return s.data.purpose == "captions" and not s.data.features and s.pictures.edges > 0


def readme(model: ExportedSequenceModel, script: str) -> str:
    """Return the README of a model in ONNX, with the script that uses it."""
    takes_states = model.purpose != "speech" or _is_stream(model)
    return README.format(
        head=_head(model), files=_files(model), packages=PACKAGES[model.purpose], script=script,
        states=f" The states are {_names(model)}, each (layers, batch, {model.settings.network.hidden})."
        if takes_states
        else "",
    )  # fmt: skip


def card(model: ExportedSequenceModel) -> str:
    """Return the model card for Hugging Face."""
    tensors = "\n".join(
        f"| `{name}` | {' x '.join(f'{n:,}' for n in weight.shape)} |"
        for name, weight in model.weights.items()
        if weight.size
    )
    return CARD.format(
        head=_head(model), cell=model.cell, tag=TAGS[model.purpose], name=model.name, tensors=tensors,
        use=USES[model.purpose].format(model.name),
    )  # fmt: skip


def _head(model: ExportedSequenceModel) -> str:
    """Return what the model is, and how good."""
    cell, n = CELLS[model.cell], model.settings.network
    figures = [
        f"| validation | {model.figures[name]:.4g} {unit} |" for name, unit in FIGURES.items() if name in model.figures
    ]
    return HEAD.format(
        name=model.name, what=WHAT[model.purpose], title=cell.title, cell=cell.name, citation=cell.citation,
        layers=n.layers, hidden=n.hidden, directions="" if _is_stream(model) else " in each direction",
        parameters=sum(weight.size for weight in model.weights.values()), step=model.step,
        figures="".join(f"{line}\n" for line in figures),
    )  # fmt: skip


def _is_stream(model: ExportedSequenceModel) -> bool:
    return model.purpose == "speech" and model.settings.speech.directions == "forward"


def _names(model: ExportedSequenceModel, suffix: str = "") -> str:
    return ", ".join(f"`{name}{suffix}`" for name in CELLS[model.cell].states)


def _files(model: ExportedSequenceModel) -> str:
    """Return what each file has."""
    s, after = model.settings, _names(model, "_after")
    if model.purpose == "speech":
        is_stream, by_utterance = _is_stream(model), BY_UTTERANCE if model.statistics is not None else BY_ITSELF
        return SPEECH.format(
            inputs=s.speech.inputs, labels=model.target.size + 1,
            streaming=STREAMING.format(names=_names(model), after=after) if is_stream else WHOLE,
            normalised=BY_TRAINING if is_stream else by_utterance,
        )  # fmt: skip
    common = {"memory": 2 * s.network.hidden, "vocabulary": model.target.size, "after": after}
    if model.purpose == "translation":
        return TRANSLATION.format(**common)
    p, (rows, columns) = s.pictures, s.pictures.grid
    vectors = OF_PIXELS.format(rows=rows, columns=columns, patch=p.patch, side=p.side, ink=INK_OF_BLACK)
    if reads_edges(s):
        vectors += OF_EDGES.format(edges=p.edges)
    return CAPTIONS.format(
        positions=p.vectors, vector=p.vector_size, vectors=OF_A_NETWORK if s.data.features else vectors, **common
    )
