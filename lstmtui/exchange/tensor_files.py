"""Tensors in files of other programs, read without running anything that is in them.

safetensors holds nothing but numbers. A PyTorch file is a pickle: it is read by PyTorch itself, where that is
installed, which then builds tensors and nothing else (`weights_only`).
"""

from __future__ import annotations

import os
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import safetensors

from lstmtui.common.opening import open_regular
from lstmtui.errors import CorruptError, UsageError

Array = np.ndarray[Any, Any]

SAFETENSORS = (".safetensors",)
TORCH = (".pt", ".pth", ".bin")
MAX_TENSORS = 4096
NESTED = ("state_dict", "model_state_dict", "model")
"""Names under which training scripts keep the weights beside other things."""


def read_tensors(path: Path) -> dict[str, Array]:
    """Return the tensors of a .safetensors or PyTorch file, by name.

    Raises UsageError for another kind of file, a missing one, and for a PyTorch file where PyTorch is not installed;
    CorruptError for a damaged one.
    """
    if path.suffix not in (*SAFETENSORS, *TORCH):
        raise UsageError(f"{path} is no file of weights; it ends in {', '.join((*SAFETENSORS, *TORCH))}.")
    try:
        os.close(open_regular(path))
        return _read_safetensors(path) if path.suffix in SAFETENSORS else _read_torch(path)
    except OSError as error:
        raise UsageError(f"{path} cannot be read ({error.strerror or error}).") from error


def _read_safetensors(path: Path) -> dict[str, Array]:
    try:
        with safetensors.safe_open(path, framework="numpy") as file:
            names = list(file.keys())
            _check_count(path, len(names))
            return {name: file.get_tensor(name) for name in names}
    except (safetensors.SafetensorError, ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
        raise CorruptError(f"{path} is damaged, or has numbers of a kind other than float16, 32 and 64.") from error


def _check_count(path: Path, count: int) -> None:
    if count > MAX_TENSORS:
        raise CorruptError(f"{path} has {count:,} tensors; a network of this program has at most {MAX_TENSORS:,}.")


def _read_torch(path: Path) -> dict[str, Array]:
    try:
        import torch
    except ImportError:
        raise UsageError(
            f"{path} is a PyTorch file, which only PyTorch reads: install torch, or save the weights with "
            f"safetensors.torch.save_file."
        ) from None
    size = path.stat().st_size
    try:
        with zipfile.ZipFile(path) as archive:
            is_bomb = sum(entry.file_size for entry in archive.infolist()) > size
    except (zipfile.BadZipFile, NotImplementedError) as error:
        raise CorruptError(f"{path} is damaged, or of a PyTorch before 1.6; save it again with a newer one.") from error
    if is_bomb:
        raise CorruptError(f"{path} is compressed, which no file of PyTorch is.")
    try:
        found = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # what unpickling raises depends on the file
        raise CorruptError(
            f"{path} is damaged, or holds more than weights; save model.state_dict() alone with torch.save."
        ) from error
    for name in NESTED:
        if isinstance(found, dict) and isinstance(found.get(name), dict):
            found = found[name]
            break
    if not isinstance(found, dict) or not all(isinstance(t, torch.Tensor) for t in found.values()):
        raise CorruptError(f"{path} holds no state_dict; save model.state_dict() with torch.save.")
    _check_count(path, len(found))
    # An expanded view of one number would fill the memory when it is copied.
    if any(t.layout != torch.strided or t.is_complex() or t.numel() > size for t in found.values()):
        raise CorruptError(f"{path} has a tensor that is larger than the file, sparse or complex.")
    return {str(name): t.detach().to(torch.float32).contiguous().numpy() for name, t in found.items()}
