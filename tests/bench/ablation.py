"""What each regulariser brings on a small text: a plain network, the same with one of them, and with all.

    python tests/bench/ablation.py TRAIN VALID [--words 8000] [--epochs 24] [--hidden 64] [--seeds 1]

Two layers of LSTM units train on the first words of TRAIN, few enough that a plain network memorises them. Each row is
one run for each seed, with the same schedule; its figures are means of the best evaluation on the first 6,000 words of
VALID, of the last one, and of training at the end. Runs lie in the folder --runs; one that is there is not trained
again. A run takes about ten seconds of one core, and as many to start.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

PLAIN: dict[str, Any] = {
    "dropout": 0, "dropout_in": 0, "dropout_rise": 0, "weight_drop": 0, "embedding_dropout": 0, "activation_reg": 0,
    "temporal_reg": 0, "weight_decay": 0, "ema": 0, "tied": False,
}  # fmt: skip
ADDED: dict[str, dict[str, Any]] = {
    "locked dropout 0.4": {"dropout": 0.4},
    "locked dropout on inputs 0.3": {"dropout_in": 0.3},
    "embedding dropout 0.1": {"embedding_dropout": 0.1},
    "weight drop 0.4": {"weight_drop": 0.4},
    "activation regularisation 2": {"activation_reg": 2},
    "temporal activation regularisation 1": {"temporal_reg": 1},
    "weight decay 0.1": {"weight_decay": 0.1},
    "tied weights": {"tied": True},
    "averaged weights 0.999": {"ema": 0.999},
}
ALL_ADDED = {name: value for added in ADDED.values() for name, value in added.items()}
ROWS = {"plain": {}, **{f"+ {name}": added for name, added in ADDED.items()}, "all of them": ALL_ADDED}


def options(settings: dict[str, Any]) -> list[str]:
    """Return settings as options of the command line."""
    found = []
    for name, value in settings.items():
        option = name.replace("_", "-")
        found += [f"--{option}" if value else f"--no-{option}"] if isinstance(value, bool) else [f"--{option}={value}"]
    return found


def perplexities(
    name: str, settings: dict[str, Any], text: Path, seed: int, args: argparse.Namespace
) -> tuple[float, float, float]:
    """Return a run's best and last perplexity on VALID, and that of training at the end; train it if there is none."""
    slug = f"ablation-{name.lstrip('+ ').replace(' ', '-')}-s{seed}"
    if not (args.runs / slug).exists():
        size, words = str(args.hidden), str(args.vocabulary)
        command = [sys.executable, "-m", "lstmtui.cli", "train", str(text), "--valid", args.valid, "--name", slug]
        length = ["--epochs", str(args.epochs), "--patience", "0", "--seed", str(seed), "--eval-tokens", "6000"]
        network = ["--tokens", "words", "--vocabulary", words, "--hidden", size, "--embedding", size, "--lr", "0.005"]
        others = ["--batch", "10", "--bptt", "20", "--eval-every", "80", "--sample-length", "0", "--threads", "1"]
        where = ["--runs-dir", str(args.runs)]
        command = [*command, *length, *network, *others, *options(settings), *where]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    metrics = list(map(json.loads, (args.runs / slug / "metrics.jsonl").read_text().splitlines()))
    found = [line["perplexity"] for line in metrics if line["split"] == "valid"]
    losses = [line["loss"] for line in metrics if line["split"] == "train"][-5:]
    return min(found), found[-1], math.exp(statistics.fmean(losses))


def main() -> None:
    """Print a table in Markdown, each row as soon as it is measured."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("train")
    parser.add_argument("valid")
    parser.add_argument("--words", type=int, default=8_000)
    parser.add_argument("--vocabulary", type=int, default=1000)
    parser.add_argument("--epochs", type=int, default=24)
    parser.add_argument("--hidden", type=int, default=64)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--runs", type=Path, default=Path("ablation-runs"))
    args = parser.parse_args()
    args.runs.mkdir(parents=True, exist_ok=True)
    text = args.runs / f"first-{args.words}.txt"
    read, lines = 0, []
    for line in Path(args.train).read_text(encoding="utf-8").splitlines(keepends=True):
        read += len(line.split()) + 1
        if read > args.words:
            break
        lines.append(line)
    text.write_text("".join(lines), encoding="utf-8")
    print("| | best validation perplexity | at the end | training at the end |\n|---|---|---|---|")
    for name, added in ROWS.items():
        runs = [perplexities(name, {**PLAIN, **added}, text, seed, args) for seed in range(1, args.seeds + 1)]
        best, end, training = (statistics.fmean(figures) for figures in zip(*runs, strict=True))
        print(f"| {name} | {best:.1f} | {end:.1f} | {training:.1f} |", flush=True)


if __name__ == "__main__":
    main()
