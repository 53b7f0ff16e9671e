"""Settings of glibc's malloc for processes that allocate and free large arrays all the time."""

import ctypes
import os


def keep_memory():
    """Makes glibc keep freed memory instead of returning it to the system.

    Does nothing with another C library, or where the environment says SV_PREPARE=0.

    NumPy and MLX free every array at once, and the page faults of allocating again cost more than the arithmetic.
    """
    if os.environ.get("SV_PREPARE") == "0":
        return
    libc = ctypes.CDLL(None)
    if not hasattr(libc, "gnu_get_libc_version"):
        return
    m_trim_threshold, m_top_pad, m_mmap_max, m_arena_max = -1, -2, -4, -8
    libc.mallopt(m_mmap_max, 0)
    libc.mallopt(m_trim_threshold, 2**31 - 1)
    libc.mallopt(m_top_pad, 2**28)
    libc.mallopt(m_arena_max, 1)
