"""Damaged and malicious checkpoints; the engine must raise an error of the project, or load them and train.

    PYTHONPATH=tests python -m support.hostile_checkpoints 1000000 [SEED]     the whole campaign

Bytes are flipped, cut off and added. The header and the metadata are rewritten with hostile values and a matching
digest, so that the digest protects nothing.
"""

from __future__ import annotations

import copy
import json
import random
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from lstmtui.common.files import to_json
from lstmtui.engine import checkpoint
from lstmtui.engine.checkpoint import Checkpoint
from lstmtui.errors import LstmtuiError
from support.stepwise_trainer import StepwiseTrainer

VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 3, 2**31, 2**53, 2**63, 2**64, -(2**63), 10**30, 10**400, 0.5, 1e308, float("nan"),
    float("inf"), float("-inf"), "", "x", "lr", "\ud800", "\x00", "\x1b[2J", "9" * 5000, "x" * 20_000, [], {}, [[]],
    [1, 2], ["lr", 0.1], [["lr", 0.1]], [["lr"]], {"lr": 1}, {"lr": float("nan")}, {"bptt": 1 << 40},
    {"bptt": 10}, {"prompt": "\ud800"}, {"": {}}, {"step": 3},
)  # fmt: skip
DTYPES = ("F32", "F64", "F16", "BF16", "I8", "U8", "I32", "I64", "U64", "BOOL", "F8_E4M3", "F4", "", "x" * 99, None, 3)


class Campaign:
    """A tiny run, its checkpoint, and any number of damaged ones."""

    def __init__(self, engine: StepwiseTrainer, seed: int = 0) -> None:
        self.engine = engine
        self.random = random.Random(seed)
        run = engine.run
        engine.trainer.checkpoints.save(engine.trainer.progress)
        self.path = checkpoint.path_for(run, engine.trainer.progress.step)
        self.whole = self.path.read_bytes()
        found = checkpoint.load(self.path)
        self.tensors, self.about = found.tensors, found.about
        self.seen: Counter[str] = Counter()
        self._ways = (
            self.flipped, self.cut, self.longer, self.spliced, self.other_length, self.header, self.metadata,
            self.metadata, self.metadata, self.other_tensors, self.deep,
        )  # fmt: skip

    def one(self) -> None:
        """Damage the checkpoint in one way and load it. Raises any foreign error."""
        way = self.random.choice(self._ways)
        self.path.write_bytes(way())
        self.seen[f"{way.__name__}: {self._outcome()}"] += 1

    def _outcome(self) -> str:
        trainer = self.engine.trainer
        try:
            found = checkpoint.load(self.path)
            progress = trainer.checkpoints.progress_of(found)
            trainer.checkpoints.restore(found, progress)
            trainer.progress = progress
            trainer.restore_live()
        except LstmtuiError as error:
            str(error).encode()
            return "refused"
        except MemoryError:
            return "too large"
        self._goes_on(found)
        return "loaded"

    def _goes_on(self, found: Checkpoint) -> None:
        """Take a step from the checkpoint, now and then."""
        trainer = self.engine.trainer
        if self.random.random() < 0.02:
            trainer._step()
            trainer._rates()
            trainer.live_settings()
            json.loads(to_json(trainer.progress.as_dict()))

    # --- ways to damage it ----------------------------------------------------------------------------------------

    def flipped(self) -> bytes:
        data = bytearray(self.whole)
        for _ in range(self.random.randint(1, 8)):
            # Mostly in the parsed part, which is a small part of the file.
            data[self.random.randrange(self.random.choice((8, 2000, len(data))))] = self.random.randrange(256)
        return bytes(data)

    def cut(self) -> bytes:
        return self.whole[: self.random.randrange(len(self.whole))]

    def longer(self) -> bytes:
        more = self.random.choice((b"\0", b" ", self.whole, self.random.randbytes(9))) * self.random.randint(1, 3)
        return self.whole + more if self.random.random() < 0.5 else more + self.whole

    def spliced(self) -> bytes:
        a, b = sorted(self.random.randrange(len(self.whole)) for _ in range(2))
        at = self.random.randrange(len(self.whole))
        return self.whole[:at] + self.whole[a:b] + self.whole[at:]

    def other_length(self) -> bytes:
        sizes = (0, 1, 2, 7, 8, len(self.whole), len(self.whole) - 8, 100_000_000, 2**31, 2**63, 2**64 - 1)
        return self.random.choice(sizes).to_bytes(8, "little") + self.whole[8:]

    def header(self) -> bytes:
        """Rewrite the header with another entry, or an entry of another kind."""
        size = int.from_bytes(self.whole[:8], "little")
        header, body = json.loads(self.whole[8 : 8 + size]), self.whole[8 + size :]
        name = self.random.choice(list(header))
        entry = header[name]
        kind = self.random.randrange(6)
        if kind == 0:
            header[name] = copy.deepcopy(self.random.choice(VALUES))
        elif kind == 1:
            del header[name]
        elif kind == 2:
            header[self.random.choice(("weights.x", "", "\ud800", "x" * 3000))] = entry
        elif kind == 3 and isinstance(entry, dict):
            entry[self.random.choice(list(entry))] = copy.deepcopy(self.random.choice(VALUES))
        elif kind == 4:
            entry["dtype"] = self.random.choice(DTYPES)
        else:
            entry["shape"] = [self.random.choice((0, 1, 2, 8, 2**31, 2**63, -1, 0.5)) for _ in range(3)]
        return _with_header(header, body)

    def metadata(self) -> bytes:
        """Change the metadata, with a matching digest."""
        about = json.loads(to_json(self.about))
        for _ in range(self.random.randint(1, 3)):
            inner = self.random.choice(
                [each for each in (about, *(about.get(n) for n in about)) if isinstance(each, dict) and each]
            )
            name = self.random.choice([*inner, "more", "lr"])
            if self.random.random() < 0.15 and name in inner:
                del inner[name]
            else:
                inner[name] = copy.deepcopy(self.random.choice(VALUES))
        return self._written(self.tensors, about)

    def deep(self) -> bytes:
        depth = self.random.choice((60, 70, 900, 5000, 20_000))
        nested = "[" * depth + "]" * depth
        said = to_json({**self.about, "digest": "0" * 64, "more": 1})
        said = said.replace('"more": 1', f'"more": {nested}') if self.random.random() < 0.5 else nested
        return _file(self.tensors, {"lstmtui": said})

    def other_tensors(self) -> bytes:
        """Change, drop or add tensors, with a matching digest."""
        tensors = dict(self.tensors)
        name = self.random.choice(list(tensors))
        kind = self.random.randrange(6)
        old = tensors[name]
        if kind == 0:
            del tensors[name]
        elif kind == 1:
            tensors[name] = old.astype(np.float64 if old.dtype == np.float32 else np.float32)
        elif kind == 2:
            tensors[name] = np.zeros([self.random.randint(0, 4) for _ in range(self.random.randint(0, 4))], np.float32)
        elif kind == 3:
            tensors[name] = np.full_like(old, self.random.choice((np.nan, np.inf, -np.inf, 1e38, 0)))
        elif kind == 4:
            tensors[f"{name}.more"] = np.zeros(3, np.float32)
        else:
            tensors[name] = old.reshape(-1)
        return self._written(tensors, self.about)

    def _written(self, tensors: dict[str, Any], about: Any) -> bytes:
        try:  # as the loader reads it
            parsed = json.loads(json.dumps(about))
            digest = checkpoint._digest(tensors, parsed) if isinstance(parsed, dict) else ""
        except ValueError:  # such as a number with too many digits, which the writer refuses
            digest = "0" * 64
        said = {**about, "digest": digest} if isinstance(about, dict) else about
        return _file(tensors, {"lstmtui": _json(said)})


def _json(value: Any) -> str:
    """Return JSON with NaN and infinities, as other writers have it."""
    with _many_digits():
        return json.dumps(value)


class _many_digits:  # noqa: N801
    def __enter__(self) -> None:
        sys.set_int_max_str_digits(0)

    def __exit__(self, *_: object) -> None:
        sys.set_int_max_str_digits(4300)


def _file(tensors: dict[str, Any], metadata: dict[str, str]) -> bytes:
    said = {name: text.encode("utf-8", "replace").decode() for name, text in metadata.items()}
    return b"".join(bytes(part) for part in checkpoint._encode(tensors, said))


def _with_header(header: Any, body: bytes) -> bytes:
    with _many_digits():
        written = json.dumps(header).encode()
    return len(written).to_bytes(8, "little") + written + body


def main(count: int, seed: int) -> None:
    import os
    import time

    from support import tiny

    with tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as folder:
        os.environ["LSTMTUI_RUNS"] = f"{folder}/runs"
        campaign = Campaign(prepared(tiny.create(Path(folder), dropout=0.0)), seed)
        begun = time.monotonic()
        for k in range(count):
            campaign.one()
            if k % 20_000 == 0:
                print(k, round(time.monotonic() - begun), "s", dict(campaign.seen), flush=True)
        print(count, "done:", dict(sorted(campaign.seen.items())))


def prepared(run: Any) -> StepwiseTrainer:
    """Return a trainer of `run` that has taken some steps, so that its checkpoint has contents."""
    engine = StepwiseTrainer(run)
    engine.steps(12)
    return engine


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0)
