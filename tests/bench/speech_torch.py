"""The speech model of lstmtui in PyTorch, for `alternating`: linear, nn.LSTM or nn.GRU, nn.CTCLoss.

Needs the `bench` extra.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from alternating import Step
from speech_ours import DROPOUT, random_batch
from torch import nn

PACKED, PADDED = "packed", "padded"
"""How sequences of unlike length are read: exactly, or with what stands behind their ends, which may be faster."""


class Recogniser(nn.Module):
    """The layers of `SpeechModel` in both directions."""

    def __init__(self, cell: str, sizes: Sequence[int], form: str) -> None:
        """`sizes` are D, E, H, L and V."""
        super().__init__()
        D, E, H, L, V = sizes
        self.form, self.input = form, nn.Linear(D, E)
        layer = {"gru": nn.GRU, "lstm": nn.LSTM}[cell]
        self.recurrent = layer(E, H, L, bidirectional=True, dropout=DROPOUT if L > 1 else 0.0)
        self.dropout, self.output = nn.Dropout(DROPOUT), nn.Linear(2 * H, V)

    def forward(self, frames: Any, lengths: Any) -> Any:
        """Return the log probabilities (T, B, V) of frames (T, B, D)."""
        read = torch.tanh(self.input(frames))
        if self.form == PACKED:
            packed = nn.utils.rnn.pack_padded_sequence(read, lengths, enforce_sorted=False)
            above, _ = nn.utils.rnn.pad_packed_sequence(self.recurrent(packed)[0])
        else:
            above, _ = self.recurrent(read)
        return self.output(self.dropout(above)).log_softmax(2)


def training_step(
    cell: str, sizes: Sequence[int], shape: Sequence[int], threads: int, precision: str, form: str
) -> Step:
    """Return a training step on the batch of `speech_ours.training_step`."""
    torch.set_num_threads(threads)
    torch.manual_seed(1)
    model, loss = Recogniser(cell, sizes, form), nn.CTCLoss(reduction="sum", zero_infinity=True)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.01)
    given = [torch.from_numpy(array) for array in random_batch(shape, sizes[0], sizes[-1])]
    frames, lengths, labels, label_lengths = given[0], *(each.long() for each in given[1:])

    def step() -> float:
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16"):
            log_p = model(frames, lengths)
        total = loss(log_p.float(), labels, lengths, label_lengths) / label_lengths.sum()
        total.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        return float(total.detach())

    return step
