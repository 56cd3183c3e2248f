"""The training loop, read from top to bottom.

    prepare    data, model, compiled kernels, plan; weights initial or from a checkpoint
    loop       batch > gradient > clip > step > metrics; now and then evaluate, sample, probe, save; answer requests
    finish     the best weights evaluated on all validation and test data

What is learnt is the task's (`lstmtui.engine.tasks`). Whatever decides the weights is a function of the settings and
the step (and of live changes, which are checkpointed at once), never of the clock, so a run that was interrupted
anywhere ends in the same bytes. Only how many steps fit the minutes that a run was given follows the clock
(`time_budget.py`), and stands in plan.json as soon as it is known.
"""

from __future__ import annotations

import contextlib
import dataclasses
import time
from collections.abc import Callable
from typing import Any

from lstmtui import config
from lstmtui.common.files import write_atomically
from lstmtui.common.hardware import process_memory_mb
from lstmtui.engine import step_plan
from lstmtui.engine.analysis import gate_statistics
from lstmtui.engine.backend import KERNEL_CACHE, device
from lstmtui.engine.checkpoint import Checkpoint
from lstmtui.engine.nn import schedule, training_step
from lstmtui.engine.tasks import task_of
from lstmtui.engine.training import extension, steering
from lstmtui.engine.training.checkpointing import CheckpointManager
from lstmtui.engine.training.extension import Extension
from lstmtui.engine.training.planning import compile_kernels, costs, make_plan, measure
from lstmtui.engine.training.progress import Interval, Progress
from lstmtui.engine.training.requests import RequestReader, Stop
from lstmtui.engine.training.settings_in_force import SettingsInForce
from lstmtui.engine.training.time_budget import TimeBudget
from lstmtui.engine.training.waiting import interruptible
from lstmtui.errors import DivergedError, LstmtuiError, SaveError
from lstmtui.runs.folder import RunFolder
from lstmtui.runs.snapshot import LANGUAGE_FIGURE
from lstmtui.runs.writer import RunWriter

MAX_ROLLBACKS = 5
"""How often a run may become non-finite and go back before it is given up."""


class Trainer:
    """One run from its folder to its end."""

    def __init__(
        self,
        run: RunFolder,
        writer: RunWriter,
        interrupted: Callable[[], bool],
        device: str | None = None,
        more: Extension | None = None,
    ) -> None:
        """`device` is where to compute, if not where the run's settings say; `more` is to be trained from here on."""
        self._initial_run, self.writer, self._interrupted, self._more = run, writer, interrupted, more
        self._begun = time.monotonic()
        self.settings = config.load(run.config)
        if device is not None:
            self.settings = self.settings.changed(device=device)
        self.inbox = RequestReader(writer)
        self.progress = Progress()
        self._update_ratio = 0.0
        self.changes = steering.Changes(self)
        self.is_consistent = True
        """Whether weights, states and progress belong to one step, so that they can be saved."""

    @property
    def run(self) -> RunFolder:
        """The run's folder, where it is now."""
        return self.writer.run

    # --- prepare --------------------------------------------------------------------------------------------------

    def prepare(self) -> None:
        """Read the corpus, build the network, compile, plan, and stand at the first step to take."""
        s, writer = self.settings, self.writer
        writer.status(state="preparing")
        device(s.run.device)  # refused before the data is read, which may take long
        self.task = task_of(s, writer, self._check_signals)
        writer.event("prepared", **interruptible(self.task.read_data, self._check_signals))
        self.task.build()
        self.checkpoints = CheckpointManager(writer, self.task)
        writer.status(state="compiling", parameters=self.task.model.weights.count, **self.task.status)
        self._compile()
        if KERNEL_CACHE is None:
            writer.log("compiled kernels are not kept: the cache folder cannot be written, or others may write there")
        if self._more and step_plan.stored(self.run) is None:  # it never came to its first step: nothing is to be moved
            self._write_length(self._more.begin())
            self._more = None
        self.plan = step_plan.stored(self.run) or self._new_plan()
        seconds_per_step = self._measured() if self._more and self._more.unit == "minutes" else 0.0
        self._begin()
        if self._more:
            self._extend(self._more, seconds_per_step)
        self.time_budget = TimeBudget(self.settings, self.progress)
        writer.status(steps=self.plan.total, step=self.progress.step)

    def _compile(self) -> None:
        begun = time.monotonic()

        def report(done: int, total: int, kernel: str) -> None:
            self.writer.status(compiling=kernel, compiling_kernels=total, compiling_done=round(done / total, 3))
            self._check_signals()

        count = compile_kernels(self.task, self._in_force_at_first.full_regularisers(), report)
        self.writer.event("compiled", kernels=count, seconds=round(time.monotonic() - begun, 2))

    @property
    def _in_force_at_first(self) -> SettingsInForce:
        """The settings before there is a plan."""
        return SettingsInForce(self.settings, self.progress, step_plan.Plan(steps=1, corpus=""))

    @property
    def in_force(self) -> SettingsInForce:
        """The settings as they are now."""
        return SettingsInForce(self.settings, self.progress, self.plan)

    def _new_plan(self) -> step_plan.Plan:
        self.writer.status(state="measuring")
        regularisers = self._in_force_at_first.full_regularisers()
        made = make_plan(self.task, regularisers, spent=time.monotonic() - self._begun, check=self._check_signals)
        step_plan.store(self.run, made)
        self.writer.event("planned", steps=made.steps, seconds_per_step=made.seconds_per_step)
        asked = self.settings.optimisation.warmup
        if (warmup := schedule.warmup_steps(asked, made.steps)) < asked:
            self.writer.event("warm-up shortened", asked=asked, warmup=warmup, steps=made.steps)
        return made

    def _measured(self) -> float:
        """Return the seconds of a step; what it leaves of the weights means nothing."""
        self.writer.status(state="measuring")
        return measure(self.task, self._in_force_at_first.full_regularisers(), self._check_signals)

    def _extend(self, more: Extension, seconds_per_step: float) -> None:
        """Move the end of the schedule to `more` from where the run stands."""
        p, s, before = self.progress, self.settings, self.plan
        spent = time.monotonic() - self._begun
        total = p.step + extension.extra_steps(
            more, windows=self.task.steps_per_epoch, step=seconds_per_step, costs=costs(self.task, seconds_per_step),
            eval_every=s.run.eval_every, spent=spent,
        )  # fmt: skip
        lr_before = self.in_force.lr(p.step) if p.step else 0.0
        self.plan = extension.extended(before, s, p.step, total)
        if more.unit == "minutes":
            left = p.elapsed + extension.seconds_left(more, spent)
            self.plan = dataclasses.replace(self.plan, seconds=left, seconds_per_step=seconds_per_step)
        p.worse, p.reached = 0, False  # what ended it would end it again at once
        self.checkpoints.save(p)
        self._write_length(more.length(p, total))
        step_plan.store(self.run, self.plan)  # before it counts: a resume must take the same steps
        self.writer.event("extended", **extension.describe(p.step, before.total, total, self.in_force.lr, lr_before))

    def _write_length(self, length: dict[str, float | None]) -> None:
        """Write how long the run is to be trained into its config.toml, and go by it."""
        written = config.load(self.run.config).changed(**length)
        write_atomically(self.run.config, config.dump(written).encode())
        self.settings = self.task.settings = self.settings.changed(**length)

    def _begin(self) -> None:
        """Stand at the newest checkpoint that verifies, or at step 0."""
        found = self.checkpoints.restore_newest()
        if found is not None:
            self.progress = found
            self.restore_live()
            self.writer.event("resumed", step=found.step)
        else:
            interruptible(self.task.initialise, self._check_signals)  # 4096 units take a minute
            self.writer.truncate_to({})
            self.progress.anchor()
            self.checkpoints.save_anchor(self.progress)

    # --- loop -----------------------------------------------------------------------------------------------------

    def train(self) -> None:
        """Take the steps that are left. Raises Stop when asked to, DivergedError when it makes no sense to go on."""
        p, s = self.progress, self.settings
        self.writer.status(state="training", live=self.live_settings())
        self._interval_begun = time.perf_counter()
        self._make_up_evaluation()
        while p.step < self.plan.total and not self._has_ended():
            self._answer_requests()
            p = self.progress
            begun = time.perf_counter()
            if not self._step():
                self._roll_back()
                p = self.progress
                continue
            p.seconds += time.perf_counter() - begun
            self.writer.status(step=p.step, epoch=self.task.epoch(p.step), **self._rates())
            if p.step % s.run.log_every == 0:
                self._log()
            if p.step % s.run.eval_every == 0:
                self.evaluate()
            elif self.checkpoints.is_due(s.run.save_every):
                self.checkpoints.save(p)
            p.elapsed += time.perf_counter() - begun
            if p.step % s.run.log_every == 0:
                self._replan()

    def _make_up_evaluation(self) -> None:
        """Do the evaluation that an interruption at this very step left out."""
        p, begun = self.progress, time.perf_counter()
        if p.step and p.step % self.settings.run.eval_every == 0 and p.evaluated != p.step:
            self.evaluate()
            p.elapsed += time.perf_counter() - begun

    def _has_ended(self) -> bool:
        """Return whether the run ends before its last step: the task is learnt, or nothing gets better any more."""
        patience = self.settings.length.patience
        return self.progress.reached or 0 < patience <= self.progress.worse

    def _replan(self) -> None:
        """Take other steps than planned where these do not fit the time that was given."""
        p, before = self.progress, self.plan.total
        seconds = self.time_budget.seconds_per_step(self.plan, p)
        if seconds is None:
            return
        made = self.time_budget.replan(self.plan, p, seconds, costs(self.task, seconds, self.time_budget.per_token))
        if made is None:
            return
        try:
            step_plan.store(self.run, made)  # before it counts: a resume must take the same steps
        except OSError as error:
            self.writer.log(f"the plan of step {p.step} could not be written: {error.strerror or error}")
            return
        self.plan = made
        self.writer.event("replanned", step=p.step, before=before, steps=made.total, seconds_per_step=seconds)
        self.writer.status(steps=made.total)

    def _step(self) -> bool:
        """Train on one batch; return False, with the weights untouched, when it is not finite."""
        p, task, in_force = self.progress, self.task, self.in_force
        weights, regularisers = task.model.weights, in_force.regularisers(p.step)
        gradient = training_step.compute_gradient(
            task.optimizer, task.model.gradients, lambda: task.gradient(p.step, regularisers)
        )
        if not gradient.is_finite:
            return False
        step = p.step + 1
        self.is_consistent = False
        before = gate_statistics.sample_weights(weights) if step % self.settings.run.log_every == 0 else None
        clipped = training_step.apply_gradient(task.optimizer, gradient, in_force.update(step))
        if before is not None:
            self._update_ratio = gate_statistics.update_ratio(before, gate_statistics.sample_weights(weights))
        task.end_step()
        p.step = step
        p.tokens += task.tokens_per_step
        p.interval.add(gradient.loss, gradient.norm, clipped)
        self.is_consistent = True
        return True

    def live_settings(self) -> dict[str, Any]:
        """Return every setting that can be changed now, as it is."""
        in_force = self.in_force
        return {name: in_force.value(name) for name in self.task.live}

    def restore_live(self) -> None:
        """Have the task go by the live settings of `progress`. Raises UsageError and MemoryError."""
        self.task.restore_live(self.in_force.value, self.progress.shift)

    def _rates(self) -> dict[str, float]:
        p = self.progress
        per_step = p.seconds / max(1, p.step)
        left = per_step * (self.plan.total - p.step)
        if self.plan.seconds is not None and self.settings.length.minutes is not None:
            left = max(0.0, self.plan.seconds - p.elapsed)
        return {
            "seconds": round(p.seconds, 3),
            "seconds_left": round(left, 1),
            "steps_per_second": round(1 / per_step, 3) if per_step else 0.0,
        }

    def _log(self) -> None:
        p, interval = self.progress, self.progress.interval
        now = time.perf_counter()
        speed = interval.steps * self.task.tokens_per_step / max(1e-9, now - self._interval_begun)
        self.writer.metric(
            "train", step=p.step, tokens=p.tokens, seconds=round(p.seconds, 3), loss=interval.loss / interval.steps,
            lr=self.in_force.lr(p.step), grad_norm=interval.norm / interval.steps,
            clipped=interval.clipped / interval.steps, update_ratio=self._update_ratio,
            tokens_per_second=round(speed, 1), memory_mb=process_memory_mb(),
        )  # fmt: skip
        self.writer.status(tokens=p.tokens, tokens_per_second=round(speed, 1))
        p.interval = Interval()
        self._interval_begun = now

    # --- now and then ---------------------------------------------------------------------------------------------

    def evaluate(self) -> None:
        """Evaluate, sample and probe at this step, and keep the weights if they are the best so far."""
        p, away = self.progress, time.perf_counter()
        self.task.probe(p.step)
        self.writer.status(state="evaluating")
        begun = time.perf_counter()
        found = self.task.evaluate()
        seconds, better = time.perf_counter() - begun, False
        if found is not None:
            value = found.values[self.task.decides]
            assert value is not None
            better = found.reached or value < p.best_nll
            p.worse = 0 if better else p.worse + 1
            p.reached = found.reached
            if better:
                p.best_nll, p.best_step = value, p.step
            named = {} if self.task.decides == LANGUAGE_FIGURE else {"decides": self.task.decides}
            self.writer.metric("valid", step=p.step, seconds=round(p.seconds, 3), **found.values, best=better, **named)
            self.writer.event("evaluated", step=p.step, **{self.task.decides: value}, best=better)
        self.writer.status(state="training")
        p.evaluated = p.step
        try:
            self.sample()
        finally:  # a person who does not wait for the end of a long sample still wants what was found
            if better or found is None:
                p.anchor()
                self.checkpoints.save_anchor(p)
        took = time.perf_counter() - away
        self._interval_begun += took
        self.time_budget.evaluated(took, seconds / found.count if found is not None else None)

    def sample(self, *, asked: dict[str, Any] | None = None) -> str:
        """Write a sample as the weights are now; `asked` may say another `temperature` and `prompt`."""
        found = self.task.sample(self.in_force.value, self.progress.step, asked)
        if found is None:
            return ""
        self.writer.sample(step=self.progress.step, **found.record)
        self.writer.status(**found.status)
        return str(found.record["text"])

    def _roll_back(self) -> None:
        """Go back to a good checkpoint with half the learning rate."""
        p = self.progress
        at, rollbacks, scale = p.step, p.rollbacks + 1, p.lr_scale / 2
        self.is_consistent = False  # what comes to nothing here is not worth saving
        self.writer.event("diverged", step=at)
        if rollbacks > MAX_ROLLBACKS:
            raise DivergedError(
                f"The loss became infinite or not a number {rollbacks} times, the last time at step {at}, although "
                f"the learning rate was halved each time; start again with a smaller --lr or --clip."
            )
        found = self.checkpoints.rollback_target(p)
        if found is None:
            raise DivergedError(f"The loss became infinite or not a number at step {at}, before anything was saved.")
        back = p.returned_to(self.checkpoints.progress_of(found))
        back.rollbacks, back.lr_scale = rollbacks, scale
        self.return_to(found, back)
        self.writer.event("rolled back", step=found.step, lr_scale=scale)
        self.writer.log(f"not finite at step {at}: back to step {found.step}, learning rate times {scale:g}")

    def return_to(self, found: Checkpoint, back: Progress) -> None:
        """Stand at an older checkpoint with the progress `back`. Raises LstmtuiError and MemoryError."""
        self.checkpoints.write_back(found, back)
        self.is_consistent = False
        self.checkpoints.restore(found, back)
        self.progress = back
        self.restore_live()
        self.is_consistent = True

    # --- requests and signals -------------------------------------------------------------------------------------

    def _check_signals(self) -> None:
        if self._interrupted():
            raise Stop

    def _check_folder(self) -> None:
        """End where the run's folder is no longer in its place: nobody would see what goes on in it.

        Raises LstmtuiError once what was reached has been saved where the folder is now, SaveError where it is gone.
        """
        p, path = self.progress, self._initial_run.path
        if self.run != self._initial_run and not self.writer.gone:
            with contextlib.suppress(SaveError):
                self.checkpoints.save_last(p)
                raise LstmtuiError(
                    f"The folder {path} was moved to {self.run.path} while the run trained; it is saved there at step "
                    f"{p.step}, and 'lstmtui resume {self.run.path}' continues it."
                )
            self.writer.locate_folder()
            if not self.writer.gone:
                self.checkpoints.save_last(p)
        if self.writer.gone:
            raise SaveError(
                f"The folder {path} was removed while the run trained; what it learnt until step {p.step} is lost."
            )

    def _answer_requests(self) -> None:
        """Do what viewers ask; while paused, wait here."""
        paused = False
        while True:
            self._check_signals()
            self._check_folder()
            with self.changes.together():
                for request in self.inbox.new():
                    self._check_signals()
                    if request.op == "stop":
                        request.answer("Saving and stopping.")
                        raise Stop
                    if request.op in ("pause", "continue"):
                        paused = request.op == "pause"
                        request.answer("Paused." if paused else "Going on.")
                    else:
                        steering.carry_out(self, request)
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

    def save_on_failure(self) -> None:
        """Save on a way out that nobody foresaw; never raises."""
        if not self.is_consistent:
            return
        try:
            self.checkpoints.save_last(self.progress)
        except Exception as error:
            self.writer.log(f"step {self.progress.step} could not be saved: {error}")

    # --- finish ---------------------------------------------------------------------------------------------------

    def finish(self) -> dict[str, Any]:
        """Evaluate the best weights on all there is, and return the result that status.json shows."""
        p = self.progress
        self.checkpoints.save_last(p)
        if p.evaluated != p.step:
            self.evaluate()
            self.checkpoints.save_last(p)  # it may be the best
        self.writer.status(state="evaluating")
        evaluated = self.task.optimizer.evaluated
        kept = evaluated.snapshot()
        best_step = self.checkpoints.load_best()
        result: dict[str, Any] = {
            "best_step": p.step if best_step is None else best_step,
            "seconds": round(p.seconds, 1),
            "sample": self.sample(),
            **self.task.results(self.in_force.value, p.step, self._share_evaluated_at_last()),
        }
        evaluated.restore(kept)
        return result

    def _share_evaluated_at_last(self) -> float:
        """Return the part of validation and test data that the last figures are of: all, but for want of time."""
        step = self.time_budget.step or self.plan.seconds_per_step
        if step is None or self.settings.length.minutes is None:
            return 1.0
        return costs(self.task, step, self.time_budget.per_token).share


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
        trainer.checkpoints.save_last(trainer.progress)
        trainer.writer.event("stopped", step=trainer.progress.step)
        return "stopped"
    except SaveError:  # it was tried
        raise
    except BaseException:  # whatever it is, it does not cost what was learnt
        trainer.save_on_failure()
        raise
    trainer.writer.status(result=result)
    trainer.writer.event("finished", step=trainer.progress.step, **_figures(result, trainer.task.decides))
    return "finished"


def _figures(result: dict[str, Any], decides: str) -> dict[str, Any]:
    """Return the deciding figures of the result's parts, for the event that ends the run."""
    return {name: result[name][decides] for name in ("valid", "test") if name in result}
