"""`lstmtui sample [RUN] [TEXT]`."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lstmtui import config
from lstmtui.cli import piped
from lstmtui.cli.options import RunOrLatest, RunsDir, resolve_run
from lstmtui.cli.output import notify, stdout_console, write, write_json
from lstmtui.cli.signature import takes
from lstmtui.common.files import to_json
from lstmtui.common.terminal_text import safe
from lstmtui.errors import UsageError

if TYPE_CHECKING:
    from lstmtui.client.model import Model

SEPARATOR = "---"
"""The line between two samples, which may have several lines."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleArguments:
    """Arguments and options of the command."""

    run: RunOrLatest = "latest"
    text: Annotated[
        str | None,
        typer.Argument(metavar="TEXT", help="Text to start from; '-' or none: what is piped in.", show_default=False),
    ] = None
    length: Annotated[
        str | None,
        typer.Option(
            "--length",
            "-n",
            metavar="INTEGER",
            help="Characters to write; the last token is written whole.",
            show_default="the run's",
        ),
    ] = None
    line: Annotated[bool, typer.Option("--line", metavar="", help="Stop at the end of the first line.")] = False
    count: Annotated[
        int,
        typer.Option(
            min=1, max=100_000, metavar="INTEGER", help=f"Number of samples, with a line of {SEPARATOR} between two."
        ),
    ] = 1
    temperature: Annotated[
        str | None,
        typer.Option(
            metavar="NUMBER",
            help="Higher is more random; 0 takes the most probable token.",
            show_default="the run's",
        ),
    ] = None
    top_k: Annotated[
        str | None,
        typer.Option(
            metavar="INTEGER", help="Sample from this many most probable tokens; 0: all.", show_default="the run's"
        ),
    ] = None
    top_p: Annotated[
        str | None,
        typer.Option(
            metavar="NUMBER",
            help="Sample from tokens of this total probability.",
            show_default="the run's",
        ),
    ] = None
    prompt: Annotated[
        str | None, typer.Option("--prompt", "-p", metavar="TEXT", help="The same as TEXT.", show_default=False)
    ] = None
    seed: Annotated[
        str | None,
        typer.Option(
            metavar="INTEGER", help="The same seed, the same text (auto: another each time).", show_default=False
        ),
    ] = None
    json: Annotated[
        bool, typer.Option("--json", metavar="", help="Print one JSON object for each sample, for a script.")
    ] = False
    surprise: Annotated[
        bool,
        typer.Option(
            "--surprise",
            metavar="",
            help="Show how little the network expected each token, in bits; in a pipe, a token a line.",
        ),
    ] = False
    runs_dir: RunsDir = None


@takes(SampleArguments)
def sample(args: SampleArguments) -> int:
    """Generate text with a trained run."""
    from lstmtui.client.model import Model

    text = args.text
    if text is not None and args.prompt is not None:
        raise UsageError("Give the text to start from once: as TEXT, or with --prompt.")
    found = resolve_run(args.run, args.runs_dir)
    if text == piped.STDIN or (text is args.prompt is None and piped.holds_text()):
        text = piped.text(piped.STDIN)
    defaults = config.load(found.config)
    greedy = args.temperature is not None and _is_zero(args.temperature)
    options = {
        "sample_length": args.length,
        "temperature": None if greedy else args.temperature,
        "top_k": args.top_k,
        "top_p": args.top_p,
        "prompt": args.prompt if text is None else text,
        "seed": args.seed,
    }
    flags = {"sample_length": "--length"}
    chosen = {
        name: defaults.value(name)
        if raw is None
        else config.convert(name, raw, flags.get(name, f"--{name.replace('_', '-')}"))
        for name, raw in options.items()
    }
    if args.seed is None:
        import secrets  # slow to load, and needed here alone

        chosen["seed"] = secrets.randbits(32)
    with Model(found) as model:
        vocabulary = model.about.get("vocabulary")
        if isinstance(vocabulary, int) and chosen["top_k"] > vocabulary:
            notify(f"--top-k {chosen['top_k']} exceeds the vocabulary of {vocabulary} tokens; all of them are used.")
            chosen["top_k"] = vocabulary
        if greedy:  # the limit of a falling temperature, without a division by it
            chosen["temperature"], chosen["top_k"] = 1.0, 1
        question = {
            "prompt": chosen["prompt"],
            "length": chosen["sample_length"],
            "temperature": chosen["temperature"],
            "top_k": chosen["top_k"],
            "top_p": chosen["top_p"],
            **({"line": True} if args.line else {}),
        }
        for number in range(args.count):
            if number and not args.line and not args.json:
                write(SEPARATOR)
            _write(model, {**question, "seed": chosen["seed"] + number}, json=args.json, surprise=args.surprise)
    return 0


def _write(model: Model, question: dict[str, Any], *, json: bool, surprise: bool) -> None:
    """Write one sample after its prompt, or as JSON."""
    if surprise:
        _write_surprise(model, question, json=json)
        return
    if json:
        pieces: list[str] = []
        model.ask("sample", on_piece=pieces.append, **question)
        write_json({"prompt": question["prompt"], "text": "".join(pieces), "seed": question["seed"]})
        return
    if question["prompt"]:
        write(question["prompt"], end="")
    model.ask("sample", on_piece=lambda piece: write(piece, end=""), **question)
    write("")


def _write_surprise(model: Model, question: dict[str, Any], *, json: bool) -> None:
    """Write one sample with the bits of each token: by how it is printed on a terminal, else as numbers."""
    tokens: list[tuple[str, float]] = []
    if json:
        model.ask("sample", on_surprise=lambda *token: tokens.append(token), **question)
        text = "".join(text for text, _ in tokens)
        write_json({"prompt": question["prompt"], "text": text, "seed": question["seed"], "tokens": tokens})
    elif not sys.stdout.isatty():
        model.ask("sample", on_surprise=lambda text, bits: write(f"{bits:.2f}\t{to_json(text)}"), **question)
    else:
        from rich.text import Text

        from lstmtui.reports.surprise import NAMES, WITHOUT_COLOURS, level

        console = stdout_console()

        def show(text: str, style: str) -> None:
            console.print(Text(safe(text), style), end="", soft_wrap=True)

        show(question["prompt"], "underline")
        model.ask("sample", on_surprise=lambda text, bits: show(text, WITHOUT_COLOURS[level(bits)]), **question)
        write("")
        looks = (f"{name} {look or 'plain'}" for name, look in zip(NAMES, WITHOUT_COLOURS, strict=True))
        notify(f"Bits a token: {', '.join(looks)}.")


def _is_zero(text: str) -> bool:
    try:
        return float(text) == 0
    except ValueError:
        return False
