"""The training loop, read from top to bottom.

    prepare    corpus, network, compiled kernels, plan; weights initial or from a checkpoint
    loop       window > gradient > clip > step > metrics; now and then evaluate, sample, probe, save; answer requests
    finish     best weights evaluated on all of the validation and test text

Whatever decides the weights is a function of the settings and the step (and of live changes, which are checkpointed
at once), never of the clock, so a run that was interrupted anywhere ends in the same bytes. Only how many steps fit the
minutes that a run was given follows the clock (`pace.py`), and stands in plan.json as soon as it is known.
"""

from __future__ import annotations

import contextlib
import dataclasses
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from lstmtui import config
from lstmtui.common import text_beginning
from lstmtui.common.files import write_atomically
from lstmtui.common.hardware import process_memory_mb
from lstmtui.data.corpus import Dataset
from lstmtui.data.token_files import Split
from lstmtui.engine.analysis import gate_statistics, gradient_flow
from lstmtui.engine.analysis.memorisation import MemorisationMeter
from lstmtui.engine.backend import KERNEL_CACHE, device
from lstmtui.engine.checkpoint import Checkpoint
from lstmtui.engine.inference.evaluate import Evaluator
from lstmtui.engine.inference.sampler import SamplingOptions
from lstmtui.engine.nn import schedule
from lstmtui.engine.nn.optimizer import finite
from lstmtui.engine.nn.recurrent import Dropout, Penalty
from lstmtui.engine.training import extension, steering, step_plan
from lstmtui.engine.training.checkpointing import Keeper
from lstmtui.engine.training.extension import More
from lstmtui.engine.training.progress import Interval, Progress
from lstmtui.engine.training.requests import Inbox, Stop
from lstmtui.engine.training.setup import build, compile_kernels, costs, make_plan, measure, read_corpus, with_window
from lstmtui.engine.training.time_budget import Pace
from lstmtui.engine.training.waiting import interruptible
from lstmtui.errors import DivergedError, LstmtuiError, SaveError
from lstmtui.runs.folder import RunFolder
from lstmtui.runs.writer import RunWriter

COPIED_OF = 2000
"""Characters that are written at the end, to see whether they are copied."""
ROLLBACKS = 5
"""How often a run may become non-finite and go back before it is given up."""


class Trainer:
    """One run from its folder to its end."""

    def __init__(
        self,
        run: RunFolder,
        writer: RunWriter,
        interrupted: Callable[[], bool],
        device: str | None = None,
        more: More | None = None,
    ) -> None:
        """`device` is where to compute, if not where the run's settings say; `more` is to be trained from here on."""
        self._began_in, self.writer, self._interrupted, self._more = run, writer, interrupted, more
        self._begun = time.monotonic()
        self.settings = config.load(run.config)
        if device is not None:
            self.settings = self.settings.changed(device=device)
        self.inbox = Inbox(writer)
        self.progress = Progress()
        self._update_ratio = 0.0
        self.changes = steering.Changes(self)
        self.settled = True
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
        device(s.run.device)  # refused before the corpus is read, which may take long
        data = interruptible(lambda: read_corpus(self.run, s, writer, self._check_signals), self._check_signals)
        sizes = {name: len(split.tokens) for name, split in _splits(data)}
        writer.event("prepared", **sizes, vocabulary=data.tokenizer.size)
        writer.status(beginning=_beginning(data), valid_tokens=sizes["valid"])
        self.setup = build(s, data)
        self.network, self.streams, self.optimizer = self.setup.network, self.setup.streams, self.setup.optimizer
        self.keeper = Keeper(writer, self.setup)
        self._copies = MemorisationMeter(data)
        self._flow = gradient_flow.from_dataset(s, self.setup.seen.host, data)
        writer.status(state="compiling", parameters=self.setup.weights.count, vocabulary=data.tokenizer.size)
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
        self.pace = Pace(self.settings, self.progress)
        writer.status(steps=self.plan.total, step=self.progress.step)

    def _compile(self) -> None:
        begun = time.monotonic()

        def report(done: int, total: int, kernel: str) -> None:
            self.writer.status(compiling=kernel, compiling_kernels=total, compiling_done=round(done / total, 3))
            self._check_signals()

        def probe() -> None:
            self._copies.measure("")
            if self._flow is not None:
                self._flow.measure()

        count = compile_kernels(self.setup, self._dropout(0), self._penalty(), report, probe)
        self.writer.event("compiled", kernels=count, seconds=round(time.monotonic() - begun, 2))

    def _new_plan(self) -> step_plan.Plan:
        self.writer.status(state="measuring")
        made = make_plan(
            self.setup, self._dropout(0), self._penalty(), spent=time.monotonic() - self._begun,
            check=self._check_signals,
        )  # fmt: skip
        step_plan.store(self.run, made)
        self.writer.event("planned", steps=made.steps, seconds_per_step=made.seconds_per_step)
        asked = self.settings.optimisation.warmup
        if (warmup := schedule.warmup_of(asked, made.steps)) < asked:
            self.writer.event("warm-up shortened", asked=asked, warmup=warmup, steps=made.steps)
        return made

    def _measured(self) -> float:
        """Return the seconds of a step; what it leaves of the weights means nothing."""
        self.writer.status(state="measuring")
        return measure(self.setup, self._dropout(0), self._penalty(), self._check_signals)

    def _extend(self, more: More, seconds_per_step: float) -> None:
        """Move the end of the schedule to `more` from where the run stands."""
        p, s, before = self.progress, self.settings, self.plan
        spent = time.monotonic() - self._begun
        total = p.step + extension.steps_more(
            more, windows=self.streams.windows, step=seconds_per_step, costs=costs(self.setup, seconds_per_step),
            eval_every=s.run.eval_every, spent=spent,
        )  # fmt: skip
        lr_before = self._lr(p.step) if p.step else 0.0
        self.plan = extension.extended(before, s, p.step, total)
        if more.unit == "minutes":
            left = p.elapsed + extension.seconds(more, spent)
            self.plan = dataclasses.replace(self.plan, seconds=left, seconds_per_step=seconds_per_step)
        p.worse = 0  # a run that patience ended would end again at once
        self.keeper.save(p)
        self._write_length(more.length(p, total))
        step_plan.store(self.run, self.plan)  # before it counts: a resume must take the same steps
        self.writer.event("extended", **extension.story(p.step, before.total, total, self._lr, lr_before))

    def _write_length(self, length: dict[str, float | None]) -> None:
        """Write how long the run is to be trained into its config.toml, and go by it."""
        written = config.load(self.run.config).changed(**length)
        write_atomically(self.run.config, config.dump(written).encode())
        self.settings = self.settings.changed(**length)
        self.setup = self.keeper.setup = dataclasses.replace(self.setup, settings=self.settings)

    def _begin(self) -> None:
        """Stand at the newest checkpoint that verifies, or at step 0."""
        found = self.keeper.bring_back()
        if found is not None:
            self.progress = found
            self.use_window()
            self.writer.event("resumed", step=found.step)
        else:
            interruptible(self.setup.initialise, self._check_signals)  # 4096 units take a minute
            self.writer.truncate_to({})
            self.progress.anchor()
            self.keeper.save_anchor(self.progress)

    # --- loop -----------------------------------------------------------------------------------------------------

    def train(self) -> None:
        """Take the steps that are left. Raises Stop when asked to, DivergedError when it makes no sense to go on."""
        p, s = self.progress, self.settings
        self.writer.status(state="training", live=self.live_settings())
        self._interval_begun = time.perf_counter()
        self._catch_up()
        while p.step < self.plan.total and not self._exhausted():
            self._answer_requests()
            p = self.progress
            begun = time.perf_counter()
            if not self._step():
                self._roll_back()
                p = self.progress
                continue
            p.seconds += time.perf_counter() - begun
            self.writer.status(step=p.step, epoch=self.streams.position(p.step).epoch, **self._rates())
            if p.step % s.run.log_every == 0:
                self._log()
            if p.step % s.run.eval_every == 0:
                self.evaluate()
            elif self.keeper.is_due(s.run.save_every):
                self.keeper.save(p)
            p.elapsed += time.perf_counter() - begun
            if p.step % s.run.log_every == 0:
                self._keep_to_the_minutes()

    def _catch_up(self) -> None:
        """Do the evaluation that an interruption at this very step left out."""
        p, begun = self.progress, time.perf_counter()
        if p.step and p.step % self.settings.run.eval_every == 0 and p.evaluated != p.step:
            self.evaluate()
            p.elapsed += time.perf_counter() - begun

    def _exhausted(self) -> bool:
        patience = self.settings.length.patience
        return bool(patience) and self.progress.worse >= (patience or 0)

    def _keep_to_the_minutes(self) -> None:
        """Take other steps than planned where these do not fit the time that was given."""
        p, before = self.progress, self.plan.total
        seconds = self.pace.seconds_per_step(self.plan, p)
        if seconds is None:
            return
        made = self.pace.turn(self.plan, p, seconds, costs(self.setup, seconds, self.pace.per_token))
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
        """Train on one window; return False, with the weights untouched, when it is not finite."""
        p = self.progress
        position = self.streams.position(p.step)
        if position.window == 0:
            self.network.reset()
        x, y = self.streams.window(position.window)
        loss = self.network.gradient(x, y, self._dropout(p.step, self._risen(p.step)), self._penalty())
        norm = self.optimizer.norm(self.network.gradients)
        if not finite(loss, norm):
            return False
        step = p.step + 1
        self.settled = False
        before = gate_statistics.sample_weights(self.setup.weights) if step % self.settings.run.log_every == 0 else None
        clipped = self.optimizer.apply(
            self.network.gradients, norm=norm, step=step, lr=self._lr(step), clip=self._live("clip"),
            weight_decay=self._live("weight_decay"),
        )  # fmt: skip
        if before is not None:
            self._update_ratio = gate_statistics.update_ratio(
                before, gate_statistics.sample_weights(self.setup.weights)
            )
        self.network.carry()
        p.step = step
        p.tokens += self.streams.tokens_per_window
        p.interval.add(loss, norm, clipped)
        self.settled = True
        return True

    def _lr(self, step: int) -> float:
        s = self.settings
        curve = schedule.factor(
            step,
            steps=self.plan.steps,
            warmup=s.optimisation.warmup,
            kind=s.optimisation.schedule,
            end=s.optimisation.lr_end,
            turns=self.plan.turns,
        )
        return self._live("lr") * self.progress.lr_scale * curve

    def _live(self, name: str) -> Any:
        """Return a setting as it is now."""
        return self.progress.live.get(name, self.settings.value(name))

    def live_settings(self) -> dict[str, Any]:
        """Return every setting that can be changed now, as it is."""
        return {name: self._live(name) for name in config.LIVE}

    def use_window(self) -> None:
        """Read windows of the length that is set, where it is another than now. Raises UsageError and MemoryError."""
        T, shift = self._live("bptt") or self.streams.T, self.progress.shift
        if (T, shift) != (self.streams.T, self.streams.shift):
            self.setup = self.keeper.setup = with_window(self.setup, T, shift)
            self.network, self.streams = self.setup.network, self.setup.streams

    def _dropout(self, step: int, risen: float = 1.0) -> Dropout:
        """Return the dropout of a step: the fraction `risen` of what the run began with, or what was set live."""
        live = self.progress.live
        inputs, layers = (self._live(name) * (1 if name in live else risen) for name in ("dropout_in", "dropout"))
        return Dropout(
            inputs=inputs,
            layers=layers,
            weights=self._live("weight_drop"),
            tokens=self._live("embedding_dropout"),
            key=(self.settings.run.seed << 32) + step,
        )

    def _risen(self, step: int) -> float:
        """Return the fraction of the dropout that is in force at a step."""
        s = self.settings
        done = schedule.behind(step, steps=self.plan.steps, warmup=s.optimisation.warmup, turns=self.plan.turns)
        return schedule.risen(done, s.regularisation.dropout_rise)

    def _penalty(self) -> Penalty:
        return Penalty(activation=self._live("activation_reg") or 0.0, temporal=self._live("temporal_reg") or 0.0)

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
        speed = interval.steps * self.streams.tokens_per_window / max(1e-9, now - self._interval_begun)
        self.writer.metric(
            "train", step=p.step, tokens=p.tokens, seconds=round(p.seconds, 3), loss=interval.loss / interval.steps,
            lr=self._lr(p.step), grad_norm=interval.norm / interval.steps, clipped=interval.clipped / interval.steps,
            update_ratio=self._update_ratio, tokens_per_second=round(speed, 1), memory_mb=process_memory_mb(),
        )  # fmt: skip
        self.writer.status(tokens=p.tokens, tokens_per_second=round(speed, 1))
        p.interval = Interval()
        self._interval_begun = now

    # --- now and then ---------------------------------------------------------------------------------------------

    def evaluate(self) -> None:
        """Evaluate, sample and probe at this step, and keep the weights if they are the best so far."""
        p, away = self.progress, time.perf_counter()
        # Probes look at the window that comes next, as the weights are now.
        tokens = self.streams.window(self.streams.position(p.step).window)[0]
        first = self.network.look(tokens)
        self.writer.saturation(p.step, self.network.cell.gate_names, *gate_statistics.saturation(self.network))
        self.writer.window(
            p.step, self.network.cell.gate_names, gate_statistics.gate_window(self.network), tokens[first:, 0]
        )
        if self._flow is not None:
            self.setup.seen.refresh()
            self.writer.gradient(**self._flow.measure(p.step).arrays())
        better, per_token = False, None
        if self.setup.evaluator is not None:
            self.writer.status(state="evaluating")
            begun = time.perf_counter()
            found = self.setup.evaluator.run(between=self._check_signals)
            per_token = (time.perf_counter() - begun) / found.tokens
            better = found.nll < p.best_nll
            p.worse = 0 if better else p.worse + 1
            if better:
                p.best_nll, p.best_step = found.nll, p.step
            self.writer.metric(
                "valid", step=p.step, seconds=round(p.seconds, 3), nll=found.nll, perplexity=found.perplexity,
                bits_per_char=found.bits_per_char, best=better, **({"unknown": found.unknown} if found.unknown else {}),
            )  # fmt: skip
            self.writer.event("evaluated", step=p.step, nll=found.nll, best=better)
            self.writer.status(state="training")
        p.evaluated = p.step
        try:
            self.sample()
        finally:  # a person who does not wait for the end of a long sample still wants what was found
            if better or self.setup.evaluator is None:
                p.anchor()
                self.keeper.save_anchor(p)
        took = time.perf_counter() - away
        self._interval_begun += took
        self.pace.evaluated(took, per_token)

    def sample(self, *, asked: dict[str, Any] | None = None) -> str:
        """Write some text as the weights are now; `asked` may say another `temperature` and `prompt`."""
        p = self.progress
        temperature, prompt = ((asked or {}).get(name, self._live(name)) for name in ("temperature", "prompt"))
        choice, length = (
            SamplingOptions(temperature, self._live("top_k"), self._live("top_p")),
            self._live("sample_length"),
        )
        # What a person asks for twice should not be the same text.
        random = np.random.default_rng([self.settings.run.seed, p.step] if asked is None else None)
        self.setup.shown.refresh()
        # Without a prompt it begins at a line's end, where a text of paragraphs goes on with an empty line.
        text = self.setup.sampler.text(prompt, length, choice, random, self._check_signals) if length else ""
        text = text.lstrip("\n")
        if text:
            self.writer.sample(step=p.step, temperature=choice.temperature, prompt=prompt, text=text)
            self.writer.status(copied={"step": p.step, **self._copies.measure(text)})
        return text

    def _roll_back(self) -> None:
        """Go back to a good checkpoint with half the learning rate."""
        p = self.progress
        at, rollbacks, scale = p.step, p.rollbacks + 1, p.lr_scale / 2
        self.settled = False  # what comes to nothing here is not worth saving
        self.writer.event("diverged", step=at)
        if rollbacks > ROLLBACKS:
            raise DivergedError(
                f"The loss became infinite or not a number {rollbacks} times, the last time at step {at}, although "
                f"the learning rate was halved each time; start again with a smaller --lr or --clip."
            )
        found = self.keeper.before(p)
        if found is None:
            raise DivergedError(f"The loss became infinite or not a number at step {at}, before anything was saved.")
        back = p.back_at(self.keeper.progress_of(found))
        back.rollbacks, back.lr_scale = rollbacks, scale
        self.go_back(found, back)
        self.writer.event("rolled back", step=found.step, lr_scale=scale)
        self.writer.log(f"not finite at step {at}: back to step {found.step}, learning rate times {scale:g}")

    def go_back(self, found: Checkpoint, back: Progress) -> None:
        """Stand at an older checkpoint with the progress `back`. Raises LstmtuiError and MemoryError."""
        self.keeper.write_back(found, back)
        self.settled = False
        self.keeper.stand_at(found, back)
        self.progress = back
        self.use_window()
        self.settled = True

    # --- requests and signals -------------------------------------------------------------------------------------

    def _check_signals(self) -> None:
        if self._interrupted():
            raise Stop

    def _check_folder(self) -> None:
        """End where the run's folder is no longer in its place: nobody would see what goes on in it.

        Raises LstmtuiError once what was reached has been saved where the folder is now, SaveError where it is gone.
        """
        p, path = self.progress, self._began_in.path
        if self.run != self._began_in and not self.writer.gone:
            with contextlib.suppress(SaveError):
                self.keeper.save_last(p)
                raise LstmtuiError(
                    f"The folder {path} was moved to {self.run.path} while the run trained; it is saved there at step "
                    f"{p.step}, and 'lstmtui resume {self.run.path}' continues it."
                )
            self.writer.locate_folder()
            if not self.writer.gone:
                self.keeper.save_last(p)
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
            with self.changes.at_once():
                for request in self.inbox.new():
                    self._check_signals()
                    if request.op == "stop":
                        request.answer("Saving and stopping.")
                        raise Stop
                    if request.op in ("pause", "continue"):
                        paused = request.op == "pause"
                        request.answer("Paused." if paused else "Going on.")
                    else:
                        steering.do(self, request)
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

    def save_what_was_reached(self) -> None:
        """Save on a way out that nobody foresaw; never raises."""
        if not self.settled:
            return
        try:
            self.keeper.save_last(self.progress)
        except Exception as error:
            self.writer.log(f"step {self.progress.step} could not be saved: {error}")

    # --- finish ---------------------------------------------------------------------------------------------------

    def finish(self) -> dict[str, Any]:
        """Evaluate the best weights on all there is, and return the result that status.json shows."""
        p, s = self.progress, self.settings
        self.keeper.save_last(p)
        if p.evaluated != p.step:
            self.evaluate()
            self.keeper.save_last(p)  # it may be the best
        self.writer.status(state="evaluating")
        evaluated = self.optimizer.evaluated
        kept = evaluated.snapshot()
        best_step = self.keeper.load_best()
        result: dict[str, Any] = {
            "best_step": p.step if best_step is None else best_step,
            "seconds": round(p.seconds, 1),
            "sample": self.sample(),
            "copied": self._copied_at_last(),
        }
        share = self._read_at_last()
        for name, split in _splits(self.setup.data):
            if name != "train" and len(split.tokens) > 1:
                most = 0 if share == 1 else max(1, int(share * len(split.tokens)))
                evaluator = Evaluator(
                    s, evaluated, split, self.setup.data.tokenizer, max_tokens=most, threads=s.run.threads
                )
                result[name] = evaluator.run(between=self._check_signals).as_dict()
                result[name]["whole"] = share == 1
        evaluated.put_back(kept)
        return result

    def _read_at_last(self) -> float:
        """Return the part of validation and test text that the last figures are of: all, but for want of time."""
        step = self.pace.step or self.plan.seconds_per_step
        if step is None or self.settings.length.minutes is None:
            return 1.0
        return costs(self.setup, step, self.pace.per_token).share

    def _copied_at_last(self) -> dict[str, Any] | None:
        """Return what the weights that are kept repeat of the training text, in a text long enough to tell."""
        if self._live("sample_length") == 0:
            return None
        choice = SamplingOptions(self._live("temperature"), self._live("top_k"), self._live("top_p"))
        random = np.random.default_rng([self.settings.run.seed, self.progress.step, 1])
        self.setup.shown.refresh()
        return self._copies.measure(self.setup.sampler.text("", COPIED_OF, choice, random, self._check_signals))


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
        trainer.keeper.save_last(trainer.progress)
        trainer.writer.event("stopped", step=trainer.progress.step)
        return "stopped"
    except SaveError:  # it was tried
        raise
    except BaseException:  # whatever it is, it does not cost what was learnt
        trainer.save_what_was_reached()
        raise
    trainer.writer.status(result=result)
    trainer.writer.event("finished", step=trainer.progress.step, **_figures(result))
    return "finished"


def _splits(data: Dataset) -> tuple[tuple[str, Split], ...]:
    return ("train", data.train), ("valid", data.valid), ("test", data.test)


BEGINNING_OF = 2000
"""Tokens that an example of how a text begins is looked for in."""


def _beginning(data: Dataset) -> str:
    """Return how a text of this kind may begin, from the validation text where there is one."""
    splits = (split for split in (data.valid, data.train) if len(split.tokens))
    return next(
        filter(None, (text_beginning.example_prompt(data.tokenizer.text(s.tokens[:BEGINNING_OF])) for s in splits)), ""
    )


def _figures(result: dict[str, Any]) -> dict[str, Any]:
    return {name: result[name]["nll"] for name in ("valid", "test") if name in result}
