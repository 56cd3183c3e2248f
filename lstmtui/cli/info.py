"""`lstmtui info`: the facts that a report about a slow or failing program needs."""

from __future__ import annotations

import platform
from pathlib import Path
from typing import Any

from lstmtui.cli.options import AsJson
from lstmtui.cli.output import write, write_json
from lstmtui.common.units import format_size
from lstmtui.errors import LstmtuiError

PACKAGES = ("numba", "llvmlite", "numpy", "textual", "rich", "typer", "tokenizers", "safetensors")
_ENGINE_FACTS = (
    "precision",
    "bfloat16",
    "threads",
    "cuda",
    "cuda_missing",
    "cuda_by_default",
    "gpu",
    "gpu_memory_mb",
    "driver",
    "toolkit",
)
_FEATURES = (
    "avx",
    "avx2",
    "fma",
    "f16c",
    "avx512f",
    "avx512_bf16",
    "avx512_vnni",
    "amx_bf16",
    "asimd",
    "sve",
    "bf16",
)


def info(json: AsJson = False) -> int:
    """Show versions, processor, threads, CUDA and folders."""
    facts = gather()
    if json:
        write_json(facts)
        return 0
    for group, values in facts.items():
        write(group)
        for name, value in values.items():
            write(f"  {name.replace('_', ' '):<15} {_words(value)}")
    return 0


def gather() -> dict[str, dict[str, Any]]:
    """Return all facts, in groups."""
    from importlib import metadata

    from lstmtui import __version__, config
    from lstmtui.cli.cache import used
    from lstmtui.common.hardware import cpu_count
    from lstmtui.common.paths import cache_root, runs_root
    from lstmtui.runs.listing import list_runs

    versions: dict[str, Any] = {"lstmtui": __version__, "python": platform.python_version()}
    for package in PACKAGES:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            versions[package] = None
    cache, runs = cache_root(), runs_root()
    return {
        "versions": versions,
        "machine": {
            "system": f"{platform.system()} {platform.release()} {platform.machine()}",
            **_processor(),
            "processors": cpu_count(),
        },
        "compute": _engine_facts(),
        "folders": {
            "runs": str(runs),
            "number of runs": len(list_runs(runs)),
            "cache": str(cache),
            "cache size": format_size(used(cache)),
            "configuration": str(config.user_file() or "none"),
        },
    }


def _processor() -> dict[str, Any]:
    """Return the processor's model and its vector features, where the system has them."""
    try:
        lines = Path("/proc/cpuinfo").read_text(errors="replace").splitlines()
    except OSError:
        return {"processor": platform.processor() or "unknown", "features": []}
    fields = {k.strip(): v.strip() for k, colon, v in (line.partition(":") for line in lines) if colon}
    flags = (fields.get("flags") or fields.get("Features") or "").split()
    return {
        "processor": fields.get("model name") or platform.processor() or platform.machine(),
        "features": [f for f in _FEATURES if f in flags],
    }


def _engine_facts() -> dict[str, Any]:
    """Return the facts of the engine's process; front ends never load Numba."""
    from lstmtui.client.info import engine_facts

    try:
        facts = engine_facts()
    except (LstmtuiError, OSError) as error:  # the other facts are needed all the more
        return {"engine": str(error)}
    # Versions and features are in groups of their own.
    return {name: value for name, value in facts.items() if name in _ENGINE_FACTS and value is not None}


def _words(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return " ".join(map(str, value)) or "none"
    return "not installed" if value is None else str(value)
