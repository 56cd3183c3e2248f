"""A convolutional encoder in PyTorch, trained on the pictures of a caption run with the same decoder and minutes.

    python tests/bench/captions_convolutions.py RUN [--minutes 10] [--threads 2] [--lr 0.003]

RUN is the path of a run of lstmtui for captions, which need not have been trained: its settings name the pictures, the
tokens, the sizes, the batches and how pictures are moved. The learning rate falls along a cosine over the minutes, and
the weights that are evaluated are averages, as in such a run. Captions are searched with a beam of five. Needs the
`bench` extra.
"""

from __future__ import annotations

import argparse
import math
import time
from pathlib import Path
from typing import Any

import torch
from captions_torch import Convolutions
from torch import nn
from translation_torch import _search_until_decided

from lstmtui import config
from lstmtui.config import RunSettings
from lstmtui.data.caption_batches import CaptionBatches
from lstmtui.data.caption_examples import CaptionExamples
from lstmtui.data.pair_batches import IGNORED
from lstmtui.data.pairs import line_end
from lstmtui.engine.tasks.run_captions import CaptionData, load_captions
from lstmtui.reports.caption_scores import CaptionScores, caption_scores
from lstmtui.runs.folder import RunFolder

BEAM, AVERAGED = 5, 0.998


def train(s: RunSettings, data: CaptionData, seconds: float, lr: float) -> tuple[nn.Module, int]:
    """Return the averaged model after so many seconds of steps, and the number of steps."""
    model = Convolutions(s.network.cell, (data.tokenizer.size, s.network.embedding, s.network.hidden))
    with torch.no_grad():  # as in lstmtui: PyTorch's own, of deviation 1, is far too large for a tied softmax
        model.embedding.weight.normal_(0, 0.1)
    averaged = torch.optim.swa_utils.AveragedModel(
        model, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(AVERAGED), use_buffers=True
    )
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr, weight_decay=s.regularisation.weight_decay, fused=True)
    batches = CaptionBatches(data.train, s.pictures, s.length.batch, s.length.batch * s.length.bptt, s.run.seed)
    smoothing, warmup, step = s.translation.label_smoothing, s.optimisation.warmup, 0
    begun = time.perf_counter()
    while (done := (time.perf_counter() - begun) / seconds) < 1:
        rate = lr * 0.5 * (1 + math.cos(math.pi * done)) * min(1.0, (step + 1) / max(1, warmup))
        for group in optimizer.param_groups:
            group["lr"] = rate
        batch = batches.batch(*batches.position(step))
        vectors, lengths = torch.tensor(batch.vectors), torch.full((batch.vectors.shape[1],), len(batch.vectors))
        inputs, targets = torch.tensor(batch.inputs).long(), torch.tensor(batch.targets).long()
        logits = model(vectors, lengths, inputs).flatten(0, 1)
        loss = nn.functional.cross_entropy(
            logits, targets.flatten(), ignore_index=IGNORED, label_smoothing=smoothing
        )  # fmt: skip
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), s.optimisation.clip)
        optimizer.step()
        averaged.update_parameters(model)
        step += 1
        if step % 200 == 0:
            print(f"step {step}, {step / batches.batches:.1f} passes: loss {loss:.3f}", flush=True)
    return averaged.module.eval(), step


@torch.inference_mode()
def scores(model: Any, s: RunSettings, data: CaptionData, part: CaptionExamples) -> CaptionScores:
    """Return the scores of the captions of all pictures of a part."""
    found, end = [], line_end(data.tokenizer)
    for at in range(0, part.pictures, 64):
        chosen = range(at, min(at + 64, part.pictures))
        vectors = torch.stack([torch.tensor(part.vectors(n, s.pictures)) for n in chosen], dim=1)
        lengths = torch.full((len(chosen),), len(vectors))
        found += [data.tokenizer.text(ids) for ids in _search_until_decided(model, vectors, lengths, BEAM, end, 1.0)]
    return caption_scores(found, part.captions.references, part.captions.concepts)


def main() -> None:
    """Train, and print the scores of both parts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--lr", type=float, default=0.003)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    s = config.load(RunFolder(args.run).config)
    data = load_captions(s)
    busy = time.process_time()
    model, steps = train(s, data, 60 * args.minutes, args.lr)
    busy = (time.process_time() - busy) / 60
    print(f"{steps:,} steps, {busy:.1f} processor minutes, {sum(p.numel() for p in model.parameters()):,} parameters")
    for name, part in (("validation", data.valid), ("test", data.test)):
        if part is not None:
            found = scores(model, s, data, part)
            print(f"{name:11} word F1 {found.f1:.1%}, by concept {found.concept_f1:.1%}, exact {found.exact:.1%}")


if __name__ == "__main__":
    main()
