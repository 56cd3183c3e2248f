"""A run as an endpoint for other programs: `lstmtui serve`. Needs the extra `serve` (starlette and uvicorn)."""
