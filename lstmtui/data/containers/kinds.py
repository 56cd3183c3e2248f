"""Which files hold texts that are taken out of them."""

from __future__ import annotations

from lstmtui.data.containers import archives, compression, documents, mail


def is_container(head: bytes, name: str) -> bool:
    """Return whether `head` starts a file called `name` that is compressed, an archive, a document or a mailbox."""
    return any(kind.recognises(head, name) for kind in (compression, archives, documents, mail))
