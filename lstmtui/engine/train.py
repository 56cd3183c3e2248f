"""The training loop, read from top to bottom.

    prepare    corpus, tokenizer, network; kernels compiled; steps planned; weights initial or from a checkpoint
    loop       window > gradient > clip > step > metrics; now and then evaluate, sample, probe, save; answer requests
    finish     best weights evaluated on all of the validation and test text

Whatever decides the weights is a function of the settings and the step (and of live changes, which are checkpointed
at once), never of the clock, so a run that was interrupted anywhere ends in the same bytes.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from lstmtui import config
from lstmtui.data.batches import Streams
from lstmtui.data.corpus import Dataset, prepare
from lstmtui.data.tokens import load as load_tokenizer
from lstmtui.engine import checkpoint, inbox, plan, probes, schedule
from lstmtui.engine.backend import KERNEL_CACHE
from lstmtui.engine.evaluate import Evaluator, Result
from lstmtui.engine.identity import check_identity, identity
from lstmtui.engine.model import Dropout, Network
from lstmtui.engine.optimizer import Optimizer, finite
from lstmtui.engine.params import Arena, log_frequencies, parameters
from lstmtui.engine.progress import Interval, Progress
from lstmtui.engine.sample import Choice, Sampler
from lstmtui.errors import CorruptError, DivergedError, LstmtuiError, SaveError, UsageError
from lstmtui.machine import memory_mb
from lstmtui.runs.folder import RunFolder
from lstmtui.runs.writer import RunWriter

ROLLBACKS = 5
"""How often a run may become non-finite and go back before it is given up."""


class Stop(Exception):  # noqa: N818  (nothing went wrong)
    """Leave the loop, save, and end."""


class Trainer:
    """One run from its folder to its end."""

    def __init__(self, run: RunFolder, writer: RunWriter, interrupted: Callable[[], bool]) -> None:
        self.run, self.writer, self._interrupted = run, writer, interrupted
        self._begun = time.monotonic()
        self.settings = config.load(run.config)
        self.inbox = inbox.Inbox(run, writer)
        self.progress = Progress()
        self._saved_step = -1
        self._saved_at = time.monotonic()

    # --- prepare --------------------------------------------------------------------------------------------------

    def prepare(self) -> None:
        """Read the corpus, build the network, compile, plan, and stand at the first step to take."""
        s, writer = self.settings, self.writer
        writer.status(state="preparing")
        self.data = self._corpus()
        self.streams = Streams(self.data.train.tokens, s.batch or 1, s.bptt or 1)
        vocabulary = self.data.tokenizer.size
        if vocabulary < 2:
            raise UsageError(
                "The corpus has only one kind of token, so there is nothing to predict; give another text."
            )
        threads = s.threads or 1
        self.weights = Arena(parameters(s, vocabulary))
        self.network = Network(s, self.weights, self.streams.T, self.streams.B, threads=threads, backward=True)
        self.optimizer = Optimizer(s, self.weights, threads)
        self.sampler = Sampler(s, self.optimizer.evaluated, self.data.tokenizer)
        self.evaluator = None
        if len(self.data.valid.tokens) > 1:
            self.evaluator = Evaluator(
                s, self.optimizer.evaluated, self.data.valid, most=s.eval_tokens or 0, threads=threads
            )
        self.identity = identity(s, self.data.tokenizer)
        writer.status(parameters=self.weights.count, vocabulary=vocabulary)
        self._compile()
        self.plan = self._plan()
        writer.status(steps=self.plan.steps)
        self._begin()

    def _corpus(self) -> Dataset:
        s, writer = self.settings, self.writer

        def report(what: str, done: float) -> None:
            writer.status(preparing=what, preparing_done=round(done, 3))
            self._check_signals()

        data = prepare(
            train=s.corpus, valid=s.valid, test=s.test, tokens=s.tokens, limit=s.vocabulary,
            valid_fraction=s.valid_fraction, test_fraction=s.test_fraction, report=report,
        )  # fmt: skip
        known = plan.stored(self.run)
        if known is not None and known.corpus != data.digest:
            raise CorruptError(
                f"The text of run '{self.run.name}' is not what it was when the run began, so it cannot go on; "
                f"restore the text, or start a new run."
            )
        if not self.run.tokenizer.exists():
            data.tokenizer.save(self.run.tokenizer)
        elif load_tokenizer(self.run.tokenizer).digest() != data.tokenizer.digest():
            raise CorruptError(f"{self.run.tokenizer} is not the tokenizer of this run's text; start a new run.")
        self.writer.event(
            "prepared", train=len(data.train.tokens), valid=len(data.valid.tokens), test=len(data.test.tokens),
            vocabulary=data.tokenizer.size,
        )  # fmt: skip
        return data

    def _compile(self) -> None:
        """Call every kernel once, so that what follows is timed and shown without the compiler in it."""
        self.writer.status(state="compiling")
        begun = time.monotonic()
        self.weights.initialise(self.settings.seed)
        self._scratch_step()
        self._check_signals()
        x = np.zeros((self.network.T, self.network.B), np.int32)
        self.network.evaluate(x, x)
        next(self.sampler.tokens("", Choice(), np.random.default_rng(0)))
        if KERNEL_CACHE is None:
            self.writer.log("compiled kernels could not be kept: the cache folder cannot be written")
        self.writer.event("compiled", seconds=round(time.monotonic() - begun, 2))

    def _scratch_step(self) -> None:
        """Do all the work of a step; the weights it leaves behind mean nothing."""
        x, y = self.streams.window(0)
        loss = self.network.gradient(x, y, self._dropout(0))
        norm = self.optimizer.norm(self.network.gradients)
        if finite(loss, norm):
            self.optimizer.apply(
                self.network.gradients, norm=norm, step=1, lr=1e-6, clip=1.0, weight_decay=self._live("weight_decay")
            )
        self._check_signals()

    def _plan(self) -> plan.Plan:
        if (known := plan.stored(self.run)) is not None:
            return known
        s = self.settings
        steps, step_seconds = plan.steps_for(s, windows=self.streams.windows), None
        if steps is None:
            assert s.minutes is not None
            self.writer.status(state="measuring")
            step_seconds = plan.seconds_of(self._scratch_step)
            # A token costs a forward pass two fifths of a training step (a third, but with narrower products).
            per_token = 0.4 * step_seconds / self.streams.tokens_per_window
            final = per_token * (len(self.data.valid.tokens) + len(self.data.test.tokens))
            steps = plan.steps_within(
                60 * s.minutes - (time.monotonic() - self._begun),
                step=step_seconds,
                evaluation=per_token * (self.evaluator.predictions if self.evaluator else 0),
                eval_every=s.eval_every or 1,
                final=final + 1,
            )
        made = plan.Plan(steps=steps, corpus=self.data.digest, seconds_per_step=step_seconds)
        plan.store(self.run, made)
        self.writer.event("planned", steps=steps, seconds_per_step=step_seconds)
        return made

    def _begin(self) -> None:
        """Stand at the newest checkpoint that verifies, or at step 0."""
        found = checkpoint.newest(self.run, self.writer.log)
        if found is None:
            self.weights.initialise(self.settings.seed)
            self.weights["softmax.b"][...] = log_frequencies(self.data.train.tokens, self.data.tokenizer.size)
            self.optimizer.reset()
            self.network.reset()
            self.writer.cut_back({})
            self.save()
        else:
            self._restore(found)
            self.writer.event("resumed", step=self.progress.step)
        self.writer.status(step=self.progress.step)

    def _restore(self, found: checkpoint.Checkpoint) -> None:
        where = f"The checkpoint of step {found.step}"
        check_identity(found.about.get("identity"), self.identity, where)
        try:
            self.progress = Progress.from_dict(found.about["progress"])
            offsets = dict(found.about["offsets"])
        except (KeyError, TypeError) as error:
            raise CorruptError(f"{where} lacks what a run needs to go on.") from error
        for prefix, arena in self.optimizer.arenas().items():
            checkpoint.restore(arena.views, found.tensors, prefix, where)
        checkpoint.restore(self.network.states(), found.tensors, "state", where)
        self.writer.cut_back(offsets)
        self._saved_step = found.step

    # --- loop -----------------------------------------------------------------------------------------------------

    def train(self) -> None:
        """Take the steps that are left. Raises Stop when asked to, DivergedError when it makes no sense to go on."""
        p, s = self.progress, self.settings
        self.writer.status(state="training")
        self._interval_begun = time.perf_counter()
        self._catch_up()
        while p.step < self.plan.steps and not self._exhausted():
            self._answer_requests()
            begun = time.perf_counter()
            if not self._step():
                self._roll_back()
                p = self.progress
                continue
            p.seconds += time.perf_counter() - begun
            self.writer.status(step=p.step, epoch=self.streams.position(p.step).epoch, **self._rates())
            if p.step % (s.log_every or 1) == 0:
                self._log()
            if p.step % (s.eval_every or 1) == 0:
                self.evaluate()
            elif time.monotonic() - self._saved_at > s.save_every:
                self.save()

    def _catch_up(self) -> None:
        """Do the evaluation that an interruption at this very step left out."""
        p = self.progress
        if p.step and p.step % (self.settings.eval_every or 1) == 0 and p.evaluated != p.step:
            self.evaluate()

    def _exhausted(self) -> bool:
        patience = self.settings.patience
        return bool(patience) and self.progress.worse >= (patience or 0)

    def _step(self) -> bool:
        """Train on one window; return False, with the weights untouched, when it is not finite."""
        p = self.progress
        position = self.streams.position(p.step)
        if position.window == 0:
            self.network.reset()
        x, y = self.streams.window(position.window)
        loss = self.network.gradient(x, y, self._dropout(p.step))
        norm = self.optimizer.norm(self.network.gradients)
        if not finite(loss, norm):
            return False
        step = p.step + 1
        clipped = self.optimizer.apply(
            self.network.gradients, norm=norm, step=step, lr=self._lr(step), clip=self._live("clip"),
            weight_decay=self._live("weight_decay"),
        )  # fmt: skip
        self.network.carry()
        p.step = step
        p.tokens += self.streams.tokens_per_window
        p.interval.add(loss, norm, clipped)
        return True

    def _lr(self, step: int) -> float:
        s = self.settings
        curve = schedule.factor(step, steps=self.plan.steps, warmup=s.warmup or 0, kind=s.schedule, end=s.lr_end)
        return self._live("lr") * self.progress.lr_scale * curve

    def _live(self, name: str) -> Any:
        """Return a setting as it is now."""
        return self.progress.live.get(name, getattr(self.settings, name))

    def _dropout(self, step: int) -> Dropout:
        return Dropout(
            inputs=self._live("dropout_in"),
            layers=self._live("dropout"),
            weights=self._live("weight_drop"),
            key=(self.settings.seed << 32) + step,
        )

    def _rates(self) -> dict[str, float]:
        p = self.progress
        per_step = p.seconds / max(1, p.step)
        return {
            "seconds": round(p.seconds, 3),
            "seconds_left": round(per_step * (self.plan.steps - p.step), 1),
            "steps_per_second": round(1 / per_step, 3) if per_step else 0.0,
        }

    def _log(self) -> None:
        p, interval = self.progress, self.progress.interval
        now = time.perf_counter()
        speed = interval.steps * self.streams.tokens_per_window / max(1e-9, now - self._interval_begun)
        self.writer.metric(
            "train", step=p.step, tokens=p.tokens, seconds=round(p.seconds, 3), loss=interval.loss / interval.steps,
            lr=self._lr(p.step), grad_norm=interval.norm / interval.steps, clipped=interval.clipped / interval.steps,
            tokens_per_second=round(speed, 1), memory_mb=memory_mb(),
        )  # fmt: skip
        self.writer.status(tokens=p.tokens, tokens_per_second=round(speed, 1))
        p.interval = Interval()
        self._interval_begun = now

    # --- now and then ---------------------------------------------------------------------------------------------

    def evaluate(self) -> None:
        """Evaluate, sample and probe at this step, and keep the weights if they are the best so far."""
        p, away = self.progress, time.perf_counter()
        # Probes look at the training window that was read last, before anything else is read.
        self.writer.saturation(p.step, self.network.cell.gates, *probes.saturation(self.network))
        tokens = self.streams.window(self.streams.position(p.step - 1).window)[0][:, 0]
        self.writer.window(p.step, self.network.cell.gates, probes.window(self.network), tokens)
        better = False
        if self.evaluator is not None:
            self.writer.status(state="evaluating")
            found = self.evaluator.run(between=self._check_signals)
            better = found.nll < p.best_nll
            p.worse = 0 if better else p.worse + 1
            if better:
                p.best_nll, p.best_step = found.nll, p.step
            self.writer.metric(
                "valid", step=p.step, seconds=round(p.seconds, 3), nll=found.nll, perplexity=found.perplexity,
                bits_per_char=found.bits_per_char, best=better,
            )  # fmt: skip
            self.writer.event("evaluated", step=p.step, nll=found.nll, best=better)
            self.writer.status(state="training")
        p.evaluated = p.step
        self.sample()
        if better and self.save():
            self._mark_best()
        self._interval_begun += time.perf_counter() - away

    def sample(self) -> str:
        """Write some text as the weights are now."""
        p = self.progress
        choice = Choice(self._live("temperature"), self._live("top_k"), self._live("top_p"))
        prompt, length = self._live("prompt"), self._live("sample_length")
        random = np.random.default_rng([self.settings.seed, p.step])
        text = self.sampler.text(prompt, length, choice, random) if length else ""
        if text:
            self.writer.sample(step=p.step, temperature=choice.temperature, prompt=prompt, text=text)
        return text

    def save(self) -> bool:
        """Write a checkpoint; return False, and go on with the one before, when the disk does not take it."""
        p = self.progress
        tensors = {f"{prefix}.{k}": v for prefix, a in self.optimizer.arenas().items() for k, v in a.views.items()}
        tensors |= {f"state.{k}": v for k, v in self.network.states().items()}
        about = {"identity": self.identity, "progress": p.as_dict(), "offsets": self.writer.offsets()}
        self._saved_at = time.monotonic()
        try:
            checkpoint.save(self.run, p.step, tensors, about)
        except OSError as error:
            self.writer.event("save failed", step=p.step, reason=error.strerror or str(error))
            self.writer.log(f"checkpoint of step {p.step} could not be saved: {error.strerror or error}")
            return False
        self._saved_step = p.step
        self.writer.event("saved", step=p.step)
        return True

    def _mark_best(self) -> None:
        try:
            checkpoint.mark_best(self.run, self.progress.step, self.progress.best_nll)
        except OSError as error:
            self.writer.log(f"the best checkpoint could not be marked: {error.strerror or error}")

    def save_last(self) -> None:
        """Make sure that the step reached is on disk. Raises SaveError."""
        if self._saved_step != self.progress.step and not self.save():
            raise SaveError(
                f"The last save of run '{self.run.name}' at step {self.progress.step} failed; "
                f"make room on the disk and resume from step {max(0, self._saved_step)}."
            )

    def _roll_back(self) -> None:
        """Go back to the last good checkpoint with half the learning rate."""
        at, rollbacks, scale = self.progress.step, self.progress.rollbacks + 1, self.progress.lr_scale / 2
        self.writer.event("diverged", step=at)
        if rollbacks > ROLLBACKS:
            raise DivergedError(
                f"The loss became infinite or not a number {rollbacks} times, the last time at step {at}, although "
                f"the learning rate was halved each time; start again with a smaller --lr or --clip."
            )
        found = checkpoint.newest(self.run, self.writer.log)
        if found is None:
            raise DivergedError(f"The loss became infinite or not a number at step {at}, before anything was saved.")
        self._restore(found)
        self.progress.rollbacks, self.progress.lr_scale = rollbacks, scale
        self.writer.event("rolled back", step=self.progress.step, lr_scale=scale)
        self.writer.log(f"not finite at step {at}: back to step {found.step}, learning rate times {scale:g}")

    # --- requests and signals -------------------------------------------------------------------------------------

    def _check_signals(self) -> None:
        if self._interrupted():
            raise Stop

    def _answer_requests(self) -> None:
        """Do what viewers ask; while paused, wait here."""
        paused = False
        while True:
            self._check_signals()
            for request in self.inbox.new():
                if request.op == "stop":
                    request.answer("Saving and stopping.")
                    raise Stop
                if request.op in ("pause", "continue"):
                    paused = request.op == "pause"
                    request.answer("Paused." if paused else "Going on.")
                else:
                    self._do(request)
            if not paused:
                break
            if self.writer.state != "paused":
                self.writer.status(state="paused")
                self.writer.event("paused", step=self.progress.step)
            away = time.perf_counter()
            time.sleep(0.05)
            self._interval_begun += time.perf_counter() - away
        if self.writer.state == "paused":
            self.writer.event("continued", step=self.progress.step)
            self.writer.status(state="training")

    def _do(self, request: inbox.Request) -> None:
        if request.op == "save":
            saved = self.save()
            request.answer(f"Saved step {self.progress.step}." if saved else "The disk did not take it.", ok=saved)
        elif request.op == "sample":
            self.sample()
            request.answer("Sampled.")
        elif request.op == "set":
            try:
                value = config.convert(request.key, request.value, "set")
            except UsageError as error:
                request.answer(str(error), ok=False)
                return
            before = self._live(request.key)
            self.progress.live[request.key] = value
            self.writer.event("set", step=self.progress.step, key=request.key, before=before, value=value)
            # Saved at once: a resume from before this step would otherwise not know of it.
            self.save()
            request.answer(f"{request.key} is now {value} (it was {before}).")

    # --- finish ---------------------------------------------------------------------------------------------------

    def finish(self) -> dict[str, Any]:
        """Evaluate the best weights on all there is, and return the result that status.json shows."""
        self.save_last()
        p, s = self.progress, self.settings
        if p.evaluated != p.step:
            self.evaluate()
            self.save_last()
        self.writer.status(state="evaluating")
        kept = self.optimizer.evaluated.flat.copy()
        chosen = checkpoint.best(self.run, self.writer.log)
        prefix = "ema" if s.ema else "weights"
        if chosen is not None:
            checkpoint.restore(self.optimizer.evaluated.views, chosen.tensors, prefix, "The best checkpoint")
        result: dict[str, Any] = {
            "best_step": chosen.step if chosen else p.step,
            "seconds": round(p.seconds, 1),
            "sample": self.sample(),
        }
        for name, split in (("valid", self.data.valid), ("test", self.data.test)):
            if len(split.tokens) > 1:
                result[name] = self._evaluate_all(split).as_dict()
        self.optimizer.evaluated.flat[...] = kept
        return result

    def _evaluate_all(self, split: Any) -> Result:
        s = self.settings
        evaluator = Evaluator(s, self.optimizer.evaluated, split, threads=s.threads or 1)
        return evaluator.run(between=self._check_signals)


def run_to_the_end(trainer: Trainer) -> str:
    """Train and return the state the run ends in. Raises LstmtuiError; whatever was reached has been saved."""
    try:
        trainer.prepare()
    except Stop:
        return "stopped"
    except MemoryError as error:
        raise LstmtuiError(
            "The network does not fit the memory; choose a smaller --hidden, --batch or --bptt."
        ) from error
    try:
        trainer.train()
        result = trainer.finish()
    except Stop:
        trainer.save_last()
        trainer.writer.event("stopped", step=trainer.progress.step)
        return "stopped"
    trainer.writer.status(result=result)
    trainer.writer.event("finished", step=trainer.progress.step, **_figures(result))
    return "finished"


def _figures(result: dict[str, Any]) -> dict[str, Any]:
    return {name: result[name]["nll"] for name in ("valid", "test") if name in result}
