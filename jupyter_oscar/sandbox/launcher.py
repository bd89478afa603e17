"""Starts a program that must not outlive its parent, not even when that is killed with -9.

Run as a file by ``objectstore`` and ``keeper``: it asks the kernel to send a kill when its parent's thread ends, then
becomes the program. The parent starts it from its main thread, which lives as long as the process. Outside Linux there
is no such signal: the program is then only stopped at a clean stop.
"""

import os
import signal
import sys


def main() -> None:
    parent, program = int(sys.argv[1]), sys.argv[2:]
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(1, 9)  # PR_SET_PDEATHSIG, SIGKILL; kept across exec
    if os.getppid() != parent:
        raise SystemExit(1)  # the parent died before the kernel knew
    for number in (signal.SIGPIPE, signal.SIGXFSZ):  # which Python ignores, and the program would inherit that
        signal.signal(number, signal.SIG_DFL)
    os.execv(program[0], program)  # noqa: S606 - no shell wanted


if __name__ == "__main__":
    main()
