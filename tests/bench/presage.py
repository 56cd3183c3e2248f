"""Keystroke savings of presage (Debian's package) beside those of `lstmtui evaluate --autocomplete`.

    apt-get install presage
    python tests/bench/presage.py TRAIN TEXT... [--repeat] [--json]

TRAIN and TEXT hold one text a line. presage's smoothed trigrams are counted in TRAIN. Keystrokes are counted as by
the command: accepting a suggestion that equals the intended word costs one keystroke and brings its space; else every
character costs one. By default presage offers no word twice while one is typed ("each once" in the command's table);
with --repeat it may.
"""

from __future__ import annotations

import argparse
import ctypes
import ctypes.util
import json
import re
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

RANKS = (1, 3)
CONFIG = Path("/etc/presage.xml")
STREAM = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p)


class Presage:
    """presage's library with k suggestions, on existing counts."""

    def __init__(self, counts: Path, k: int, *, repeat: bool) -> None:
        self._library = ctypes.CDLL(ctypes.util.find_library("presage") or "libpresage.so.1")
        self._before, self._after = ctypes.create_string_buffer(1 << 16), ctypes.create_string_buffer(1)
        self._past = STREAM(lambda _: ctypes.addressof(self._before))
        self._future = STREAM(lambda _: ctypes.addressof(self._after))
        self._handle = ctypes.c_void_p()
        config = counts.with_suffix(f".{k}.xml")
        config.write_text(_configured(CONFIG.read_text(), counts, k, repeat=repeat))
        failed = self._library.presage_new_with_config(
            self._past, None, self._future, None, str(config).encode(), ctypes.byref(self._handle)
        )
        if failed:
            raise SystemExit(f"presage could not be started (its error {failed}).")

    def suggestions(self, before: bytes) -> list[bytes]:
        """Return whole words that may complete `before`."""
        self._before.value = before[-4096:]
        found = ctypes.POINTER(ctypes.c_char_p)()
        failed = self._library.presage_predict(self._handle, ctypes.byref(found))
        if failed:
            raise SystemExit(f"presage could not predict (its error {failed}).")
        words = []
        for word in found:
            if word is None:
                break
            words.append(word)
        self._library.presage_free_string_array(found)
        return words


def _configured(xml: str, counts: Path, k: int, *, repeat: bool) -> str:
    """Return presage's configuration with one predictor, these counts, and no online learning."""

    def set_tag(tag: str, value: str) -> None:
        nonlocal xml
        xml = re.sub(rf"<{tag}>.*?</{tag}>", f"<{tag}>{value}</{tag}>", xml)

    set_tag("PREDICTORS", "DefaultSmoothedNgramPredictor")
    set_tag("ONLINE_LEARNING", "no")
    set_tag("SUGGESTIONS", str(k))
    set_tag("REPEAT_SUGGESTIONS", "yes" if repeat else "no")
    set_tag("DBFILENAME", str(counts))
    return xml


def count_ngrams(train: Path, folder: Path) -> Path:
    """Count the 1-, 2- and 3-grams of `train` with presage's own tool."""
    counts = folder / "counts.db"
    for n in (1, 2, 3):
        command = ["text2ngram", "-n", str(n), "-l", "-f", "sqlite", "-a", "-o", str(counts), str(train)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return counts


def measure(model: Presage, lines: list[list[bytes]], k: int) -> dict[str, Any]:
    """Type `lines` and return the savings, the recall before any letter, and the latency."""
    keystrokes = characters = hits = n = 0
    times = []
    for line in lines:
        before = b""
        for at, word in enumerate(line):
            spaced, n = at + 1 < len(line), n + 1
            characters += len(word) + spaced
            cost = len(word) + spaced
            for typed in range(len(word)):
                begun = time.perf_counter()
                found = model.suggestions(before + word[:typed])
                times.append(1e3 * (time.perf_counter() - begun))
                if word in found[:k]:
                    cost = typed + 1
                    hits += typed == 0
                    break
            keystrokes += cost
            before += word + b" "
    return {
        "words": n,
        "characters": characters,
        "saved": round(1 - keystrokes / characters, 4),
        "recall": round(hits / n, 4),
        "latency_p99_ms": round(float(np.percentile(times, 99)), 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("train", type=Path)
    parser.add_argument("texts", type=Path, nargs="+")
    parser.add_argument("--repeat", action="store_true")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    if not CONFIG.exists():
        raise SystemExit("presage is not installed; Debian's package of that name has it.")
    with tempfile.TemporaryDirectory() as folder:
        counts = count_ngrams(args.train, Path(folder))
        for path in args.texts:
            lines = [line.split() for line in path.read_bytes().splitlines() if line.strip()]
            for k in RANKS:
                found = {"text": str(path), "k": k, **measure(Presage(counts, k, repeat=args.repeat), lines, k)}
                print(json.dumps(found) if args.json else found, flush=True)


if __name__ == "__main__":
    main()
