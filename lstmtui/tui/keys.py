"""Key bindings that the configuration can change."""

from __future__ import annotations

from textual.binding import Binding


def bind(
    key: str, action: str, label: str, name: str, about: str, *, show: bool = False, priority: bool = False
) -> Binding:
    """Return a binding called `name` (screen.action) in the configuration; help lists it when `about` is not empty.

    The footer has room for about eight bindings, so it lists only those with `show`.
    """
    return Binding(key, action, label, show=show, priority=priority, tooltip=about, id=name)
