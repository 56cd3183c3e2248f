"""Damaged and malicious run folders; everything that shows runs may raise the project's own errors only.

PYTHONPATH=tests python -m support.hostile_runs 20000 [SEED]     the whole campaign
"""

from __future__ import annotations

import contextlib
import copy
import io
import json
import os
import random
import shutil
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import tomli_w

from lstmtui.cli import ls, show
from lstmtui.data.tokens import Chars
from lstmtui.errors import LstmtuiError
from lstmtui.reports import gradient_flow, overfitting
from lstmtui.runs import listing, reader, removal
from lstmtui.runs.folder import FILES, FOLDERS, RunFolder
from lstmtui.tui.workers.run_polling import RunPoller, RunsPoller
from support.prepared_run import make_run

VALUES: tuple[Any, ...] = (
    None, True, 0, -1, 1, 7, 2**31, 2**63, 10**30, 0.5, 1e308, float("nan"), float("inf"), "", "x", "finished",
    "training", "\ud800", "\x1b[2J", "x" * 5000, [], {}, [[]], [1, 2], {"a": {"b": 1}}, [None], {"nll": "x"},
    {"nll": None, "tokens": []}, {"valid": {"nll": 1.0}}, {"words": 1}, {"step": "x", "longest": [], "of": {}},
)  # fmt: skip


ARRAYS: tuple[Any, ...] = (
    np.zeros(()), np.zeros(3), np.zeros((2, 0, 3)), np.full((2, 4, 3, 4), np.nan, np.float16), np.ones(2, complex),
    np.array(["x" * 99, "\ud800"]), np.array([2**62]), np.array([-1, 99]), np.array(b"x"), np.zeros((1,) * 20),
    np.array(True), np.full((2, 5), 1e308), np.array("2020-01-01", "datetime64"),
)  # fmt: skip


class Campaign:
    """A run to damage, in any number of ways, and an intact one beside it."""

    def __init__(self, root: Path, seed: int = 0) -> None:
        self.root, self.random = root / "runs", random.Random(seed)
        self.target = root / "outside"
        self.target.write_text("mine")
        figures = {"nll": 1.5, "perplexity": 4.4, "bits_per_char": 2.1, "tokens": 9, "whole": False}
        told = {"result": {"valid": figures, "sample": "text", "best_step": 60}, "copied": {"characters": 3, "of": 9}}
        self.model = make_run(
            root / "model", "bad", state="finished", step=60, steps=60, hidden=4, samples=("one", "two"), status=told
        )  # fmt: skip
        Chars("abc").save(self.model.tokenizer)
        probes, ones, gates = self.model.probes, np.ones((2, 5)), ("i", "f", "g", "o")
        np.savez(
            probes / "window.npz", step=1, gates=gates, values=np.zeros((2, 4, 3, 4), np.float16), tokens=[1, 2, 1]
        )
        np.savez(probes / "gradient-00000060.npz", step=60, cell="lstm", h=ones, c=ones, half_life=ones)
        self.model.plan.write_text('{"steps": 60, "corpus": "x", "turns": []}')
        self.good = make_run(self.root, "good", state="finished", step=10, steps=10, probes=0)
        self.seen: Counter[str] = Counter()

    def one(self) -> None:
        """Damage a copy of the run and read it in every way. Raises any foreign error."""
        run = RunFolder(self.root / "bad")
        shutil.copytree(self.model.path, run.path)
        ways = [self.random.choice((self.replaced, self.bytes_changed, self.values_changed)) for _ in range(2)]
        try:
            for way in ways:
                with contextlib.suppress(Exception):  # the first way may have removed what the second changes
                    way(run)
            self._look(run)
            assert self.target.read_text() == "mine"
        finally:
            with contextlib.suppress(LstmtuiError):
                removal.remove_run(listing.find_removable_run("bad", self.root))
            if run.path.is_symlink() or not run.path.is_dir():
                run.path.unlink(missing_ok=True)
            shutil.rmtree(run.path, ignore_errors=True)
            assert self.target.read_text() == "mine"

    def _look(self, run: RunFolder) -> None:
        names = {found.name for found in listing.list_runs(self.root)}
        assert "good" in names
        snapshot = reader.RunReader(run).refresh()
        overfitting.advice(snapshot)
        overfitting.overfitting_record(snapshot)
        assert len(RunsPoller(self.root).poll()) == len(names)
        RunPoller(run).poll()
        gradient_flow.read_flows(run)
        out = io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
            for as_json in (False, True):
                ls.ls(json=as_json, runs_dir=self.root)
                try:
                    show.show("bad", json=as_json, runs_dir=self.root)
                    self.seen["shown"] += 1
                except LstmtuiError:
                    self.seen["refused"] += 1
        assert "good" in out.getvalue()

    # --- ways to damage it ----------------------------------------------------------------------------------------

    def _file(self, run: RunFolder) -> Path:
        files = [path for path in run.path.rglob("*") if path.is_file() and not path.is_symlink()]
        return self.random.choice(files)

    def replaced(self, run: RunFolder) -> None:
        path = run.path / self.random.choice((*FILES, *FOLDERS, "probes/window.npz", "."))
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
        kind = self.random.choice(("folder", "FIFO", "link", "empty", "gone", "loop", "nested"))
        if kind == "folder":
            path.mkdir()
        elif kind == "FIFO":
            os.mkfifo(path)
        elif kind == "link":
            path.symlink_to(self.target)
        elif kind == "loop":
            path.symlink_to(path)
        elif kind == "empty":
            path.touch()
        elif kind == "nested":
            opening = self.random.choice(("[", '{"a":', "a = [", '{"op":['))
            path.write_text(opening * self.random.choice((70, 2000, 50_000)))

    def bytes_changed(self, run: RunFolder) -> None:
        path = self._file(run)
        data = bytearray(path.read_bytes())
        kind = self.random.randrange(3)
        if kind == 0 and data:
            for _ in range(self.random.randint(1, 6)):
                data[self.random.randrange(len(data))] = self.random.randrange(256)
        elif kind == 1:
            del data[self.random.randrange(len(data) + 1) :]
        else:
            data += self.random.choice((b"\0" * 9, b"\xff\xfe", bytes(data[:200]), b"[" * 70_000))
        path.write_bytes(data)

    def values_changed(self, run: RunFolder) -> None:
        path = self._file(run)
        if path.suffix == ".npz":
            self._arrays_changed(path)
        elif path.suffix == ".toml":
            from tomllib import loads

            table = self._changed(loads(path.read_text()))
            with contextlib.suppress(TypeError, ValueError):
                path.write_bytes(tomli_w.dumps(table).encode("utf-8", "replace"))
        elif path.suffix == ".json":
            path.write_text(json.dumps(self._changed(json.loads(path.read_text()))))
        elif path.suffix == ".jsonl":
            lines = [self._changed(json.loads(line)) for line in path.read_text().splitlines()]
            path.write_text("".join(json.dumps(line) + "\n" for line in lines))

    def _changed(self, record: Any) -> Any:
        if isinstance(record, dict) and record:
            name = self.random.choice([*record, *record, "more"])
            inner = record.get(name)
            if isinstance(inner, dict) and self.random.random() < 0.5:
                record[name] = self._changed(inner)
            else:
                record[name] = copy.deepcopy(self.random.choice(VALUES))
        return record

    def _arrays_changed(self, path: Path) -> None:
        with np.load(path) as stored:
            arrays = dict(stored)
        name = self.random.choice(list(arrays))
        arrays[name] = self.random.choice(ARRAYS)
        if self.random.random() < 0.2:
            del arrays[name]
        np.savez(path, **arrays)


def main(count: int, seed: int) -> None:
    with tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as place:
        campaign = Campaign(Path(place), seed)
        for k in range(count):
            state = campaign.random.getstate()
            try:
                campaign.one()
            except BaseException:
                print("failed at", k)
                campaign.random.setstate(state)
                raise
        print(count, "done:", dict(campaign.seen))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0)
