"""What stands around a function while it runs: it bounds what is printed, and says in ``.done`` how it ended.

The first half of a runner's script; the other is ``remote``. It does for Python what ``prologue.sh`` does for any
script (DESIGN §6), without a program for each step, which costs a call a millisecond. The interpreter is doubled before
anything else is loaded, since each page that both then write to costs its time again.
"""

from __future__ import annotations

import os
import time

DONE = ".done"
STAGED = ".oscar/in/"
# What a function prints is kept up to so many bytes, and the last of them are noted.
PRINTED = 1_000_000
LAST = 4000
# How long what a function left running may hold up the end of its job, in seconds, and how often it is looked for.
PATIENCE = 1.0
LOOKING = 0.2


def attend() -> None:
    """Come back in the process that is to run the function; the other one waits for it and ends as it ended.

    A log is read whole by whoever looks at it, hence the bound. No thread could do this: a function may hold the
    interpreter's lock while it prints.
    """
    began = time.time()
    folder = place()
    if folder:
        try:
            os.makedirs(folder, exist_ok=True)  # noqa: PTH103 - pathlib costs a start its milliseconds
        except OSError as error:
            print(f"The folder for outputs cannot be made: {error}")  # noqa: T201 - the job's log
            os._exit(125)
        os.environ.update(JUPYTER_OSCAR_TRACKED="1", TMP_OUTPUT_DIR=folder)
    out, into = os.pipe()
    child = os.fork()
    if not child:
        os.close(out)
        os.dup2(into, 1)
        os.dup2(into, 2)
        os.close(into)
        return
    os.close(into)
    code, words = until_ended(child, out)
    if folder:
        note(folder, code, began, words)
    reap()
    os._exit(code)


def place() -> str | None:
    """The folder for the outputs of this call, if it is one that was submitted through us: see ``prologue.sh``."""
    job, key = os.environ.get("JOB_UUID", ""), os.environ.get("STORAGE_OBJECT_KEY", "")
    if "JUPYTER_OSCAR_TRACKED" in os.environ or not job or not key.startswith(STAGED):
        return None
    # A server before 4.1 names jobs itself; then the call's id is the folder its input lies in.
    call = key[len(STAGED) :].partition("/")[0]
    return os.path.join(os.environ["TMP_OUTPUT_DIR"], job if job[:-1] == call[:-1] else call)  # noqa: PTH118


def until_ended(child: int, out: int) -> tuple[int, bytes]:
    """Pass on what the child prints until it has ended; its exit code as a shell has it, and its last words.

    What it left running is waited for a moment only.
    """
    import json  # noqa: F401 - now, while there is time
    import select

    left, dropped, last = PRINTED, 0, b""
    status: int | None = None
    until = 0.0
    while status is None or time.monotonic() < until:
        if select.select([out], [], [], LOOKING)[0]:
            some = os.read(out, 65536)
            if not some:
                break
            dropped += max(0, len(some) - left)
            some = some[:left]
            left -= len(some)
            last = (last + some)[-LAST:]
            say(some)
        if status is None:
            ended, found = os.waitpid(child, os.WNOHANG)
            if ended:
                status, until = found, time.monotonic() + PATIENCE
    if status is None:
        status = os.waitpid(child, 0)[1]
    if dropped:
        words = f"\n{dropped:,} bytes more were printed and are left out.\n".encode()
        last = (last + words)[-LAST:]
        say(words)
    return (128 + os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)), last


def reap() -> None:
    """Take leave of what has ended: the shell that is now Python had another one write this text to its input."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


def say(words: bytes) -> None:
    """To the job's log, if there is still somebody who keeps it."""
    try:
        while words:
            words = words[os.write(1, words) :]
    except OSError:
        pass


def note(folder: str, code: int, began: float, words: bytes) -> None:
    """Write ``.done``, whole or not at all."""
    import json

    text = words.decode("utf-8", "replace").rstrip("\n")
    lines = "".join(letter for letter in text if letter >= " " or letter in "\n\t")
    outputs = [{"size": size, "name": name} for name, size in files(folder)]
    said = {"exit": code, "began": began, "ended": time.time(), "lines": lines, "outputs": outputs}
    path = os.path.join(folder, DONE)  # noqa: PTH118
    try:
        os.makedirs(folder, exist_ok=True)  # noqa: PTH103
        with open(path, "w", encoding="utf-8") as file:  # noqa: PTH123
            json.dump(said, file)
    except OSError as error:
        say(f"How it ended cannot be written down: {error}\n".encode())
        if os.path.exists(path):  # noqa: PTH110
            os.unlink(path)  # noqa: PTH108


def files(folder: str) -> list[tuple[str, int]]:
    """Name and size in bytes of each output; links are none."""
    found = []
    for top, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(top, name)  # noqa: PTH118
            if os.path.isfile(path) and not os.path.islink(path):  # noqa: PTH113, PTH114
                found.append((os.path.relpath(path, folder), os.path.getsize(path)))  # noqa: PTH202
    return [(name, size) for name, size in found if name != DONE]
