"""Exports read by PyTorch, and PyTorch's files read here: python tests/bench/exchange_versus_torch.py

For every cell, the module of `lstmtui export --to torch` is loaded from a folder and compared with the equations in
float64. For nn.RNN, nn.LSTM and nn.GRU a network made by PyTorch is saved, imported and compared the same way. Needs
torch.
"""

from __future__ import annotations

import importlib.util
import os
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from torch import nn

sys.path.insert(0, str(Path(__file__).parents[1]))

from support import exported_models

from lstmtui.config import CELLS
from lstmtui.errors import LstmtuiError
from lstmtui.exchange.model_folder import write_model
from lstmtui.exchange.model_import import read_model
from lstmtui.exchange.state_dict import to_state_dict

TEXT = b"the cat sat on the mat.\na dog ran under a tree.\n" * 4


def exported(cell: str) -> float:
    """Return the largest difference between the logits of the exported module and the equations."""
    model = exported_models.model(cell)
    tokens = model.tokenizer.encode(TEXT)
    expected = exported_models.logits(cell, to_state_dict(model.shape, model.weights), tokens)
    with tempfile.TemporaryDirectory() as folder:
        write_model(Path(folder), model, "torch")
        spec = importlib.util.spec_from_file_location("model", Path(folder, "model.py"))
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        network = module.load(folder)
        with torch.no_grad():
            logits, states = network(torch.from_numpy(tokens[None, :50].astype(np.int64)))
            rest, _ = network(torch.from_numpy(tokens[None, 50:].astype(np.int64)), states)
    return float(np.abs(torch.cat([logits, rest], 1)[0].numpy() - expected).max())


class Theirs(nn.Module):
    """A language model as tutorials have it."""

    def __init__(self, kind: type[nn.Module], V: int = 256, D: int = 12, H: int = 16) -> None:
        super().__init__()
        self.encoder, self.core, self.fc = nn.Embedding(V, D), kind(D, H, 2, batch_first=True), nn.Linear(H, V)

    def forward(self, tokens):
        return self.fc(self.core(self.encoder(tokens))[0])


def imported(kind: type[nn.Module]) -> float:
    """Return the largest difference between the logits of PyTorch's network and of what is imported."""
    torch.manual_seed(1)
    theirs = Theirs(kind)
    tokens = np.frombuffer(TEXT, np.uint8).astype(np.int64)
    with torch.no_grad():
        expected = theirs(torch.from_numpy(tokens[None]))[0].numpy()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "net.pt")
        torch.save({"state_dict": theirs.state_dict(), "epoch": 3}, path)
        model = read_model(path, "theirs")
    found = exported_models.logits(model.shape.cell, to_state_dict(model.shape, model.weights), tokens)
    return float(np.abs(found - expected).max())


class Command:
    """A pickle that writes a file when it is loaded."""

    def __reduce__(self):
        return os.system, ("touch exploded",)


def refused(content: object) -> str:
    """Return the sentence with which a .pt file is refused."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "net.pt")
        torch.save(content, path)
        try:
            read_model(path, "theirs")
        except LstmtuiError as error:
            return str(error).replace(folder, "")
    return "it was read"


if __name__ == "__main__":
    for cell in CELLS:
        print(f"export {cell:9} {exported(cell):.1e}")
    for kind in (nn.RNN, nn.LSTM, nn.GRU):
        print(f"import {kind.__name__:9} {imported(kind):.1e}")
    view = torch.zeros(1).expand(1 << 20, 1 << 20)
    for content in (Command(), {"a": Command()}, [1, 2], {"a": view}, {"a": torch.zeros(2).to_sparse()}):
        print(refused(content))
    print("exploded" if os.path.exists("exploded") else "nothing was run")
