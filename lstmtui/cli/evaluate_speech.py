"""`lstmtui evaluate RUN FOLDER|MANIFEST` for a run of speech: word and character error rates, also by speaker."""

from __future__ import annotations

import time
from typing import Any

from lstmtui.cli import piped
from lstmtui.cli.evaluate_arguments import EvaluateArguments
from lstmtui.cli.output import notify, write, write_json
from lstmtui.cli.progress import progress_bar
from lstmtui.cli.search_options import search_options
from lstmtui.common.terminal_text import one_line
from lstmtui.errors import UsageError
from lstmtui.runs.folder import RunFolder

MAX_EXAMPLES = 3
"""Wrong transcripts that are shown."""
MAX_NAME = 24
"""Characters of a speaker's name in the table."""


def evaluate_speech(run: RunFolder, args: EvaluateArguments) -> int:
    """Transcribe the recordings of folders and manifests, compare with their texts, and print the figures.

    Raises UsageError.
    """
    from lstmtui.client.transcriber import Transcriber

    files = args.files or []
    if not files or piped.STDIN in files:
        raise UsageError(
            "Name a folder of recordings with their texts, or a manifest (.tsv), to evaluate a run of speech."
        )
    options = search_options(args.beam, args.lm, args.lm_weight, args.runs_dir)
    begun = time.monotonic()
    with Transcriber(run) as transcriber, progress_bar() as bar:
        result = transcriber.evaluate(
            files, on_progress=lambda part: bar.show("Transcribing", part), encoding=args.encoding or "", **options
        )
    if args.json:
        shown = {name: str(value) if name == "lm" else value for name, value in options.items()}
        write_json({"run": run.name, "files": files, **shown, **result})
        return 0
    for note in result["notes"]:
        notify(note)
    for line in table(result):
        write(line)
    for example in result["examples"][:MAX_EXAMPLES]:
        notify(f"\n{example['file']}\n  reference   {example['reference']}\n  transcript  {example['transcript']}")
    notify(f"\n{result['recordings']:,} recordings transcribed in {time.monotonic() - begun:.1f} s.")
    return 0


def table(result: dict[str, Any]) -> list[str]:
    """Return the lines of the figures: of all recordings, and of each speaker where they are known."""
    lines = [
        f"word error rate       {result['wer']:>7.2%}   of {result['words']:,} words",
        f"character error rate  {result['cer']:>7.2%}   of {result['characters']:,} characters",
    ]
    speakers = result["speakers"]
    if not speakers:
        return lines
    names = {name: one_line(name, MAX_NAME) for name in speakers}
    width = max(len("speaker"), *map(len, names.values()))
    lines += ["", f"{'speaker':<{width}}  recordings      WER      CER"]
    for name, of in speakers.items():
        lines.append(f"{names[name]:<{width}}  {of['recordings']:>10,}  {of['wer']:>7.2%}  {of['cer']:>7.2%}")
    return lines
