"""`lstmtui evaluate RUN FILE` for a run trained on text: perplexity, or what its completions save while typing."""

from __future__ import annotations

from functools import partial
from typing import Any

from lstmtui.cli import piped
from lstmtui.cli.evaluate_arguments import EvaluateArguments
from lstmtui.cli.output import figures, notify, write, write_json
from lstmtui.cli.progress import progress_bar
from lstmtui.runs.folder import RunFolder


def evaluate_text(run: RunFolder, args: EvaluateArguments) -> int:
    """Predict a text, or type it with completions, and print the figures. Raises UsageError."""
    from lstmtui import config
    from lstmtui.client.model import Model
    from lstmtui.data.notes import source_notes
    from lstmtui.data.reading import ReadOptions, open_source

    data = config.load(run.config).data
    with piped.files(args.files) as names:
        for note in source_notes(open_source(names, ReadOptions.of(data, args.encoding or ""))):
            notify(note)
        asked: dict[str, Any] = {"files": names, **({"encoding": args.encoding} if args.encoding else {})}
        with Model(run) as model:
            if args.autocomplete:
                result = model.ask(
                    "autocomplete", **asked, apart=args.apart, words=args.words, threshold=args.threshold,
                    adapt=args.adapt,
                )  # fmt: skip
            else:
                if args.dynamic:
                    asked["dynamic"] = {"rule": args.dynamic_rule, "lr": args.dynamic_lr, "decay": args.dynamic_decay}
                with progress_bar() as bar:
                    result = model.ask("evaluate", on_progress=partial(bar.show, "Evaluating"), **asked)
    if args.json:
        write_json({"run": run.name, "files": args.files or [piped.STDIN], **result})
    elif args.autocomplete:
        for line in table(result):
            write(line)
    else:
        write(figures(result))
        if result.get("unknown"):
            notify(f"{result['unknown']:.1%} of it is not in the run's vocabulary.")
        if args.dynamic:
            write(f"dynamic: {figures(result['dynamic'])}")
            notify(_gained(result))
    return 0


def _gained(result: dict[str, Any]) -> str:
    """Return the sentence about the gain of dynamic evaluation and its settings."""
    dynamic = result["dynamic"]
    gained = result["nll"] - dynamic["nll"]
    word = "better" if gained > 0 else "worse"
    return (
        f"Dynamic evaluation is {abs(gained):.4f} nats per token {word} "
        f"({dynamic['rule']} rule, learning rate {dynamic['lr']:g}, decay {dynamic['decay']:g}, "
        f"every {dynamic['window']} tokens)."
    )


def table(result: dict[str, Any]) -> list[str]:
    """Return the lines of a keystroke report: its counts, a column each, and the latency."""
    columns: dict[str, Any] = {
        "as it is": result,
        **{name: result[name] for name in ("network", "adapted") if name in result},
    }
    rows: list[tuple[str, Any]] = [
        *((f"saved, {k} suggestion{'s' * (k != 1)}", lambda c, k=k: c["savings"][str(k)]) for k in (1, 3, 5)),
        *((f"each once, {k}", lambda c, k=k: c["savings_once"][str(k)]) for k in (1, 3, 5)),
        ("saved, ghost text only", lambda c: c["savings_ghost"]),
        *((f"hit before a letter, {k}", lambda c, k=k: c["recall"][str(k)]) for k in (1, 3, 5)),
        ("MRR before a letter", lambda c: c["mrr"]),
        (f"coverage at {result['threshold']:g}", lambda c: c["coverage"]),
        (f"precision at {result['threshold']:g}", lambda c: c["precision"]),
    ]
    lines = [f"{result['words']:,} words, {result['characters']:,} characters"]
    if len(columns) > 1:
        lines.append(" " * 26 + "".join(f"{name:>10}" for name in columns))
    for title, figure in rows:
        shares = [figure(column) for column in columns.values()]
        lines.append(f"{title:<26}" + "".join("         -" if x is None else f"{x:>10.1%}" for x in shares))
    if "latency_ms" in result:
        times = ", ".join(f"{name} {ms:.1f}" for name, ms in result["latency_ms"].items())
        lines.append(f"{'latency in ms':<26}{times:>10}")
    return lines
