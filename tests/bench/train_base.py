"""Trains the run that comes with lstmtui, and packs it into lstmtui/base/run.zip.

    python tests/bench/train_base.py SENTENCES NOVEL [--minutes 45] [--threads 1] [--runs-dir FOLDER]

SENTENCES is the English-French selection of Tatoeba (eng-fra.txt: English, tab, French), NOVEL is War and Peace in
plain text from Project Gutenberg, without its header. The third text is the documentation that this Python carries.
Licences and addresses are in lstmtui/base/card.toml. The same files and seed give the same text.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import re
import subprocess
import sys
import tempfile
import unicodedata
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from lstmtui import config
from lstmtui.common.files import to_json
from lstmtui.data import default_corpus
from lstmtui.engine import checkpoint
from lstmtui.engine.autocomplete.ngram_index import NgramIndex
from lstmtui.runs import base
from lstmtui.runs.archive import without_folders
from lstmtui.runs.folder import RunFolder

Array = np.ndarray[Any, Any]
ROOT = Path(__file__).parents[2]
STORED = ROOT / "lstmtui" / "base" / "run.zip"
MAX_BYTES = 8_000_000
OF_THIS_MACHINE = ("pid", "host", "live")
"""Fields of the status that say nothing of the model."""
SEED = 1
NOVEL_BYTES, DOCUMENTATION_BYTES = 1_000_000, 400_000
"""What is taken of the novel and of the documentation at most, so that neither dominates 3 MB of sentences."""
NETWORK = ("--hidden", "256", "--lr", "0.008", "--dropout", "0.2", "--dropout-in", "0.1")
"""What the recipe would choose for three passes over the text, which a slow processor makes in 45 minutes."""
INDEXED_PROSE_BYTES = 500_000
"""What of both is counted beside the sentences: the index takes about half of the package."""
MIN_PARAGRAPH, MAX_PARAGRAPH = 60, 900
"""Characters of the paragraphs that are taken of the novel."""
WITHOUT_CAPITALS, WITH_I_ALONE = 0.25, 0.2
"""The shares of the sentences that are written as a hurried person types: without a final stop, in lower case, or in
lower case but for the word I."""
ASCII_SIGNS = str.maketrans("‘’“”–", "''\"\"-") | {ord("—"): " - ", ord("…"): "...", ord("_"): ""}


def sentences(path: Path) -> list[str]:
    """Return the first column of the table, each sentence once."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return list(dict.fromkeys(plain(line.partition("\t")[0]) for line in lines))


def paragraphs(path: Path) -> list[str]:
    """Return the paragraphs of the novel in which somebody speaks, each in one line."""
    found = re.split(r"\n\s*\n", path.read_text(encoding="utf-8"))
    spoken = [plain(" ".join(paragraph.split())) for paragraph in found if "“" in paragraph or '"' in paragraph]
    return [paragraph for paragraph in spoken if MIN_PARAGRAPH <= len(paragraph) <= MAX_PARAGRAPH]


def plain(text: str) -> str:
    """Return `text` with ASCII quotation marks and dashes, without accents and underscores."""
    decomposed = unicodedata.normalize("NFD", text.translate(ASCII_SIGNS))
    return " ".join("".join(char for char in decomposed if not unicodedata.combining(char)).split())


def hurried(sentence: str, *, keep_i: bool) -> str:
    """Return `sentence` in lower case without its final stop; with `keep_i` the word I stays."""
    lower = re.sub(r"[.!]$", "", sentence.lower())
    return re.sub(r"\bi\b", "I", lower) if keep_i else lower


def some(lines: list[str], size: int, draw: random.Random) -> Iterator[str]:
    """Yield lines in random order, up to `size` bytes."""
    for line in draw.sample(lines, len(lines)):
        size -= len(line.encode()) + 1
        if size < 0:
            return
        yield line


def texts(table: Path, novel: Path) -> tuple[list[str], list[str]]:
    """Return the training text in lines, a sentence or a paragraph each, mixed; and the lines that are counted."""
    draw = random.Random(SEED)
    spoken = []
    for sentence in sentences(table):
        kind = draw.random()
        if kind < WITHOUT_CAPITALS + WITH_I_ALONE:
            sentence = hurried(sentence, keep_i=kind < WITH_I_ALONE)
        spoken.append(sentence)
    prose = [*some(paragraphs(novel), NOVEL_BYTES, draw)]
    documentation = [*some(default_corpus.text().decode().split("\n\n"), DOCUMENTATION_BYTES, draw)]
    mixed = [*spoken, *prose, *documentation]
    draw.shuffle(mixed)
    share = INDEXED_PROSE_BYTES / (NOVEL_BYTES + DOCUMENTATION_BYTES)
    counted = [*spoken, *prose[: int(share * len(prose))], *documentation[: int(share * len(documentation))]]
    return [line for line in mixed if line], [line for line in counted if line]


def in_lines(lines: list[str]) -> bytes:
    """Return `lines` as a text."""
    return "".join(f"{line}\n" for line in lines).encode()


def pack(run: RunFolder, counted: list[str]) -> None:
    """Write a run that has ended to lstmtui/base/run.zip, as `lstmtui.runs.base` reads it."""
    found = checkpoint.best(run, only=("weights.",))
    assert found is not None
    rounded = {name: to_bfloat16(tensor) for name, tensor in found.tensors.items()}
    with tempfile.TemporaryDirectory() as folder:
        written = checkpoint.write(RunFolder(Path(folder)), found.step, rounded, {"identity": found.about["identity"]})
        data = written.read_bytes()
        name = written.name
    start = 8 + int.from_bytes(data[:8], "little")
    status = {key: value for key, value in json.loads(run.status.read_text()).items() if key not in OF_THIS_MACHINE}
    files = {
        run.config.name: config.dump(without_folders(config.load(run.config))).encode(),
        run.status.name: to_json(status).encode(),
        base.BEST: to_json({**json.loads((run.path / base.BEST).read_text()), "file": name}).encode(),
        "autocomplete/text.npz": NgramIndex.from_chunks([in_lines(counted)]).dump(),
        base.HEAD: data[:start],
        base.HIGH: data[start + 3 :: 4],
        base.LOW: data[start + 2 :: 4],
    }
    for path in (run.tokenizer, run.metrics, run.samples):
        files[path.name] = path.read_bytes()
    STORED.parent.mkdir(exist_ok=True)
    with zipfile.ZipFile(STORED, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), content, zipfile.ZIP_DEFLATED, 9)
        archive.comment = hashlib.sha256(b"".join(files.values())).hexdigest().encode()


def to_bfloat16(tensor: Array) -> Array:
    """Return float32 numbers rounded to the nearest that bfloat16 has, halves to even."""
    bits = np.ascontiguousarray(tensor, np.float32).view(np.uint32)
    rounded = bits + np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1))
    return (rounded & np.uint32(0xFFFF0000)).view(np.float32).reshape(tensor.shape)


def main() -> None:
    """Assemble the text, train, pack, and say how large it is."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("sentences", type=Path, metavar="SENTENCES")
    parser.add_argument("novel", type=Path, metavar="NOVEL")
    parser.add_argument("--minutes", type=float, default=45)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--runs-dir", type=Path, default=Path("runs"))
    parser.add_argument("--name", default=base.NAME)
    parser.add_argument("--pack-only", action="store_true", help="the run is trained already")
    args = parser.parse_args()
    mixed, counted = texts(args.sentences, args.novel)
    run = RunFolder(args.runs_dir / args.name)
    if not args.pack_only:
        args.runs_dir.mkdir(parents=True, exist_ok=True)
        corpus = args.runs_dir / f"{args.name}.txt"
        corpus.write_bytes(in_lines(mixed))
        settings = ["--for", "autocomplete", "--valid-fraction", "0.04", "--seed", str(SEED), *NETWORK]
        limits = ["--minutes", str(args.minutes), "--threads", str(args.threads), "--runs-dir", str(args.runs_dir)]
        command = [sys.executable, "-m", "lstmtui.cli", "train", str(corpus), *settings, *limits, "--name", args.name]
        subprocess.run(command, check=True)
    pack(run, counted)
    size = STORED.stat().st_size
    print(f"{STORED.relative_to(ROOT)}: {size:,} bytes")
    if size > MAX_BYTES:
        sys.exit(f"That is more than {MAX_BYTES:,} bytes: count less text, or train a smaller network.")


if __name__ == "__main__":
    main()
