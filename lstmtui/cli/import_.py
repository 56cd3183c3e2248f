"""`lstmtui import PATH`: a network of another program, or an exported one, as a run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lstmtui.cli.options import RunsDir, path
from lstmtui.cli.output import notify, write
from lstmtui.common.paths import runs_root
from lstmtui.errors import UsageError
from lstmtui.runs.folder import RunFolder, is_occupied
from lstmtui.runs.names import check_run_name, free_run_name

SAMPLES = "'lstmtui sample {}' generates text with it."
USES = {
    "translation": "'lstmtui translate {}' translates with it.",
    "captions": "'lstmtui caption {} PICTURE' describes pictures with it.",
    "speech": "'lstmtui transcribe {} FILE' transcribes with it.",
}
"""What to do with a run, by its purpose."""


def import_(
    source: Annotated[
        Path,
        typer.Argument(
            metavar="PATH", parser=path, show_default=False,
            help="A folder with weights, or a .safetensors, .pt, .pth or .bin file.",
        ),
    ],
    name: Annotated[
        str | None, typer.Option("--name", metavar="NAME", help="Name of the run.", show_default=False)
    ] = None,
    tokenizer: Annotated[
        Path | None,
        typer.Option(
            "--tokenizer", metavar="FILE", parser=path, show_default=False,
            help="Its tokenizer.json (auto: the one beside the weights, or bytes).",
        ),
    ] = None,
    runs_dir: RunsDir = None,
) -> int:  # fmt: skip
    """Make a run of a language model that was trained elsewhere, or of any network that was exported here.

    It takes what 'lstmtui export' writes for PyTorch and Hugging Face, and the state_dict of an embedding, nn.LSTM,
    nn.GRU or nn.RNN, and a linear layer. Nothing in a file is run: PyTorch's own files are read by PyTorch, weights
    only, where it is installed.

    The run completes, samples, evaluates and shows its gates. It has no text to train on; 'lstmtui train FILE --from
    RUN' trains a new run that begins with its weights.
    """
    from lstmtui.client.exchange import import_model

    if not source.exists():
        raise UsageError(f"There is no file or folder {source}; check the name.")
    root = runs_dir.expanduser() if runs_dir else runs_root()
    chosen = check_run_name(name) if name is not None else free_run_name(root, source.resolve().stem)
    run = RunFolder(root / chosen)
    if is_occupied(run.path):
        raise UsageError(f"There is already a run '{run.name}'; choose another --name.")
    about = import_model(source.absolute(), run, tokenizer.absolute() if tokenizer else None)
    write(run.name)
    notify(
        f"{about['cell']}, {about['layers']} x {about['hidden']}, {about['vocabulary']:,} {about['tokens']}, "
        f"{about['parameters']:,} parameters. {USES.get(about['purpose'], SAMPLES).format(run.name)}"
    )
    return 0
