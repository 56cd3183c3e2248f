"""From settings to a network that is ready to train: corpus, tokenizer, buffers, compiled kernels, plan."""

from __future__ import annotations

import dataclasses
import math
import shlex
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lstmtui.common.files import exists
from lstmtui.common.hardware import cpu_count
from lstmtui.config import RunSettings
from lstmtui.data import corpus
from lstmtui.data.batches import Streams
from lstmtui.data.corpus import Dataset, tokenise_corpus
from lstmtui.data.tokens import load as load_tokenizer
from lstmtui.engine.backend import HAS_BFLOAT16, Device, ProgressCallback, collect_jobs, compile_all, device
from lstmtui.engine.inference.evaluate import Evaluator
from lstmtui.engine.inference.sampler import Sampler, SamplingOptions
from lstmtui.engine.nn.language_model import Network, activation_count
from lstmtui.engine.nn.optimizer import Optimizer, finite
from lstmtui.engine.nn.params import Arena, Mirror, log_frequencies, parameters
from lstmtui.engine.nn.recurrent import Dropout, Penalty
from lstmtui.engine.training import step_plan
from lstmtui.engine.training.time_budget import LAST, Costs
from lstmtui.errors import CorruptError, UsageError
from lstmtui.runs.folder import RunFolder
from lstmtui.runs.writer import RunWriter

Check = Callable[[], None]
"""Called between pieces of work; raises when the engine is asked to stop."""


def read_corpus(run: RunFolder, s: RunSettings, writer: RunWriter, check: Check) -> Dataset:
    """Return the run's tokens, the same as when it began. Raises UsageError, and CorruptError when they are not."""

    def report(what: str, done: float) -> None:
        writer.status(preparing=what, preparing_done=round(done, 3))
        check()

    data = stored_corpus(run, s, report, writer)
    corpus.retain_dataset(data.digest, run.path)
    if not _is_there(run.tokenizer):
        data.tokenizer.save(run.tokenizer)
    elif load_tokenizer(run.tokenizer).digest() != data.tokenizer.digest():
        raise CorruptError(f"{run.tokenizer} is not the tokenizer of this run's text; start a new run.")
    return data


def stored_corpus(
    run: RunFolder, s: RunSettings, report: corpus.Report = lambda what, done: None, writer: RunWriter | None = None
) -> Dataset:
    """Return the tokens that a run began with, from the cache even where the text has changed since.

    Raises UsageError for a text that cannot be read when the run begins; CorruptError where the text has changed and
    its tokens are no longer there.
    """
    known = step_plan.stored(run)
    if known is None:
        return tokenise_corpus(s.data, report=report)
    kept, changed = corpus.load_dataset(known.corpus, ", ".join(s.data.corpus)), _what_changed(s, known.corpus)
    anew = f"'{shlex.join(['lstmtui', 'train', *s.data.corpus])}' trains a new run on it as it is now"
    if not changed:
        return kept or tokenise_corpus(s.data, report=report)
    if kept is None:
        raise CorruptError(
            f"The text of run '{run.name}' {changed}, and the tokens it began with are no longer in the cache, so it "
            f"cannot go on; restore the text, or give up this run: {anew}."
        )
    if writer is not None:
        said = f"The text {changed}; the run goes on with the text that it began with, and {anew}."
        writer.log(said)
        writer.event("noted", message=said)
    return kept


def _what_changed(s: RunSettings, digest: str) -> str:
    """Return what has become of the text whose tokens had `digest`, in words; nothing where it is the same."""
    try:
        return "" if corpus.corpus_digest(s.data) == digest else "has changed since the run began"
    except UsageError as error:
        return f"cannot be read any more ({str(error).rstrip('.')})"


def _is_there(path: Path) -> bool:
    try:
        return exists(path)
    except OSError as error:
        raise CorruptError(f"{path} cannot be read ({error.strerror or error}).") from error


@dataclass(frozen=True, slots=True)
class Setup:
    """Everything a training step touches."""

    settings: RunSettings
    data: Dataset
    streams: Streams
    weights: Arena
    network: Network
    optimizer: Optimizer
    seen: Mirror
    """The weights, on the host."""
    shown: Mirror
    """Those that evaluate best, on the host: what samples are written with."""
    sampler: Sampler
    evaluator: Evaluator | None
    """None where there is no text to validate on."""

    def initialise(self) -> None:
        """Stand before the first step."""
        self.weights.initialise(self.settings.run.seed)
        with self.weights.on_host() as views:
            views["softmax.b"][...] = log_frequencies(self.data.train.tokens, self.data.tokenizer.size)
        self.optimizer.reset()
        self.network.reset()


def build(s: RunSettings, data: Dataset) -> Setup:
    """Make the network and its buffers on the device that is set.

    Raises UsageError for a corpus shorter than one window and for a device that cannot be used, MemoryError.
    """
    on = device(s.run.device)
    if s.run.precision == "bfloat16" and on.name == "cpu" and not HAS_BFLOAT16:
        raise UsageError(
            "bfloat16 products are compiled code, and NUMBA_DISABLE_JIT is set; leave precision at auto or say float32."
        )
    threads = s.run.threads
    streams = Streams(data.train.tokens, s.length.batch, s.length.bptt)
    check_room(s, data.tokenizer.size, streams.T, streams.B, on)
    weights = Arena(parameters(s, data.tokenizer.size), device=on)
    network = Network(s, weights, streams.T, streams.B, threads=threads, backward=True)
    optimizer = Optimizer(s, weights, threads)
    evaluator = None
    if len(data.valid.tokens) > 1:
        most = s.run.eval_tokens
        # As many streams as threads, as ever: what is the best so far stays comparable when a run is resumed.
        evaluator = Evaluator(
            s, optimizer.evaluated, data.valid, data.tokenizer, max_tokens=most, threads=threads, streams=threads
        )
    seen = Mirror(weights)
    shown = seen if optimizer.evaluated is weights else Mirror(optimizer.evaluated)
    sampler = Sampler(s, shown.host, data.tokenizer)
    return Setup(s, data, streams, weights, network, optimizer, seen, shown, sampler, evaluator)


def check_room(s: RunSettings, V: int, T: int, B: int, on: Device) -> None:
    """Refuse what does not fit the memory of a GPU, where allocating finds out only piece by piece.

    Raises UsageError with what is needed and what would fit.
    """
    free = on.free_memory()
    if free is None:
        return
    needed = device_bytes(s, V, T, B)
    if needed <= free:
        return
    fits = next((b for b in (B // 2**k for k in range(1, 17)) if b and device_bytes(s, V, T, b) <= free), None)
    advice = f"--batch {fits} would fit" if fits else "choose a smaller --hidden or --bptt"
    raise UsageError(
        f"The network needs about {needed / 1e9:.2f} GB on the GPU, of which {free / 1e9:.2f} GB are free; {advice}, "
        f"and --device cpu uses this machine's own memory."
    )


def device_bytes(s: RunSettings, V: int, T: int, B: int) -> int:
    """Return about how many bytes a run holds on its device."""
    weights = sum(int(np.prod(p.shape)) for p in parameters(s, V))
    # Gradients, moments and averages lie beside the weights, and both networks have packed copies.
    copies = 3 + (s.optimisation.optimizer == "adamw") + bool(s.optimisation.ema) + 2
    return 4 * (copies * weights + activation_count(s, V, T, B) + EVALUATED * V)


EVALUATED = 2048
"""Positions that are evaluated at once, at most: each has logits."""


def with_window(setup: Setup, T: int, shift: int) -> Setup:
    """Return `setup` with windows of T steps and the states as they are. Raises UsageError and MemoryError."""
    s = setup.settings
    streams = Streams(setup.data.train.tokens, setup.streams.B, T)
    streams.shift = shift
    network = Network(s, setup.weights, T, streams.B, threads=s.run.threads, backward=True)
    network.take_states(setup.network.states())
    return dataclasses.replace(setup, streams=streams, network=network)


def scratch_step(setup: Setup, drop: Dropout, penalties: Penalty) -> None:
    """Do all the work of a step; the weights it leaves behind mean nothing."""
    x, y = setup.streams.window(0)
    loss = setup.network.gradient(x, y, drop, penalties)
    norm = setup.optimizer.norm(setup.network.gradients)
    if finite(loss, norm):
        setup.optimizer.apply(setup.network.gradients, norm=norm, step=1, lr=1e-6, clip=1.0, weight_decay=0.0)


def compile_kernels(
    setup: Setup, drop: Dropout, penalties: Penalty, report: ProgressCallback, also: Callable[[], object]
) -> int:
    """Have every kernel that a run calls compiled, and those of `also`, so that no later step waits for the compiler.

    Returns how many were not in the cache. `report` hears of what is being compiled; it may raise.
    """

    def everything() -> None:
        scratch_step(setup, drop, penalties)
        x = np.zeros((setup.network.T, setup.network.B), np.int32)
        setup.network.evaluate(x, x)
        next(setup.sampler.tokens("", SamplingOptions(), np.random.default_rng(0)))
        also()

    return compile_all(collect_jobs(everything), report, processes=cpu_count())


TRAINING = 0.5
"""The part of the minutes that is trained for in any case: on a slow machine the first compiling may take them all."""


def make_plan(setup: Setup, drop: Dropout, penalties: Penalty, *, spent: float, check: Check) -> step_plan.Plan:
    """Decide how many steps to take; where time decides, measure a step first. `spent` seconds are gone already."""
    s, digest = setup.settings, setup.data.digest
    steps = step_plan.steps_for(s, windows=setup.streams.windows)
    if steps is not None:
        return step_plan.Plan(steps=steps, corpus=digest)
    begun = time.monotonic()
    step = measure(setup, drop, penalties, check)
    around = costs(setup, step)
    seconds = 60 * s.length.amount - spent - (time.monotonic() - begun)
    seconds = max(seconds, TRAINING * 60 * s.length.amount)
    steps = step_plan.steps_within(
        seconds, step=step, evaluation=around.evaluation, eval_every=s.run.eval_every, final=around.final
    )
    return step_plan.Plan(steps=steps, corpus=digest, seconds_per_step=step, seconds=seconds)


def measure(setup: Setup, drop: Dropout, penalties: Penalty, check: Check) -> float:
    """Return the seconds of a step; the weights it leaves behind mean nothing."""

    def one_step() -> None:
        scratch_step(setup, drop, penalties)
        check()

    return step_plan.median_seconds(one_step)


def costs(setup: Setup, step: float, per_token: float | None = None) -> Costs:
    """Return what evaluations take where a step takes `step` seconds, and to evaluate a token `per_token`."""
    if per_token is None:
        # A token costs a forward pass two fifths of a training step (a third, but with narrower products).
        per_token = 0.4 * step / setup.streams.tokens_per_window
    whole = per_token * (len(setup.data.valid.tokens) + len(setup.data.test.tokens))
    most = math.inf if setup.settings.length.minutes is None else LAST * 60 * setup.settings.length.minutes
    return Costs(
        evaluation=per_token * (setup.evaluator.predictions if setup.evaluator else 0),
        final=1 + min(whole, most),
        share=min(1.0, most / max(1e-9, whole)),
    )
