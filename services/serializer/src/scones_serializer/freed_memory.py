"""Freed memory goes back to the kernel, so that what one upload took is not added to the next's."""

from __future__ import annotations

import ctypes

__all__ = ["give_back_large_blocks"]

_M_MMAP_THRESHOLD = -3  # malloc.h
_LARGE = 4 << 20


def give_back_large_blocks() -> None:
    """Have the C library keep no block of 4 MiB or more once it is freed.

    By itself glibc keeps up to 64 MiB as soon as some large block was freed.
    """
    library = ctypes.CDLL(None)
    if hasattr(library, "mallopt"):  # glibc alone has it, and alone needs it
        library.mallopt(_M_MMAP_THRESHOLD, _LARGE)
