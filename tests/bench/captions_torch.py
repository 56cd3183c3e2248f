"""The caption model of lstmtui in PyTorch, and a convolutional encoder in its place, for `alternating`. Needs the
`bench` extra."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from alternating import Step
from captions_ours import GRID, PATCH, VECTOR, random_batch
from torch import nn
from translation_ours import SMOOTHING
from translation_torch import TwoStoreys, beam_search

F = torch.nn.functional


class Captions(TwoStoreys):
    """Patches, recurrences over rows and columns, and the decoder of translation."""

    def __init__(self, cell: str, sizes: Sequence[int]) -> None:
        super().__init__(cell, sizes)
        _, E, H = sizes
        self.patches, self.positions = nn.Linear(VECTOR, E), nn.Parameter(0.1 * torch.randn(GRID.positions, 1, E))
        self.encoder, self.columns = self.layer(E, H, bidirectional=True), self.layer(2 * H, H, bidirectional=True)

    def encode(self, source: Any, lengths: Any, *, packed: bool = False) -> tuple[Any, ...]:
        """Return what the decoder reads of patches (S, B, D)."""
        (R, C), B = GRID, source.shape[1]
        placed = (self.patches(source) + self.positions).view(R, C, B, -1)
        rows = self.encoder(placed.transpose(0, 1).reshape(C, R * B, -1))[0].view(C, R, B, -1)
        columns = self.columns(rows.transpose(0, 1).reshape(R, C * B, -1))[0]
        return self.read(columns.view(R * C, B, -1), lengths)


class Convolutions(TwoStoreys):
    """Three convolutions that halve a picture of 64 pixels, and the decoder of translation."""

    def __init__(self, cell: str, sizes: Sequence[int]) -> None:
        super().__init__(cell, sizes)
        widths = (3, 32, 64, 128)
        self.encoder = nn.Sequential(
            *(
                layer
                for n in range(3)
                for layer in (
                    nn.Conv2d(widths[n], widths[n + 1], 3, stride=2, padding=1),
                    nn.BatchNorm2d(widths[n + 1]),
                    nn.ReLU(),
                )
            ),
            nn.Conv2d(128, 2 * self.hidden, 3, padding=1),
            nn.Tanh(),
        )

    def encode(self, source: Any, lengths: Any, *, packed: bool = False) -> tuple[Any, ...]:
        """Return what the decoder reads of the pixels of patches (S, B, D), put together to pictures."""
        (R, C), B = GRID, source.shape[1]
        pixels = source[..., : 3 * PATCH**2].reshape(R, C, B, PATCH, PATCH, 3)
        pictures = pixels.permute(2, 5, 0, 3, 1, 4).reshape(B, 3, R * PATCH, C * PATCH)
        return self.read(self.encoder(pictures).flatten(2).permute(2, 0, 1), lengths)


MODELS = {"rows and columns": Captions, "convolutions": Convolutions}


def training_step(
    kind: str, cell: str, sizes: Sequence[int], shape: Sequence[int], threads: int, precision: str
) -> Step:
    """Return a training step on one batch of `shape` (B, T), from the patches to updated weights."""
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    batch, model = random_batch(*shape, sizes[0]), MODELS[kind](cell, sizes)
    vectors, lengths = torch.tensor(batch.vectors), torch.full((shape[0],), GRID.positions)
    inputs, targets = torch.tensor(batch.inputs).long(), torch.tensor(batch.targets).long()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, fused=True)

    def step() -> None:
        optimizer.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16"):
            logits = model(vectors, lengths, inputs).flatten(0, 1)
            loss = F.cross_entropy(logits, targets.flatten(), label_smoothing=SMOOTHING)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()

    return step


def captioning(cell: str, sizes: Sequence[int], beam: int, steps: int, threads: int, precision: str) -> Step:
    """Return what searches the best caption, of `steps` tokens, of one picture."""
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    model, vectors = Captions(cell, sizes), torch.tensor(random_batch(1, steps, sizes[0]).vectors)
    lengths = torch.tensor([GRID.positions])

    @torch.inference_mode()
    def step() -> None:
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16"):
            beam_search(model, vectors, lengths, beam, steps)

    return step
