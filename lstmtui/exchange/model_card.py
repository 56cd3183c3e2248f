"""The README.md of a folder for Hugging Face."""

from __future__ import annotations

from lstmtui.config import CELLS
from lstmtui.exchange.exported_model import ExportedModel

FIGURES = {"nll": "nats per token", "perplexity": "perplexity", "bits_per_char": "bits per character"}
CARD = """---
tags: [lstmtui, recurrent, {cell}]
pipeline_tag: text-generation
---
# {name}

A language model with recurrent layers ({title}), trained with lstmtui.

| | |
|---|---|
| cell | {cell}: {citation} |
| layers | {layers} of {hidden} units |
| embedding | {embedding}{tied} |
| tokens | {tokens}, {vocabulary:,} of them |
| parameters | {parameters:,} |
| step | {step:,} |
{figures}
What the network has memorised of its training text stays in its weights.

## With lstmtui

    lstmtui import FOLDER --name {name}
    lstmtui sample {name}

## With PyTorch

`model.py` is a plain module; it needs `torch`, `safetensors` and `tokenizers`.

```python
import torch
from tokenizers import Tokenizer
from model import load

model, tokenizer = load("."), Tokenizer.from_file("tokenizer.json")
ids, states = tokenizer.encode("The ").ids, None
with torch.no_grad():
    for _ in range(100):
        logits, states = model(torch.tensor([ids if states is None else ids[-1:]]), states)
        ids.append(torch.multinomial(logits[0, -1].div(0.8).softmax(0), 1).item())
print(tokenizer.decode(ids))
```
"""


def model_card(model: ExportedModel) -> str:
    """Return the card of a model: what it is, how well it predicts, how it is used."""
    shape, cell = model.shape, CELLS[model.shape.cell]
    figures = [
        f"| validation | {model.figures[name]:.4g} {unit} |" for name, unit in FIGURES.items() if name in model.figures
    ]
    return CARD.format(
        name=model.name, cell=cell.name, title=cell.title, citation=cell.citation, layers=shape.layers,
        hidden=shape.hidden, embedding=shape.embedding, tied=", shared with the softmax" if shape.tied else "",
        tokens=model.tokenizer.kind, vocabulary=shape.vocabulary, step=model.step,
        parameters=sum(weight.size for weight in model.weights.values()),
        figures="".join(f"{line}\n" for line in figures),
    )  # fmt: skip
