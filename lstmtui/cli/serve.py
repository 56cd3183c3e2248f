"""`lstmtui serve RUN`: an endpoint for other programs."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Annotated

import typer

from lstmtui.cli.options import RunOrLatest, RunsDir, resolve_run_to_type_with
from lstmtui.cli.output import notify
from lstmtui.cli.signature import takes
from lstmtui.common import paths
from lstmtui.errors import LstmtuiError

PORT = 8177
TOKEN = "LSTMTUI_TOKEN"
"""The environment variable with the token."""
MISSING = "The endpoint needs starlette and uvicorn; install them with: pip install 'lstmtui[serve]'."


@dataclass(frozen=True, slots=True, kw_only=True)
class ServeArguments:
    """Arguments and options of the command."""

    run: RunOrLatest = "latest"
    host: Annotated[
        str,
        typer.Option("--host", metavar="ADDRESS", help="Where it listens; 127.0.0.1 is for this machine alone."),
    ] = "127.0.0.1"
    port: Annotated[
        int, typer.Option("--port", min=0, max=65535, metavar="INTEGER", help="Its port; 0 takes a free one.")
    ] = PORT
    token: Annotated[
        str | None,
        typer.Option(
            "--token",
            metavar="TEXT",
            help=f"What clients must send (also {TOKEN}, which other users cannot see); made and stored without.",
            show_default=False,
        ),
    ] = None
    runs_dir: RunsDir = None


@takes(ServeArguments)
def serve(args: ServeArguments) -> int:
    """Answer other programs over HTTP, as OpenAI's completions do, on this machine; no text is stored or logged."""
    try:
        from lstmtui.serving import server
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("starlette", "uvicorn", "anyio", "h11"):
            raise
        raise LstmtuiError(MISSING) from error
    from lstmtui.client.model import Model
    from lstmtui.serving import hosts, secret_token

    run = resolve_run_to_type_with(args.run, args.runs_dir)
    given = args.token if args.token is not None else os.environ.get(TOKEN)
    token, where = (secret_token.checked(given), "") if given is not None else _stored_token()
    listener = server.listen(args.host, args.port)
    try:
        with Model(run) as model:
            server.warm_up(model)
            notify(f"'{run.name}' is served at {server.address_of(listener)}/v1; Ctrl-C ends it.{where}")
            if not hosts.is_loopback(args.host):
                notify("Other machines can reach it, and text and token travel unencrypted; 127.0.0.1 is safer.")
            return server.serve(model, run.name, listener, host=args.host, token=token, notify=notify)
    finally:
        listener.close()


def _stored_token() -> tuple[str, str]:
    """Return the token in the user's state folder, and what to print of it: itself only when it is made."""
    from lstmtui.serving import secret_token

    path = paths.token_file()
    token, made = secret_token.stored(path)
    return token, f"\nToken: {token} (stored in {path})" if made else f"\nThe token is in {path}."
