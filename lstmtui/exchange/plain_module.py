"""A recurrent language model in plain PyTorch, as `lstmtui export RUN --to torch` writes it.

model = load("diary-torch")
logits, states = model(tokens)  # tokens (B, T), logits (B, T, V); pass `states` to the next call to go on
"""

import json
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import nn
from torch.nn import functional

OF_TORCH = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}
GATES = {"peephole": 4, "coupled": 3, "slstm": 4, "mingru": 2}
MEMORIES = {"peephole": 1, "coupled": 1, "slstm": 3, "mingru": 0}


def step(cell, a, p, h, memories):
    """Return h and the memories after one step; a (B, GH) is the sum of both products, with their biases."""
    if cell == "mingru":
        z, n = a
        return h + torch.sigmoid(z) * (n - h), ()
    if cell == "slstm":
        (i, f, z, o), (c, n, m) = a, memories
        kept = functional.logsigmoid(f) + m
        m = torch.where((n == 0) | (i > kept), i, kept)
        i, f = torch.exp(i - m), torch.exp((kept - m).clamp(max=0))
        c, n = f * c + i * torch.tanh(z), f * n + i
        return torch.sigmoid(o) * c / n, (c, n, m)
    (c,) = memories
    if cell == "coupled":
        i, g, o = a
        c = c + torch.sigmoid(i) * (torch.tanh(g) - c)
    else:  # peephole
        i, f, g, o = a
        c = torch.sigmoid(f + p[1] * c) * c + torch.sigmoid(i + p[0] * c) * torch.tanh(g)
        o = o + p[2] * c
    return torch.sigmoid(o) * torch.tanh(c), (c,)


class Layers(nn.Module):
    """The recurrent layers of a cell that torch.nn does not have, used like nn.LSTM with batch_first."""

    def __init__(self, cell, D, H, L):
        super().__init__()
        self.cell, self.H, self.L, G = cell, H, L, GATES[cell]
        for k in range(L):
            shapes = {"weight_ih": (G * H, H if k else D), "bias_ih": (G * H,)}
            if cell != "mingru":
                shapes |= {"weight_hh": (G * H, H), "bias_hh": (G * H,)}
            if cell == "peephole":
                shapes["peephole"] = (3, H)
            for name, shape in shapes.items():
                self.register_parameter(f"{name}_l{k}", nn.Parameter(torch.empty(shape).uniform_(-0.1, 0.1)))

    def forward(self, x, states=None):
        if states is None:  # h, then the memories, of each layer
            states = [[x.new_zeros(len(x), self.H)] * (1 + MEMORIES[self.cell])] * self.L
        after = []
        for k, (h, *memories) in enumerate(states):
            names = ("weight_ih", "bias_ih", "weight_hh", "bias_hh", "peephole")
            W_ih, b_ih, W_hh, b_hh, p = (getattr(self, f"{name}_l{k}", None) for name in names)
            outputs = []
            for a in functional.linear(x, W_ih, b_ih).unbind(1):
                if W_hh is not None:
                    a = a + functional.linear(h, W_hh, b_hh)
                h, memories = step(self.cell, a.chunk(GATES[self.cell], -1), p, h, memories)
                outputs.append(h)
            x = torch.stack(outputs, 1)
            after.append([h, *memories])
        return x, after


class LanguageModel(nn.Module):
    """Embedding, recurrent layers, and a linear layer that gives the logits of the next token."""

    def __init__(self, config):
        super().__init__()
        names = ("cell", "vocab_size", "embedding_size", "hidden_size", "num_layers")
        cell, V, D, H, L = (config[name] for name in names)
        self.embedding = nn.Embedding(V, D)
        self.rnn = OF_TORCH[cell](D, H, L, batch_first=True) if cell in OF_TORCH else Layers(cell, D, H, L)
        self.head = nn.Linear(H, V)
        if config["tie_word_embeddings"]:
            self.head.weight = self.embedding.weight

    def forward(self, tokens, states=None):
        outputs, states = self.rnn(self.embedding(tokens), states)
        return self.head(outputs), states


def load(folder):
    """Return the network in a folder with config.json and model.safetensors."""
    model = LanguageModel(json.loads(Path(folder, "config.json").read_text()))
    model.load_state_dict(load_file(str(Path(folder, "model.safetensors"))))
    return model.eval()
