"""An engine in this process whose system calls are counted, and of which one can be made to fail or to kill it.

`World` stands between the engine and a run's folder. It counts each call that opens, reads, writes, syncs, renames,
truncates or removes something there. At one of them it can kill the process (with nothing or half of the data written)
or let the call fail once. After a kill no call has any effect.

    PYTHONPATH=tests python -m support.crash_points [--every N] [--offset K] [VARIANT ...]

tries all points, or every N-th, and prints a report.
"""

from __future__ import annotations

import builtins
import contextlib
import dataclasses
import errno
import io
import math
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

from lstmtui.common.files import append_json_line, read_json
from lstmtui.engine import __main__ as process
from lstmtui.engine import checkpoint
from lstmtui.engine.nn.language_model import LanguageModel
from lstmtui.engine.tasks import language
from lstmtui.engine.training import checkpointing, fork, requests
from lstmtui.engine.training import trainer as train
from lstmtui.runs.folder import RunFolder
from lstmtui.runs.writer import RunWriter
from support import tiny, translation_run

FAULTS = ("kill", "torn", *(errno.errorcode[n] for n in (errno.EIO, errno.ENOSPC, errno.EMFILE, errno.EACCES)), "EINTR")


class Killed(BaseException):
    """The process was killed."""


class World:
    """Counts the calls that touch `folder`; at call number `at` (from 0) `fault` happens."""

    def __init__(self, folder: Path, at: int = -1, fault: str = "") -> None:
        self._folder, self._at, self._fault = os.fspath(folder), at, fault
        self.calls: list[str] = []
        self.dead = False
        self._ours: set[int] = set()
        self._bare: set[int] = set()
        """Descriptors without a file object."""
        self._real = {name: getattr(os, name) for name in (*BY_PATH, *BY_DESCRIPTOR, "close")}
        self._open = builtins.open

    def _count(self, name: str, tear: Callable[[], Any] | None = None) -> None:
        """Count a call; raise if it is the chosen one, after `tear()` has done half of it."""
        if self.dead:
            raise Killed
        self.calls.append(name)
        if len(self.calls) - 1 != self._at:
            return
        if self._fault in ("kill", "torn"):
            if self._fault == "torn" and tear is not None:
                tear()
            self.dead = True
            raise Killed
        number = getattr(errno, self._fault)
        if tear is not None and number == errno.ENOSPC:
            tear()  # a disk that becomes full takes part of the data
        raise OSError(number, os.strerror(number))

    def _inside(self, path: Any) -> bool:
        if isinstance(path, int):
            return path in self._ours
        with contextlib.suppress(TypeError):
            return os.fspath(path).startswith(self._folder)
        return False

    def _by_path(self, name: str) -> Callable[..., Any]:
        real = self._real[name]

        def call(path: Any, *args: Any, **rest: Any) -> Any:
            if not self._inside(path):
                return real(path, *args, **rest)
            self._count(f"{name} {os.path.basename(os.fspath(path)) if not isinstance(path, int) else ''}")
            found = real(path, *args, **rest)
            if name == "open":
                self._ours.add(found)
                self._bare.add(found)
            return found

        return call

    def _by_descriptor(self, name: str) -> Callable[..., Any]:
        real = self._real[name]

        def call(descriptor: int, *args: Any) -> Any:
            if descriptor not in self._ours:
                return real(descriptor, *args)
            tear = (lambda: real(descriptor, args[0][: len(args[0]) // 2])) if name == "write" else None
            self._count(name, tear)
            return real(descriptor, *args)

        return call

    def _close(self, descriptor: int) -> None:
        self._ours.discard(descriptor)
        self._bare.discard(descriptor)
        self._real["close"](descriptor)

    def _opened(self, file: Any, mode: str = "r", buffering: int = -1, *args: Any, **rest: Any) -> Any:
        if not self._inside(file):
            return self._open(file, mode, buffering, *args, **rest)
        if isinstance(file, int):
            self._bare.discard(file)
            self._ours.discard(file)  # it belongs to the file object
        else:
            self._count(f"open {os.path.basename(os.fspath(file))}")
        unbuffered = "b" in mode and "r" not in mode
        return _File(self, self._open(file, mode, 0 if unbuffered else buffering, *args, **rest))

    @contextlib.contextmanager
    def watching(self) -> Iterator[World]:
        """Stand in between."""
        with contextlib.ExitStack() as stack:
            for name in BY_PATH:
                stack.enter_context(mock.patch.object(os, name, self._by_path(name)))
            for name in BY_DESCRIPTOR:
                stack.enter_context(mock.patch.object(os, name, self._by_descriptor(name)))
            stack.enter_context(mock.patch.object(os, "close", self._close))
            stack.enter_context(mock.patch.object(builtins, "open", self._opened))
            stack.enter_context(mock.patch.object(io, "open", self._opened))
            stack.enter_context(mock.patch.object(checkpoint.safetensors, "safe_open", self._tensors))
            yield self
        for descriptor in self._bare:  # a process that ends loses its descriptors and its locks
            os.close(descriptor)

    def _tensors(self, path: Any, **rest: Any) -> Any:
        self._count(f"map {os.path.basename(path)}")
        return SAFE_OPEN(path, **rest)


SAFE_OPEN = checkpoint.safetensors.safe_open
BY_PATH = (
    "open", "mkdir", "replace", "rename", "unlink", "stat", "lstat", "listdir", "scandir", "truncate", "rmdir",
)  # fmt: skip
BY_DESCRIPTOR = ("write", "fsync", "fstat", "ftruncate", "pread", "fchmod")


class _File:
    """A file of the folder whose calls are counted, and which always closes."""

    def __init__(self, world: World, file: Any) -> None:
        self._world, self._file = world, file

    def write(self, data: Any) -> int:
        half = data[: len(data) // 2]
        self._world._count("file.write", lambda: self._file.write(half))
        return int(self._file.write(data))

    def read(self, *args: Any) -> Any:
        self._world._count("file.read")
        return self._file.read(*args)

    def fileno(self) -> int:
        number = int(self._file.fileno())
        self._world._ours.add(number)
        return number

    def close(self) -> None:
        with contextlib.suppress(ValueError):
            self._world._ours.discard(self._file.fileno())
        self._file.close()

    def __enter__(self) -> _File:
        return self

    def __exit__(self, *args: Any) -> None:
        self.close()

    def __iter__(self) -> Any:
        return iter(self._file)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


# --- runs -------------------------------------------------------------------------------------------------------------

TINY: dict[str, Any] = {
    "hidden": 3, "layers": 1, "embedding": 3, "batch": 2, "bptt": 3, "steps": 12, "eval_every": 4, "log_every": 2,
    "eval_tokens": 20, "sample_length": 3, "save_every": 2.5, "ema": 0.0, "dropout": 0.0, "weight_drop": 0.0,
}  # fmt: skip


PAIRS: dict[str, Any] = {
    **TINY, "hidden": 4, "embedding": 4, "dropout": 0.1, "batch": 10, "bptt": 10, "valid_fraction": 0.1,
    "test_fraction": 0.05,
}  # fmt: skip
"""A tiny translation run: six batches an epoch, so that most points are in the middle of one."""


@dataclasses.dataclass(frozen=True)
class Variant:
    """One kind of run: its settings, and what happens during it."""

    settings: dict[str, Any]
    purpose: str = "language"
    ask: dict[int, dict[str, Any]] = dataclasses.field(default_factory=dict)
    """Requests, by the step before which each is made once."""
    may_be_lost: bool = False
    """Whether a killed run may end without a request that was not answered."""
    poison: int = -1
    """The step at which the loss is NaN until the learning rate is halved."""
    begins: str = "new"
    """"new", "fork" (of another run's best), or "stopped" (at step 7, so that the engine resumes)."""


VARIANTS = {
    "plain": Variant({}),
    "patience": Variant({"patience": 2, "lr": 1.0, "steps": 24, "eval_every": 2}),
    "ema": Variant({"ema": 0.9}),
    "sgd": Variant({"optimizer": "sgd", "momentum": 0.9}),
    "gru": Variant({"cell": "gru", "layers": 2}),
    "pieces": Variant({"tokens": "bpe", "vocabulary": 260}),
    "unvalidated": Variant({"valid_fraction": 0.0}),
    "resume": Variant({}, begins="stopped"),
    "fork": Variant({}, begins="fork"),
    "set": Variant({}, ask={7: {"op": "set", "key": "lr", "value": 0.3}}, may_be_lost=True),
    "rewind": Variant({}, ask={7: {"op": "rewind"}, 10: {"op": "save"}}),
    "rollback": Variant({}, poison=7),
    "poisoned": Variant({}, poison=8),
    "translation": Variant({"ema": 0.9}, purpose="translation"),
    "translation, resumed": Variant({"tokens": "bpe", "vocabulary": 270}, purpose="translation", begins="stopped"),
}


class Bench:
    """Runs of one variant, each in a fresh folder under `root`."""

    def __init__(self, root: Path, variant: Variant) -> None:
        self.root, self.variant = root, variant
        create, basis = (translation_run.create, PAIRS) if variant.purpose == "translation" else (tiny.create, TINY)
        self._template = create(root, "template", **{**basis, **variant.settings})
        if variant.begins == "fork":
            with self._engine(self._template):
                process.main([str(self._template.path)])
            child = RunFolder(root / "child")
            fork.fork(self._template, child, at="8", changes={"steps": "20"})
            self._template = child
        elif variant.begins == "stopped":
            with self._engine(self._template, stop=7):
                process.main([str(self._template.path)])

    def fresh(self, name: str = "run") -> RunFolder:
        """Return a copy of the template."""
        run = RunFolder(self._template.path.parent / name)
        shutil.rmtree(run.path, ignore_errors=True)
        shutil.copytree(self._template.path, run.path)
        return run

    def live(self, run: RunFolder, world: World) -> int | None:
        """Run one engine; return its exit code, None if it was killed."""
        with self._engine(run), world.watching():
            try:
                with contextlib.redirect_stderr(io.StringIO()):
                    return process.main([str(run.path)])
            except Killed:
                return None

    @contextlib.contextmanager
    def _engine(self, run: RunFolder, stop: int = -1) -> Iterator[None]:
        """Have the engine's time pass with its steps, and nothing in it that takes long or a thread."""
        variant, ticks, asked = self.variant, iter(range(1 << 30)), set()
        step, gradient = train.Trainer._step, LanguageModel.gradient
        trainers: list[Any] = []

        def counted_step(trainer: Any) -> bool:
            trainers[:] = [trainer]
            try:
                return step(trainer)
            finally:
                trainers.clear()

        def answer(trainer: Any) -> None:
            at = trainer.progress.step
            if at == stop:
                raise train.Stop
            if at in variant.ask and at not in asked and trainer.progress.rollbacks == 0:
                asked.add(at)
                with mock.patch.multiple(os, **REAL):
                    append_json_line(run.requests, {"id": str(at), **variant.ask[at]})
            answer_requests(trainer)

        def poisoned(network: Any, *args: Any) -> float:
            bad = trainers and trainers[0].progress.step == variant.poison and trainers[0].progress.lr_scale == 1
            return math.nan if bad else gradient(network, *args)

        answer_requests = train.answer_requests
        clock = mock.Mock(wraps=checkpointing.time, monotonic=lambda: float(next(ticks)))
        with (
            mock.patch.object(process, "RunWriter", lambda run: RunWriter(run, interval=3600)),
            mock.patch.object(process.signal, "signal"),
            mock.patch.object(train, "compile_kernels", return_value=0),
            mock.patch.object(language.gradient_flow, "from_dataset", return_value=None),
            mock.patch.object(checkpointing, "time", clock),
            mock.patch.object(requests, "POLL_SECONDS", 0.0),
            mock.patch.object(train.Trainer, "_step", counted_step),
            mock.patch.object(train, "answer_requests", answer),
            mock.patch.object(LanguageModel, "gradient", poisoned),
        ):
            yield


REAL = {name: getattr(os, name) for name in (*BY_PATH, *BY_DESCRIPTOR, "close")}


@dataclasses.dataclass(frozen=True)
class Outcome:
    """The results of a finished run, which must not depend on faults."""

    weights: dict[str, bytes]
    best: dict[str, Any] | None
    best_weights: dict[str, bytes] | None
    metrics: list[tuple[Any, ...]]
    samples: list[dict[str, Any]]
    state: str
    """The state in status.json."""
    left: list[str]
    """Temporary files left over."""


def outcome(run: RunFolder) -> Outcome:
    """Read the results of a run."""
    best = checkpoint.best_path(run)
    metrics = [(m["split"], m["step"], m.get("loss"), m.get("nll"), m.get("best")) for m in tiny.lines(run.metrics)]
    tensors = {name: value.tobytes() for name, value in checkpoint.load(best).tensors.items()} if best else None
    left = [path.name for path in run.path.rglob(".*.tmp")]
    return Outcome(
        tiny.last_weights(run),
        read_json(run.checkpoints / "best.json"),
        tensors,
        metrics,
        tiny.lines(run.samples),
        str((read_json(run.status) or {}).get("state")),
        left,
    )


def differences(found: Outcome, expected: Outcome) -> list[str]:
    """Return the names of the fields in which two outcomes differ."""
    return [
        field.name
        for field in dataclasses.fields(Outcome)
        if getattr(found, field.name) != getattr(expected, field.name)
    ]


def try_point(bench: Bench, expected: Outcome, at: int, fault: str, unasked: Outcome | None = None) -> str:
    """Cause a fault at one call, resume until the run is finished, and return what is wrong, or an empty text.

    unasked    other results that are accepted where a request was not answered
    """
    run = bench.fresh()
    world = World(run.path, at, fault)
    code = bench.live(run, world)
    call = world.calls[at] if at < len(world.calls) else "(not reached)"
    where = f"call {at} {call} {fault}"
    if code == 0 and (wrong := [name for name in differences(outcome(run), expected) if name != "left"]):
        return f"{where}: ended with 0, other {', '.join(wrong)}"
    lives, answered = 0, bool(tiny.events(run, "answered"))
    while code != 0 or lives == 0:  # the last one removes temporary files
        code = bench.live(run, World(run.path))
        lives += 1
        if lives == 4:
            return f"{where}: does not resume: {(read_json(run.status) or {}).get('message')}"
    wrong = differences(outcome(run), expected)
    if wrong and unasked is not None and not answered:
        wrong = differences(outcome(run), unasked)
    return f"{where}: other {', '.join(wrong)}" if wrong else ""


def undisturbed(bench: Bench) -> tuple[Outcome, list[str]]:
    """Return the results of a run without faults, and the calls that it makes."""
    run = bench.fresh("undisturbed")
    world = World(run.path)
    code = bench.live(run, world)
    assert code == 0, read_json(run.status)
    return outcome(run), world.calls


def unasked_of(bench: Bench) -> Outcome | None:
    """Return the results of a run without requests where they are accepted, else None."""
    if not bench.variant.may_be_lost:
        return None
    asked, bench.variant = bench.variant, dataclasses.replace(bench.variant, ask={})
    found, _ = undisturbed(bench)
    bench.variant = asked
    return found


def main(arguments: list[str]) -> None:
    """Try the points of all variants, or of those given."""
    import argparse
    import collections
    import tempfile
    import time

    parser = argparse.ArgumentParser()
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--offset", type=int, default=0)
    parser.add_argument("variants", nargs="*")
    given = parser.parse_args(arguments)
    for name in given.variants or VARIANTS:
        root = Path(tempfile.mkdtemp(prefix="crash-", dir="/dev/shm"))
        os.environ["LSTMTUI_RUNS"] = str(root / "runs")
        begun = time.monotonic()
        bench = Bench(root, VARIANTS[name])
        expected, calls = undisturbed(bench)
        points = [(at, fault) for at in range(len(calls)) for fault in FAULTS][given.offset :: given.every]
        unasked = unasked_of(bench)
        found = [wrong for at, fault in points if (wrong := try_point(bench, expected, at, fault, unasked))]
        print(f"{name}: {len(calls)} calls, {len(points)} points, {len(found)} wrong, {time.monotonic() - begun:.0f} s")
        kinds = collections.Counter(" ".join(wrong.split()[2:]) for wrong in found)
        for kind, count in kinds.most_common(40):
            print(f"    {count:5} {kind}", flush=True)
        for wrong in found[:8]:
            print("       ", wrong)
        shutil.rmtree(root)


if __name__ == "__main__":
    import sys

    main(sys.argv[1:])
