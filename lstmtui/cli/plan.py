"""`lstmtui plan [FILE...]`: a forecast of what a run would cost."""

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
    Field,
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
"""Sizes of layers that may be proposed."""
PASSES = 3
"""Passes over the text that --fit-minutes leaves time for."""


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
    field: Field = None
    keep_everything: KeepEverything = None
    exact: Exact = None
    recompute: Annotated[
        bool | None,
        typer.Option("--recompute/--no-recompute", metavar="", help="Store few states and recompute the others."),
    ] = None
    config_file: ConfigFile = None
    fit_memory: Annotated[
        float | None,
        typer.Option("--fit-memory", min=1, metavar="MB", help="Propose the largest network that fits this much."),
    ] = None
    fit_minutes: Annotated[
        float | None,
        typer.Option(
            "--fit-minutes",
            min=0.01,
            metavar="NUMBER",
            help=f"Propose the largest network that reads the text {PASSES} times in this many minutes.",
        ),
    ] = None
    json: AsJson = False


@takes(PlanArguments)
def plan(args: PlanArguments) -> int:
    """Forecast what a run would cost: parameters, work, memory, speed measured here, and time; trains nothing."""
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
        """Return the settings for a size; `again` decides about recomputation where the user did not."""
        chosen = dataclasses.replace(base, hidden=size or base.hidden)
        if again is not None and base.recompute is None:
            chosen = dataclasses.replace(chosen, recompute=again)
        if args.fit_minutes is not None and base.minutes is base.epochs is base.steps is None:
            chosen = dataclasses.replace(chosen, minutes=args.fit_minutes)
        return texts.resolve(chosen)

    forecaster = Forecaster()
    try:
        size, again = _largest_fitting(forecaster, complete, args.fit_memory, args.fit_minutes)
        s = complete(size, again=again)
        notify("Measuring a step (a cell that is new here is compiled first) ...")
        forecast = expected(s, forecaster.measure(s))
        if not s.run.recompute:
            forecast["memory_mb_recomputed"] = forecaster.ask(s.changed(recompute=True))["memory_mb"]
    finally:
        forecaster.close()
    forecast["proposal"] = proposal(s, forecast)
    if args.json:
        write_json({"settings": s.flat(), **forecast})
        return 0
    for line in describe(s, forecast):
        write(line)
    if forecast["proposal"]:
        write(f"\n{forecast['proposal']}")
    if size is not None:
        write(f"\nThe largest of the sizes tried that fits: {_command(s, minutes=args.fit_minutes)}")
    return 0


MIN_ACTIVATIONS = 0.5
"""Share of activations in a run's own memory from which recomputation is proposed."""
MIN_SAVING_MB = 50
"""Megabytes that recomputation must save to be proposed."""


def proposal(s: config.RunSettings, forecast: dict[str, Any]) -> str:
    """Return a sentence that proposes recomputation where it would save much memory; else an empty one."""
    parts, less = forecast.get("memory_parts") or {}, forecast.get("memory_mb_recomputed")
    own = forecast["memory_mb"] - parts.get("program", 0.0)
    activations = parts.get("activations", 0.0)
    if (
        less is None
        or activations < MIN_ACTIVATIONS * own
        or forecast["memory_mb"] - less < max(MIN_SAVING_MB, 0.2 * own)
    ):
        return ""
    return (
        f"Activations take {activations / own:.0%} of the run's own memory: --recompute stores few of them and "
        f"recomputes the rest, about {less:,.0f} MB instead of {forecast['memory_mb']:,.0f}, for about a quarter more "
        "time and a bit-identical result."
    )


def _command(s: config.RunSettings, *, minutes: float | None) -> str:
    """Return the command that trains the proposed network."""
    length = f" --minutes {minutes:g}" if minutes is not None else ""
    return f"lstmtui train ... --hidden {s.network.hidden}{length}{' --recompute' if s.run.recompute else ''}"


def _largest_fitting(
    forecaster: Forecaster,
    complete: Callable[..., config.RunSettings],
    memory: float | None,
    minutes: float | None,
) -> tuple[int | None, bool | None]:
    """Return the largest of SIZES that fits, and whether it needs recomputation; None for what is left open.

    memory     megabytes, or None for no limit
    minutes    time for PASSES over the text, or None for no limit
    Raises UsageError if none fits.
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
    low, high = 0, len(fits)  # bisection for the first that takes too long: time grows with size
    while minutes is not None and low < high:
        middle = (low + high) // 2
        s = complete(fits[middle], again=needs[fits[middle]])
        forecast = forecaster.measure(s)
        needed = PASSES * forecast["tokens"] / max(1.0, forecast["tokens_per_second"])
        low, high = (middle + 1, high) if needed <= 60 * minutes else (low, middle)
    count = low if minutes is not None else len(fits)
    if not count:
        raise UsageError("Not even the smallest network fits; allow more, or give a shorter text.")
    return fits[count - 1], needs[fits[count - 1]]


def expected(s: config.RunSettings, forecast: dict[str, Any]) -> dict[str, Any]:
    """Return the forecast with durations: of an epoch, and to the end with evaluations, start and final figures."""
    speed = max(1.0, float(forecast["tokens_per_second"]))
    window = s.length.batch * s.length.bptt
    epoch = forecast["tokens"] / speed
    around = forecast.get("seconds_around", 0.0)
    step = window / speed + forecast.get("seconds_per_evaluation", 0.0) / s.run.eval_every
    unit, amount = s.length.unit, s.length.amount
    if unit == "steps":
        steps = int(amount)
    elif unit == "epochs":
        steps = max(1, round(amount * forecast["tokens"] / window))
    else:
        steps = max(1, round((60 * amount - around) / step))
    return {
        **forecast,
        "seconds_per_epoch": round(epoch, 2),
        "seconds": round(60 * amount if unit == "minutes" else steps * step + around, 1),
        "seconds_training": round(steps * window / speed, 1),
        "epochs": round(steps * window / max(1, forecast["tokens"]), 3),
        "steps": steps,
    }


def describe(s: config.RunSettings, forecast: dict[str, Any]) -> list[str]:
    """Return the forecast in a few lines."""
    network = s.network
    memory, gpu = forecast.get("memory_parts"), forecast.get("gpu_memory_mb")
    split = "" if not memory else " (" + ", ".join(f"{name} {size:,.0f}" for name, size in memory.items()) + ")"
    held = f"about {forecast['memory_mb']:,.0f} MB{split}" if gpu is None else f"about {gpu:,.0f} MB on the GPU"
    return [
        f"network     {network.cell}, {network.layers} x {network.hidden}, "
        f"embedding {network.embedding}, vocabulary {forecast['vocabulary']:,}",
        f"parameters  {forecast['parameters']:,}",
        f"work        {forecast['flop_per_token'] / 1e6:,.2f} million operations a token, forward and backward",
        f"memory      {held}",
        f"speed       {forecast['tokens_per_second']:,.0f} tokens/s, measured here "
        f"{f'with {_threads(s)}' if gpu is None else 'on the GPU'}",
        f"an epoch    {format_duration(forecast['seconds_per_epoch'])} for {forecast['tokens']:,} tokens",
        f"to the end  {format_duration(forecast['seconds'])}: {forecast['epochs']:.3g} epochs, "
        f"{forecast['steps']:,} steps{_training_share(forecast)}",
    ]


def _training_share(forecast: dict[str, Any]) -> str:
    """Return how much of the time is spent on training, where not all is."""
    spent = forecast["seconds_training"]
    if forecast["seconds"] - spent < 1:
        return ""
    return f" ({format_duration(spent)} of training, the rest to evaluate, save and start)"


def _threads(s: config.RunSettings) -> str:
    return "1 thread" if s.run.threads == 1 else f"{s.run.threads} threads"
