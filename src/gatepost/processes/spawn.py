"""Children that do not outlive us: the kernel signals them when we die, however we die."""

import ctypes
import os
import sys
from collections.abc import Callable

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def die_with_parent(signal_number: int) -> Callable[[], None] | None:
    """A `preexec_fn` that makes the kernel send `signal_number` to the child when its parent dies, even by SIGKILL.

    Linux only; elsewhere None, and a child of a killed parent lives on until the next start finds it. "Parent" is
    the *thread* that started the child: start children from a thread that lives as long as they should.
    The function runs between fork and exec, so it calls nothing but prctl and getppid.
    """
    if _LIBC is None:
        return None
    prctl, parent = _LIBC.prctl, os.getpid()

    def ask_the_kernel() -> None:
        prctl(_PR_SET_PDEATHSIG, signal_number, 0, 0, 0)
        # The parent may have died before prctl: then no signal would ever come.
        if os.getppid() != parent:
            os._exit(1)

    return ask_the_kernel
