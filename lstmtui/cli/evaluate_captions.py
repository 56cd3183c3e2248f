"""`lstmtui evaluate RUN FOLDER|TABLE` for a run of captions: exact captions, word F1, BLEU and CIDEr-D."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from lstmtui.cli import piped
from lstmtui.cli.beam_options import BEAM
from lstmtui.cli.evaluate_arguments import EvaluateArguments
from lstmtui.cli.output import notify, write, write_json
from lstmtui.cli.progress import progress_bar
from lstmtui.errors import UsageError
from lstmtui.runs.folder import RunFolder

MAX_EXAMPLES = 3
"""Wrong captions that are shown."""


def evaluate_captions(run: RunFolder, args: EvaluateArguments) -> int:
    """Describe the pictures of folders and tables, compare with their captions, and print the figures.

    Raises UsageError.
    """
    from lstmtui.client.captioner import Captioner

    files = args.files or []
    if not files or piped.STDIN in files:
        raise UsageError(
            "Name a folder of pictures with their captions, or a table (.tsv), to evaluate a run of captions."
        )
    options: dict[str, Any] = {"beam": args.beam or BEAM}
    if args.features:
        options["features"] = str(Path(args.features).expanduser().absolute())
    begun = time.monotonic()
    with Captioner(run) as captioner, progress_bar() as bar:
        result = captioner.evaluate(
            files, on_progress=lambda part: bar.show("Describing", part), encoding=args.encoding or "", **options
        )
    if args.json:
        write_json({"run": run.name, "files": files, **options, **result})
        return 0
    for note in result["notes"]:
        notify(note)
    write(f"exact              {result['exact']:>7.2%}   of {result['pictures']:,} pictures")
    write(f"word F1            {result['f1']:>7.2%}")
    if result["concepts"]:
        write(f"  mean of concepts {result['concept_f1']:>7.2%}   of {result['concepts']:,}")
    if result["bleu"] is not None:
        write(f"BLEU               {result['bleu']:>7.2f}   {result['bleu_signature']}")
    write(f"CIDEr-D            {result['cider']:>7.2f}")
    for example in result["examples"][:MAX_EXAMPLES]:
        notify(f"\n{example['picture']}\n  reference  {example['reference']}\n  caption    {example['caption']}")
    notify(f"\n{result['pictures']:,} pictures described in {time.monotonic() - begun:.1f} s.")
    return 0
