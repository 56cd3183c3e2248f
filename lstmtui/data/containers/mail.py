"""Mailboxes in the mbox format: subject and plain text of each message."""

from __future__ import annotations

import mailbox
from collections.abc import Iterator
from email.message import Message
from pathlib import Path, PurePath

from lstmtui.data.containers.budget import Budget
from lstmtui.errors import UsageError

ENDINGS = (".mbox", ".mbx")


def recognises(head: bytes, name: str) -> bool:
    """Return whether a file that starts with `head` is a mailbox: the format has no mark of its own but the name's."""
    return head.startswith(b"From ") and PurePath(name).suffix.lower() in ENDINGS


def texts(path: Path, name: str, budget: Budget) -> Iterator[bytes]:
    """Yield the text of each message, in UTF-8. Raises UsageError where the mailbox cannot be read."""
    try:
        for message in mailbox.mbox(path, create=False):
            if text := _text(message):
                yield from budget.count([f"{_subject(message)}{text.strip()}\n\n".encode("utf-8", "replace")])
    except (RecursionError, ValueError, LookupError, AttributeError, TypeError) as error:
        raise UsageError(f"The file {name} is a mailbox with a message that cannot be read ({error}).") from error


def _subject(message: Message) -> str:
    from email.header import decode_header, make_header

    try:
        subject = str(make_header(decode_header(str(message["subject"] or ""))))
    except (ValueError, LookupError):  # damaged, or in an unknown encoding
        return ""
    return f"{' '.join(subject.split())}\n\n" if subject else ""


def _text(message: Message) -> str:
    """Return the plain text of a message, without attachments."""
    found = []
    for part in message.walk():
        if part.get_content_type() == "text/plain" and part.get_content_disposition() != "attachment":
            data = part.get_payload(decode=True)
            if isinstance(data, bytes):
                found.append(_decoded(data, part.get_content_charset() or "utf-8"))
    return "\n".join(found).replace("\r\n", "\n").replace("\0", "")


def _decoded(data: bytes, charset: str) -> str:
    try:
        return data.decode(charset, "replace")
    except LookupError:
        return data.decode("utf-8", "replace")
