"""The translation twin in PyTorch, trained for as many minutes as a run of lstmtui, and the BLEU of both.

    python tests/bench/translation_quality.py RUNFOLDER TEST.tsv [--minutes 30] [--threads 2] [--tokenize 13a]

The twin has the run's sizes, vocabulary, batches, dropout, label smoothing, clipping, AdamW, averaged weights, and its
learning rate: warm-up, then half a cosine over the minutes. Those are of training alone, while the run's also hold its
compilation and its evaluations. The weights after the last step translate; the run has its best ones. In the table,
lines with the same source are references of one sentence. Needs the `bench` and `metrics` extras.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel
from translation_torch import TwoStoreys, translate

from lstmtui import config
from lstmtui.common.hardware import cpu_count
from lstmtui.config import RunSettings
from lstmtui.data.pair_batches import PairBatch, PairBatches
from lstmtui.data.pair_files import PairData, tokenise_pairs
from lstmtui.data.pair_reading import read_pairs
from lstmtui.data.pairs import Rules
from lstmtui.engine.inference import loaded_translator
from lstmtui.engine.inference.beam_search import SearchOptions
from lstmtui.engine.tasks.translation import MAX_TOKENS
from lstmtui.reports.translation_scores import TOKENIZERS, TestSet, scores, test_set
from lstmtui.runs.folder import RunFolder

F = torch.nn.functional
REPORT_SECONDS = 30.0


def main() -> None:
    """Train the twin and translate the test set with both."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, help="folder of a run for translation: a joint vocabulary, GRU or LSTM")
    parser.add_argument("test", type=Path, help="a table of sources and references")
    parser.add_argument("--minutes", type=float, help="of training; those of the run if not given")
    parser.add_argument("--threads", type=int, default=cpu_count())
    parser.add_argument("--beam", type=int, default=5)
    parser.add_argument("--tokenize", choices=TOKENIZERS, default="13a")
    parser.add_argument("--lowercase", action="store_true")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    run = RunFolder(args.run)
    s = config.load(run.config)
    cases = test_set(read_pairs([str(args.test)]), grouped=True)

    def show(whose: str, found: Sequence[str]) -> None:
        figures = scores(found, cases.references, tokenize=args.tokenize, lowercase=args.lowercase)
        print(
            f"{whose:8} BLEU {figures['bleu']:.2f}  chrF {figures['chrf']:.2f}  {figures['bleu_signature']}", flush=True
        )

    ours = loaded_translator.load(run, threads=args.threads)
    show("lstmtui", [best.text for best, *_ in ours.translate(cases.sources, SearchOptions(beam=args.beam))])
    model, tokenizers = trained(s, 60 * (args.minutes or s.length.minutes or 10))
    show("PyTorch", _translated(model, tokenizers, cases, args.beam))


def trained(s: RunSettings, seconds: float) -> tuple[nn.Module, Any]:
    """Return the twin of a run with settings `s` after so many seconds of training, and the tokenizers."""
    positions = s.length.batch * s.length.bptt
    joint = loaded_translator.is_joint(s)
    data = tokenise_pairs(s.data, Rules(max_tokens=min(MAX_TOKENS, positions - 1)), joint=joint)
    model = _twin(s, data)
    average = AveragedModel(model, avg_fn=_averaged(s.optimisation.ema))
    decayed = [p for name, p in model.named_parameters() if p.ndim > 1 and name != "embedding.weight"]
    others = [p for name, p in model.named_parameters() if p.ndim <= 1 or name == "embedding.weight"]
    optimizer = torch.optim.AdamW(
        [{"params": decayed}, {"params": others, "weight_decay": 0.0}],
        lr=s.optimisation.lr, betas=(s.optimisation.beta1, s.optimisation.beta2),
        weight_decay=s.regularisation.weight_decay, fused=True,
    )  # fmt: skip
    batches, step, begun, told = PairBatches(data.train, positions, s.run.seed), 0, time.monotonic(), 0.0
    while (elapsed := time.monotonic() - begun) < seconds:
        step += 1
        share = min(1.0, step / s.optimisation.warmup)
        falling = 0.5 * (1 + math.cos(math.pi * elapsed / seconds))
        for group in optimizer.param_groups:
            group["lr"] = s.optimisation.lr * share * (s.optimisation.lr_end + (1 - s.optimisation.lr_end) * falling)
        loss = _step(model, optimizer, batches.batch(*batches.position(step - 1)), s)
        average.update_parameters(model)
        if elapsed - told >= REPORT_SECONDS:
            told = elapsed
            print(f"{elapsed:6.0f} s  step {step:,}  pass {step / batches.batches:.1f}  loss {loss:.3f}", flush=True)
    print(f"{seconds:6.0f} s  {step:,} steps, {step / batches.batches:.1f} passes", flush=True)
    return (average.module if s.optimisation.ema else model).eval(), data.tokenizers


def _twin(s: RunSettings, data: PairData) -> TwoStoreys:
    torch.manual_seed(s.run.seed)
    sizes = loaded_translator.sizes_of(s, data.tokenizers)
    model = TwoStoreys(sizes.cell, (sizes.source_vocabulary, sizes.embedding, sizes.hidden), sizes.target_vocabulary)
    nn.init.normal_(model.embedding.weight, 0, 0.1)
    model.rates = {"embeddings": s.regularisation.dropout_in, "layers": s.regularisation.dropout}
    return model


def _averaged(decay: float) -> Any:
    """Return the average after a step, whose decay rises as that of lstmtui."""

    def average(mean: Any, weights: Any, count: Any) -> Any:
        share = min(decay, (2 + int(count)) / (11 + int(count)))
        return share * mean + (1 - share) * weights

    return average


def _step(model: TwoStoreys, optimizer: Any, batch: PairBatch, s: RunSettings) -> float:
    source, lengths, inputs, targets = (torch.tensor(part).long() for part in batch[:4])
    optimizer.zero_grad()
    logits = model(source, lengths, inputs).flatten(0, 1)
    smoothing = s.translation.label_smoothing
    loss = F.cross_entropy(logits, targets.flatten(), ignore_index=-1, label_smoothing=smoothing)
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), s.optimisation.clip)
    optimizer.step()
    return loss.item()


@torch.inference_mode()
def _translated(model: Any, tokenizers: Any, cases: TestSet, beam: int) -> list[str]:
    return translate(model, tokenizers, cases.sources, beam)


if __name__ == "__main__":
    main()
