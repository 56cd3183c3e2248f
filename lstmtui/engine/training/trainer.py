"""The training loop of a run.

    prepare    data, model, compiled kernels, plan; weights initial or from a checkpoint
    loop       batch > gradient > clip > update > metrics; periodically evaluate, sample, probe, save, answer requests
    finish     evaluate the best weights on all validation and test data

The task (`lstmtui.engine.tasks`) defines the data, the model and the figures. The weights depend on the settings, the
step and the live changes (which are checkpointed at once), never on the clock. An interrupted and resumed run therefore
ends with the same bytes. Only the number of steps of a run with a time budget depends on the clock (`time_budget.py`);
it is written to plan.json before it takes effect.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from lstmtui import config
from lstmtui.common import schedule
from lstmtui.common.files import write_atomically
from lstmtui.common.hardware import process_memory_mb
from lstmtui.engine import step_plan
from lstmtui.engine.analysis import gate_statistics
from lstmtui.engine.backend import KERNEL_CACHE, device
from lstmtui.engine.nn import training_step
from lstmtui.engine.tasks import task_of
from lstmtui.engine.training import event_log, extension, steering
from lstmtui.engine.training.checkpointing import CheckpointManager
from lstmtui.engine.training.extension import Extension
from lstmtui.engine.training.gate_probes import GateProbes
from lstmtui.engine.training.interaction import answer_requests
from lstmtui.engine.training.planning import compile_kernels, costs, make_plan, measure
from lstmtui.engine.training.progress import Interval, Progress
from lstmtui.engine.training.requests import RequestReader, Stop
from lstmtui.engine.training.rollback import roll_back
from lstmtui.engine.training.settings_in_force import SettingsInForce
from lstmtui.engine.training.time_budget import TimeBudget
from lstmtui.engine.training.waiting import interruptible
from lstmtui.errors import LstmtuiError, SaveError
from lstmtui.runs.folder import RunFolder
from lstmtui.runs.snapshot import LANGUAGE_FIGURE
from lstmtui.runs.writer import RunWriter


class Trainer:
    """Trains one run, from its folder to its result."""

    def __init__(
        self,
        run: RunFolder,
        writer: RunWriter,
        interrupted: Callable[[], bool],
        device: str | None = None,
        more: Extension | None = None,
    ) -> None:
        """Load the settings of `run`.

        interrupted  returns whether a signal asked the process to end
        device       overrides the device in the run's settings
        more         extends the run from its last checkpoint
        """
        self.initial_run, self.writer, self._interrupted, self._more = run, writer, interrupted, more
        self._start_time = time.monotonic()
        self.settings = config.load(run.config)
        if device is not None:
            self.settings = self.settings.changed(device=device)
        self.requests = RequestReader(writer)
        self.progress = Progress()
        self._update_ratio = 0.0
        self.changes = steering.Changes(self)
        self.is_consistent = True
        """Whether weights, states and progress belong to the same step and can be saved."""

    @property
    def run(self) -> RunFolder:
        """The run's folder at its present path."""
        return self.writer.run

    # --- prepare --------------------------------------------------------------------------------------------------

    def prepare(self) -> None:
        """Read the data, build the network, compile, plan, and restore or initialise the weights."""
        s, writer = self.settings, self.writer
        writer.status(state="preparing")
        event_log.attach(writer, s)
        device(s.run.device)  # an unusable device fails before the slow reading of data
        self.task = task_of(s, writer, self.check_signals)
        writer.event("prepared", **interruptible(self.task.read_data, self.check_signals))
        self.task.build()
        self.checkpoints = CheckpointManager(writer, self.task)
        writer.status(state="compiling", parameters=self.task.model.weights.count, **self.task.status)
        self._compile()
        if KERNEL_CACHE is None:
            writer.log("kernels are not cached: the cache folder is not writable, or other users can write to it")
        if self._more and step_plan.stored(self.run) is None:  # no step yet: no schedule to extend
            self.write_length(self._more.initial_length())
            self._more = None
        self.plan = step_plan.stored(self.run) or self._new_plan()
        seconds_per_step = self._measure_step() if self._more and self._more.unit == "minutes" else 0.0
        self._restore_or_initialise()
        if self._more:
            seconds_spent = time.monotonic() - self._start_time
            extension.extend(self, self._more, step=seconds_per_step, spent=seconds_spent)
        self.time_budget = TimeBudget(self.settings, self.progress)
        writer.status(steps=self.plan.total, step=self.progress.step)

    def _compile(self) -> None:
        start = time.monotonic()

        def report(done: int, total: int, kernel: str) -> None:
            self.writer.status(compiling=kernel, compiling_kernels=total, compiling_done=round(done / total, 3))
            self.check_signals()

        count = compile_kernels(self.task, self._initial_settings_in_force.full_regularisers(), report)
        self.writer.event("compiled", kernels=count, seconds=round(time.monotonic() - start, 2))

    @property
    def _initial_settings_in_force(self) -> SettingsInForce:
        """The settings in force before the plan exists."""
        return SettingsInForce(self.settings, self.progress, step_plan.Plan(steps=1, corpus=""))

    @property
    def in_force(self) -> SettingsInForce:
        """The settings in force, with live changes and schedules applied."""
        return SettingsInForce(self.settings, self.progress, self.plan)

    def _new_plan(self) -> step_plan.Plan:
        self.writer.status(state="measuring")
        regularisers = self._initial_settings_in_force.full_regularisers()
        plan = make_plan(self.task, regularisers, spent=time.monotonic() - self._start_time, check=self.check_signals)
        step_plan.store(self.run, plan)
        self.writer.event("planned", steps=plan.steps, seconds_per_step=plan.seconds_per_step)
        requested = self.settings.optimisation.warmup
        if (warmup := schedule.warmup_steps(requested, plan.steps)) < requested:
            self.writer.event("warm-up shortened", asked=requested, warmup=warmup, steps=plan.steps)
        return plan

    def _measure_step(self) -> float:
        """Return the seconds of a step; it leaves meaningless weights behind."""
        self.writer.status(state="measuring")
        return measure(self.task, self._initial_settings_in_force.full_regularisers(), self.check_signals)

    def write_length(self, length: dict[str, float | None]) -> None:
        """Set the length of training, in memory and in the run's config.toml."""
        stored = config.load(self.run.config).changed(**length)
        write_atomically(self.run.config, config.dump(stored).encode())
        self.settings = self.task.settings = self.settings.changed(**length)

    def _restore_or_initialise(self) -> None:
        """Restore the newest valid checkpoint, or initialise the weights at step 0."""
        restored = self.checkpoints.restore_newest()
        if restored is not None:
            self.progress = restored
            self.restore_live()
            self.writer.event("resumed", step=restored.step)
        else:
            interruptible(self.task.initialise, self.check_signals)  # takes a minute for 4096 units
            self.writer.truncate_to({})
            self.progress.anchor()
            self.checkpoints.save_anchor(self.progress)

    # --- loop -----------------------------------------------------------------------------------------------------

    def train(self) -> None:
        """Take the remaining steps. Raises Stop on a request or signal, DivergedError after too many rollbacks."""
        s, gate_probes = self.settings, GateProbes(self)
        self.writer.status(state="training", live=self.live_settings())
        self.begin_interval()
        self._evaluate_if_due()
        while self.progress.step < self.plan.total and not self._has_ended():
            answer_requests(self)
            p = self.progress
            start = time.perf_counter()
            if not self._step():
                roll_back(self)
                continue
            p.seconds += time.perf_counter() - start
            self.writer.status(step=p.step, epoch=self.task.epoch(p.step), **self._rates())
            if p.step % s.run.log_every == 0:
                self._log()
            if p.step % s.run.eval_every == 0:
                self.evaluate()
            elif self.checkpoints.is_due(s.run.save_every):
                self.checkpoints.save(p)
            else:
                gate_probes.take_if_due()
            p.elapsed += time.perf_counter() - start
            if p.step % s.run.log_every == 0:
                self._replan()

    def _evaluate_if_due(self) -> None:
        """Evaluate this step: that of weights from another run, or one whose evaluation an interruption prevented."""
        p, start = self.progress, time.perf_counter()
        if p.evaluated != p.step and (
            p.step % self.settings.run.eval_every == 0 if p.step else self.settings.data.start
        ):
            self.evaluate()
            p.elapsed += time.perf_counter() - start

    def _has_ended(self) -> bool:
        """Return whether the run ends early: the task is learnt, or `patience` evaluations brought no improvement."""
        return self.progress.reached or 0 < self.settings.length.patience <= self.progress.worse

    def _replan(self) -> None:
        """Change the number of steps if the planned ones do not fit the time budget."""
        p, before = self.progress, self.plan.total
        seconds = self.time_budget.seconds_per_step(self.plan, p)
        if seconds is None:
            return
        plan = self.time_budget.replan(self.plan, p, seconds, costs(self.task, seconds, self.time_budget.per_token))
        if plan is None:
            return
        try:
            step_plan.store(self.run, plan)  # stored before it takes effect: a resume must take the same steps
        except OSError as error:
            self.writer.log(f"the plan of step {p.step} could not be written: {error.strerror or error}")
            return
        self.plan = plan
        self.writer.event("replanned", step=p.step, before=before, steps=plan.total, seconds_per_step=seconds)
        self.writer.status(steps=plan.total)

    def _step(self) -> bool:
        """Train on one batch; return False and leave the weights unchanged if loss or gradient is not finite."""
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
        """Return the present value of every setting that can be changed live."""
        in_force = self.in_force
        return {name: in_force.value(name) for name in self.task.live}

    def restore_live(self) -> None:
        """Apply the live settings of `progress` to the task. Raises UsageError and MemoryError."""
        self.task.restore_live(self.in_force.value, self.progress.shift)

    def _rates(self) -> dict[str, float]:
        p = self.progress
        per_step = p.seconds / max(1, p.step)
        remaining = per_step * (self.plan.total - p.step)
        if self.plan.seconds is not None and self.settings.length.minutes is not None:
            remaining = max(0.0, self.plan.seconds - p.elapsed)
        return {
            "seconds": round(p.seconds, 3),
            "seconds_left": round(remaining, 1),
            "steps_per_second": round(1 / per_step, 3) if per_step else 0.0,
        }

    def _log(self) -> None:
        p, interval = self.progress, self.progress.interval
        now = time.perf_counter()
        speed = interval.steps * self.task.tokens_per_step / max(1e-9, now - self._interval_start)
        busy = (time.process_time() - self._busy_before) / max(1e-9, now - self._interval_start)
        self.writer.metric(
            "train", step=p.step, tokens=p.tokens, seconds=round(p.seconds, 3), loss=interval.loss / interval.steps,
            lr=self.in_force.lr(p.step), grad_norm=interval.norm / interval.steps,
            clipped=interval.clipped / interval.steps, update_ratio=self._update_ratio,
            tokens_per_second=round(speed, 1), memory_mb=process_memory_mb(), processors=round(busy, 2),
        )  # fmt: skip
        self.writer.status(tokens=p.tokens, tokens_per_second=round(speed, 1))
        p.interval = Interval()
        self.begin_interval()

    def begin_interval(self) -> None:
        """Begin the interval that the next line of metrics is of."""
        self._interval_start, self._busy_before = time.perf_counter(), time.process_time()

    # --- evaluate and sample ---------------------------------------------------------------------------------------

    def evaluate(self) -> None:
        """Evaluate, sample and probe at this step, and save the weights if they are the best so far."""
        p, probe_start, busy_before = self.progress, time.perf_counter(), time.process_time()
        self.task.probe(p.step)
        self.writer.status(state="evaluating")
        start = time.perf_counter()
        figures = self.task.evaluate()
        seconds, better = time.perf_counter() - start, False
        if figures is not None:
            better = p.judge(figures.values, self.task.decides, reached=figures.reached)
            decisive = {} if p.decides == LANGUAGE_FIGURE else {"decides": p.decides}
            self.writer.metric(
                "valid", step=p.step, seconds=round(p.seconds, 3), **figures.values, best=better, **decisive
            )
            self.writer.event("evaluated", step=p.step, **{p.decides: figures.values[p.decides]}, best=better)
        self.writer.status(state="training")
        p.evaluated = p.step
        try:
            self.sample()
        finally:  # an interrupted sample must not lose the evaluation's result
            if better or figures is None:
                p.anchor()
                self.checkpoints.save_anchor(p)
        duration = time.perf_counter() - probe_start
        self.exclude_from_interval(duration, time.process_time() - busy_before)
        self.time_budget.evaluated(duration, seconds / figures.count if figures is not None else None)

    def sample(self, *, asked: dict[str, Any] | None = None) -> str:
        """Write a sample of the present weights and return its text; `asked` overrides `temperature` and `prompt`."""
        sample = self.task.sample(self.in_force.value, self.progress.step, asked)
        if sample is None:
            return ""
        self.writer.sample(step=self.progress.step, **sample.record)
        self.writer.status(**sample.status)
        return str(sample.record["text"])

    # --- signals and failures -----------------------------------------------------------------------------------

    def check_signals(self) -> None:
        """Raise Stop if a signal asked the process to end."""
        if self._interrupted():
            raise Stop

    def exclude_from_interval(self, seconds: float, busy: float = 0.0) -> None:
        """Leave `seconds`, with so many of processors, out of the speeds that the next line of metrics reports."""
        self._interval_start, self._busy_before = self._interval_start + seconds, self._busy_before + busy

    def save_on_failure(self) -> None:
        """Save the progress after an unexpected error; never raises."""
        if not self.is_consistent:
            return
        try:
            self.checkpoints.save_last(self.progress)
        except Exception as error:
            self.writer.log(f"step {self.progress.step} could not be saved: {error}")

    # --- finish ---------------------------------------------------------------------------------------------------

    def finish(self) -> dict[str, Any]:
        """Evaluate the best weights on all validation and test data, and return the result for status.json."""
        p = self.progress
        self.checkpoints.save_last(p)
        if p.evaluated != p.step:
            self.evaluate()
            self.checkpoints.save_last(p)  # this step may be the best
        self.writer.status(state="evaluating")
        evaluated = self.task.optimizer.evaluated
        weights = evaluated.snapshot()
        best_step = self.checkpoints.load_best()
        result: dict[str, Any] = {
            "best_step": p.step if best_step is None else best_step,
            "seconds": round(p.seconds, 1),
            "sample": self.sample(),
            **self.task.results(self.in_force.value, p.step, self._final_share()),
        }
        evaluated.restore(weights)
        return result

    def _final_share(self) -> float:
        """Return the part of validation and test data that `finish` evaluates; below 1 if time is short."""
        step = self.time_budget.step or self.plan.seconds_per_step
        if step is None or self.settings.length.minutes is None:
            return 1.0
        return costs(self.task, step, self.time_budget.per_token).share


def run_to_the_end(trainer: Trainer) -> str:
    """Train, and return the final state of the run. Raises LstmtuiError after saving the progress."""
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
    except SaveError:  # saving has already failed
        raise
    except BaseException:  # no error may cost the progress
        trainer.save_on_failure()
        raise
    trainer.writer.status(result=result)
    decides = trainer.progress.decides or trainer.task.decides
    decisive = {name: result[name][decides] for name in ("valid", "test") if name in result}
    named = {} if decides == LANGUAGE_FIGURE else {"decides": decides}
    trainer.writer.event("finished", step=trainer.progress.step, **decisive, **named)
    return "finished"
