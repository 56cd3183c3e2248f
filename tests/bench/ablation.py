"""What each regulariser brings on a small text: a plain network, the same with one of them, and with all.

    python tests/bench/ablation.py TRAIN VALID [--words 30000] [--epochs 20] [--seed 1]

The first words of TRAIN, few enough that a plain network learns them by heart, are read that many times by two layers
of 128 LSTM units. Each row is one run with the same seed and schedule; its figures are those of its best evaluation
on VALID, and of training at the end. Runs are kept under RUNS (--runs), and a row that has finished is not trained
again.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

PLAIN: dict[str, Any] = {
    "dropout": 0, "dropout_in": 0, "weight_drop": 0, "embedding_dropout": 0, "activation_reg": 0, "temporal_reg": 0,
    "weight_decay": 0, "ema": 0, "tied": False,
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
EVERYTHING = {name: value for added in ADDED.values() for name, value in added.items()}
ROWS = {"plain": {}, **{f"+ {name}": added for name, added in ADDED.items()}, "all of them": EVERYTHING}


def options(settings: dict[str, Any]) -> list[str]:
    """Return settings as options of the command line."""
    found = []
    for name, value in settings.items():
        option = name.replace("_", "-")
        found += [f"--{option}" if value else f"--no-{option}"] if isinstance(value, bool) else [f"--{option}={value}"]
    return found


def trained(name: str, settings: dict[str, Any], text: Path, asked: argparse.Namespace) -> dict[str, Any]:
    """Return the record of a run, trained now if it was not before."""
    common = [sys.executable, "-m", "lstmtui.cli"]
    slug = f"ablation-{name.lstrip('+ ').replace(' ', '-')}-s{asked.seed}"
    where = ["--runs-dir", str(asked.runs)]
    if not (asked.runs / slug).exists():
        length = ["--epochs", str(asked.epochs), "--patience", "0", "--seed", str(asked.seed), "--eval-tokens", "10000"]
        network = ["--tokens", "words", "--vocabulary", str(asked.vocabulary), "--hidden", "128", "--embedding", "128"]
        network += ["--batch", "10", "--bptt", "20"]  # 150 steps an epoch, so that a plain network gets far enough
        command = [*common, "train", str(text), "--valid", asked.valid, "--name", slug, "--threads", "1", *length]
        subprocess.run([*command, *network, *options(settings), *where], check=True, stdout=subprocess.DEVNULL)
    shown = subprocess.run([*common, "show", slug, "--json", *where], check=True, capture_output=True, text=True)
    return dict(json.loads(shown.stdout))


def main() -> None:
    """Print a table in Markdown, a row as soon as it is known."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("train")
    parser.add_argument("valid")
    parser.add_argument("--words", type=int, default=30_000)
    parser.add_argument("--vocabulary", type=int, default=1000)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--runs", type=Path, default=Path("ablation-runs"))
    asked = parser.parse_args()
    asked.runs.mkdir(parents=True, exist_ok=True)
    text = asked.runs / f"first-{asked.words}.txt"
    read, lines = 0, []
    for line in Path(asked.train).read_text(encoding="utf-8").splitlines(keepends=True):
        read += len(line.split()) + 1
        if read > asked.words:
            break
        lines.append(line)
    text.write_text("".join(lines), encoding="utf-8")
    print("| | best validation perplexity | at the end | training at the end |\n|---|---|---|---|")
    for name, added in ROWS.items():
        found = trained(name, {**PLAIN, **added}, text, asked)
        best, last = found["status"]["result"]["valid"]["perplexity"], found["last"]
        metrics = (asked.runs / found["run"] / "metrics.jsonl").read_text().splitlines()
        end = [one for one in map(json.loads, metrics) if one["split"] == "valid"][-1]["perplexity"]
        print(f"| {name} | {best:.1f} | {end:.1f} | {2.718281828 ** last['loss']:.1f} |", flush=True)


if __name__ == "__main__":
    main()
