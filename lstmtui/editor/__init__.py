"""Completion in editors, by the Language Server Protocol: `lstmtui lsp`. Needs the extra `editor` (pygls)."""
