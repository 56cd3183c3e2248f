"""`lstmtui plan [FILE...]`: what a run would cost, before it is spent."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lstmtui import config
from lstmtui.cli.help import choices_suffix, metavar
from lstmtui.cli.options import (
    AsJson,
    ConfigFile,
    Corpus,
    Encoding,
    Exact,
    Hidden,
    KeepEverything,
    Layers,
    Purpose,
    Split,
    Threads,
    Tokens,
    Valid,
)
from lstmtui.cli.output import notify, write, write_json
from lstmtui.cli.signature import settings_among, takes
from lstmtui.common.units import format_duration
from lstmtui.errors import UsageError

if TYPE_CHECKING:
    from lstmtui.client.forecast import Forecaster

SIZES = (16, 32, 48, 64, 96, 128, 160, 192, 256, 320, 384, 512, 640, 768, 1024, 1280, 1536, 2048, 3072, 4096)
"""Sizes of layers that are proposed."""
PASSES = 3
"""How often a text should be read for a size to be worth its time, in --fit-minutes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanArguments:
    """Arguments and options of the command."""

    corpus: Corpus = None
    purpose: Purpose = None
    cell: Annotated[
        str | None,
        typer.Option("--cell", metavar=metavar(config.CELLS), help=f"Recurrent cell{choices_suffix(config.CELLS)}."),
    ] = None
    hidden: Hidden = None
    layers: Layers = None
    tokens: Tokens = None
    batch: Annotated[str | None, typer.Option("--batch", metavar="INTEGER", help="Streams side by side.")] = None
    bptt: Annotated[str | None, typer.Option("--bptt", metavar="INTEGER", help="Steps of a window.")] = None
    minutes: Annotated[str | None, typer.Option("--minutes", metavar="NUMBER", help="Time to train.")] = None
    epochs: Annotated[str | None, typer.Option("--epochs", metavar="NUMBER", help="Passes over the text.")] = None
    steps: Annotated[str | None, typer.Option("--steps", metavar="INTEGER", help="Steps to train.")] = None
    threads: Threads = None
    device: Annotated[str | None, typer.Option("--device", metavar="|".join(config.DEVICES), help="What computes.")] = (
        None
    )
    valid: Valid = None
    split: Split = None
    encoding: Encoding = None
    keep_everything: KeepEverything = None
    exact: Exact = None
    recompute: Annotated[
        bool | None,
        typer.Option("--recompute/--no-recompute", metavar="", help="Keep few states, compute the rest again."),
    ] = None
    config_file: ConfigFile = None
    fit_memory: Annotated[
        float | None,
        typer.Option("--fit-memory", min=1, metavar="MB", help="Propose the largest network that fits so much."),
    ] = None
    fit_minutes: Annotated[
        float | None,
        typer.Option(
            "--fit-minutes",
            min=0.01,
            metavar="NUMBER",
            help=f"Propose the largest network that reads the text {PASSES} times in so many minutes.",
        ),
    ] = None
    json: AsJson = False


@takes(PlanArguments)
def plan(args: PlanArguments) -> int:
    """Say what a run would cost: parameters, work, memory, speed measured here, and time. Nothing is trained."""
    from lstmtui.client.forecast import Forecaster
    from lstmtui.data.corpus import open_corpus
    from lstmtui.data.notes import corpus_notes

    base = config.resolve(settings_among(args), config_file=args.config_file, user_file=config.user_file())
    texts = open_corpus(config.DataSettings.of(base))
    for note in corpus_notes(texts):
        notify(note)
    if base.hidden is not None and (args.fit_memory or args.fit_minutes):
        raise UsageError("Give either --hidden, or --fit-memory and --fit-minutes, which choose it.")

    def complete(size: int | None, *, again: bool | None = None) -> config.RunSettings:
        """Return the settings for a size; `again` says whether to recompute where the person did not."""
        chosen = dataclasses.replace(base, hidden=size or base.hidden)
        if again is not None and base.recompute is None:
            chosen = dataclasses.replace(chosen, recompute=again)
        if args.fit_minutes is not None and base.minutes is base.epochs is base.steps is None:
            chosen = dataclasses.replace(chosen, minutes=args.fit_minutes)
        return texts.resolve(chosen)

    forecaster = Forecaster()
    try:
        size, again = _fitting(forecaster, complete, args.fit_memory, args.fit_minutes)
        s = complete(size, again=again)
        notify("Measuring a step (a cell that is new here is compiled first) ...")
        told = expected(s, forecaster.measure(s))
        if not s.run.recompute:
            told["memory_mb_recomputed"] = forecaster.ask(s.changed(recompute=True))["memory_mb"]
    finally:
        forecaster.close()
    told["proposal"] = proposal(s, told)
    if args.json:
        write_json({"settings": s.flat(), **told})
        return 0
    for line in describe(s, told):
        write(line)
    if told["proposal"]:
        write(f"\n{told['proposal']}")
    if size is not None:
        write(f"\nIt is the largest of the sizes tried that fits: {_command(s, minutes=args.fit_minutes)}")
    return 0


DOMINATES = 0.5
"""The part of a run's own memory from which activations are said to dominate."""
WORTH_MB = 50
"""Memory below which nobody need care."""


def proposal(s: config.RunSettings, told: dict[str, Any]) -> str:
    """Return a sentence that proposes recomputation, where activations dominate and it would help; else nothing."""
    parts, less = told.get("memory_parts") or {}, told.get("memory_mb_recomputed")
    own = told["memory_mb"] - parts.get("program", 0.0)
    activations = parts.get("activations", 0.0)
    if less is None or activations < DOMINATES * own or told["memory_mb"] - less < max(WORTH_MB, 0.2 * own):
        return ""
    return (
        f"Activations are {activations / own:.0%} of what the run itself holds: --recompute keeps few of them and "
        f"computes the rest again, about {less:,.0f} MB in place of {told['memory_mb']:,.0f}, for about a quarter more "
        "time and the same result to the bit."
    )


def _command(s: config.RunSettings, *, minutes: float | None) -> str:
    """Return the command that trains what was proposed."""
    length = f" --minutes {minutes:g}" if minutes is not None else ""
    return f"lstmtui train ... --hidden {s.network.hidden}{length}{' --recompute' if s.run.recompute else ''}"


def _fitting(
    forecaster: Forecaster,
    complete: Callable[..., config.RunSettings],
    memory: float | None,
    minutes: float | None,
) -> tuple[int | None, bool | None]:
    """Return the largest of SIZES within the memory and the time, None where nothing is to fit, and whether it needs
    recomputation to fit, None where that is left open. Raises UsageError.
    """
    if memory is None and minutes is None:
        return None, None
    needs: dict[int, bool | None] = dict.fromkeys(SIZES)
    if memory is not None:
        needs = {}
        for size in SIZES:
            for again in (False, True):
                if size not in needs and forecaster.ask(complete(size, again=again))["memory_mb"] <= memory:
                    needs[size] = again
    fits = list(needs)
    low, high = 0, len(fits)  # time grows with the size: the first that takes too long
    while minutes is not None and low < high:
        middle = (low + high) // 2
        s = complete(fits[middle], again=needs[fits[middle]])
        told = forecaster.measure(s)
        took = PASSES * told["tokens"] / max(1.0, told["tokens_per_second"])
        low, high = (middle + 1, high) if took <= 60 * minutes else (low, middle)
    count = low if minutes is not None else len(fits)
    if not count:
        raise UsageError("Not even the smallest network fits that; allow more, or give a shorter text.")
    return fits[count - 1], needs[fits[count - 1]]


def expected(s: config.RunSettings, told: dict[str, Any]) -> dict[str, Any]:
    """Return what was told with times: of an epoch, and to the end, evaluations, start and last figures included."""
    speed = max(1.0, float(told["tokens_per_second"]))
    window = s.length.batch * s.length.bptt
    epoch = told["tokens"] / speed
    around = told.get("seconds_around", 0.0)
    step = window / speed + told.get("seconds_per_evaluation", 0.0) / s.run.eval_every
    unit, amount = s.length.unit, s.length.amount
    if unit == "steps":
        steps = int(amount)
    elif unit == "epochs":
        steps = max(1, round(amount * told["tokens"] / window))
    else:
        steps = max(1, round((60 * amount - around) / step))
    return {
        **told,
        "seconds_per_epoch": round(epoch, 2),
        "seconds": round(60 * amount if unit == "minutes" else steps * step + around, 1),
        "seconds_training": round(steps * window / speed, 1),
        "epochs": round(steps * window / max(1, told["tokens"]), 3),
        "steps": steps,
    }


def describe(s: config.RunSettings, told: dict[str, Any]) -> list[str]:
    """Return the plan in a few lines for a person."""
    network = s.network
    memory, gpu = told.get("memory_parts"), told.get("gpu_memory_mb")
    split = "" if not memory else " (" + ", ".join(f"{name} {size:,.0f}" for name, size in memory.items()) + ")"
    held = f"about {told['memory_mb']:,.0f} MB{split}" if gpu is None else f"about {gpu:,.0f} MB on the GPU"
    return [
        f"network     {network.cell}, {network.layers} x {network.hidden}, "
        f"embedding {network.embedding}, vocabulary {told['vocabulary']:,}",
        f"parameters  {told['parameters']:,}",
        f"work        {told['flop_per_token'] / 1e6:,.2f} million operations a token, forward and backward",
        f"memory      {held}",
        f"speed       {told['tokens_per_second']:,.0f} tokens/s, measured here "
        f"{f'with {_threads(s)}' if gpu is None else 'on the GPU'}",
        f"an epoch    {format_duration(told['seconds_per_epoch'])} for {told['tokens']:,} tokens",
        f"to the end  {format_duration(told['seconds'])}: {told['epochs']:.3g} epochs, {told['steps']:,} steps"
        f"{_training(told)}",
    ]


def _training(told: dict[str, Any]) -> str:
    """Return how much of the time goes into training, where not all does."""
    spent = told["seconds_training"]
    if told["seconds"] - spent < 1:
        return ""
    return f" ({format_duration(spent)} of training, the rest to evaluate, save and start)"


def _threads(s: config.RunSettings) -> str:
    return "1 thread" if s.run.threads == 1 else f"{s.run.threads} threads"
