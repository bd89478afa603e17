"""How things look in a cell: plain text and static HTML, every word from a server escaped (DESIGN §7).

Static means that a saved notebook still says the same: no script, no link to a server. What a service gave back is
shown by ``shown``.
"""

from __future__ import annotations

from html import escape
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, Final

from . import shown
from .shown import CELL, QUIET, SHOWN_BYTES, SHOWN_CHARACTERS, TABLE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jupyter_oscar.client.jobs import State
    from jupyter_oscar.client.maps import Progress
    from jupyter_oscar.client.prologue import Done
    from jupyter_oscar.client.services import Summary

    from .objects import StoredObject
    from .results import Output

KIB: Final = 1000
NAMES: Final = 3
MINUTE: Final = 60


class Log(str):
    """A log that prints as it is instead of as a quoted string."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def size(count: int) -> str:
    """``1.4 MB``."""
    value, unit = float(count), "B"
    for unit in ("B", "kB", "MB", "GB", "TB"):  # noqa: B007 - the last one is used
        if value < KIB:
            break
        value /= KIB
    return f"{value:.0f} B" if unit == "B" else f"{value:.1f} {unit}"


def safe_name(name: str) -> str:
    """A relative path that stays below its folder, whatever a server calls its object."""
    parts = [
        part for part in PurePosixPath(name.replace("\\", "_").replace("\0", "_")).parts if part not in {"/", "..", "."}
    ]
    return str(PurePosixPath(*parts)) if parts else "output"


def services_text(services: Sequence[Summary], cluster: str) -> str:
    """One line per service, names first."""
    if not services:
        return f"No services on {cluster}. Deploy one from a file: cluster.deploy(path)."
    width = max(len(service.name) for service in services)
    return "\n".join(f"{service.name:<{width}}  {_about(service)}" for service in services)


def _about(service: Summary) -> str:
    return f"{service.kind} · {service.visibility} · {service.image}"


def services_html(services: Sequence[Summary], cluster: str) -> str:
    """A table: name, kind, visibility, image, owner."""
    if not services:
        return f"<span {QUIET}>{escape(services_text(services, cluster))}</span>"
    return shown.table(("name", "kind", "visibility", "image", "owner"), services)


def job_text(label: str, identity: str, state: State | None) -> str:
    """``✓ grayify · cat.png  done  grayify-0193…``; without a state when nobody has asked for it yet."""
    mark, word = (state.mark, str(state)) if state else ("·", "submitted")
    return f"{mark} {label}  {word}  {identity}"


def job_html(label: str, identity: str, state: State | None, done: Done | None = None) -> str:
    """The same line with the id quiet; how long it took and its last words where that is known."""
    mark, word = (state.mark, job_word(state, done)) if state else ("·", "submitted")
    colour = _COLOURS.get(str(state), "var(--jp-ui-font-color2)")
    said = f"{escape(label)} &nbsp;{word} &nbsp;<code {QUIET}>{escape(identity)}</code>"
    line = f'<span style="color:{colour}">{mark}</span> {said}'
    return line + (_last_words(done.lines) if done else "")


def job_word(state: State, done: Done | None) -> str:
    """``running``; ``4.2 s`` for one that ended well; ``exit 3``."""
    if done is None or not state.ended:
        return str(state)
    return f"exit {done.exit}" if done.exit else duration(done.ended - done.began)


def job_outputs(done: Done | None) -> str:
    """`` → a.png, b.png and 3 more``, or nothing."""
    names = [produced.name for produced in done.outputs] if done else []
    more = f" and {len(names) - NAMES} more" if len(names) > NAMES else ""
    return f" → {', '.join(names[:NAMES])}{more}" if names else ""


def _last_words(lines: str) -> str:
    """What the script printed last, folded away."""
    words = lines.strip()[-SHOWN_CHARACTERS:]
    if not words:
        return ""
    return f'<details><summary {QUIET}>log</summary><pre style="white-space:pre-wrap">{escape(words)}</pre></details>'


def duration(seconds: float) -> str:
    """``4.2 s``, ``3 min 10 s``, ``2 h 5 min``."""
    if seconds < MINUTE:
        return f"{max(0.0, seconds):.1f} s"
    minutes, rest = divmod(round(seconds), MINUTE)
    return f"{minutes} min {rest} s" if minutes < MINUTE else f"{minutes // MINUTE} h {minutes % MINUTE} min"


_COLOURS = {
    "done": "var(--jp-success-color1)",
    "failed": "var(--jp-error-color1)",
    "lost": "var(--jp-warn-color1)",
    "running": "var(--jp-info-color1)",
}


BAR: Final = 22


def map_text(now: Progress) -> str:
    """``cats  ███████████████░░░░░░░  231 of 340 · 3 failed · about 2 min left``."""
    return f"{now.name}  {_bar(now)}  {map_word(now)}"


def map_html(now: Progress) -> str:
    """The same line."""
    done = _bar(now)
    bar = f'<span style="color:var(--jp-info-color1);letter-spacing:-0.5px">{done}</span>'
    return (
        f'<span style="font-variant-numeric:tabular-nums">{escape(now.name)} &nbsp;{bar}&nbsp; {map_word(now)}</span>'
    )


def failures_html(failed: Sequence[tuple[str, str]]) -> str:
    """Which inputs failed and why, folded away, and what sends them again."""
    if not failed:
        return ""
    rows = "".join(
        f"<tr><td {CELL}>{escape(name)}</td><td {CELL}>{escape(reason)}</td></tr>" for name, reason in failed
    )
    again = f"<span {QUIET}><code>jobs.retry()</code> sends them again.</span>"
    return f"<details><summary {QUIET}>failed</summary>{TABLE}{rows}</table>{again}</details>"


def map_word(now: Progress) -> str:
    """``231 of 340 · 3 failed · about 2 min left``."""
    total = f"{now.total:,}" if now.total is not None else f"{now.known:,} and more"
    words = [f"{now.ended:,} of {total}"]
    words += [f"{now.failed:,} failed"] if now.failed else []
    words += [f"{now.cancelled:,} cancelled"] if now.cancelled else []
    if now.seconds_left:
        words.append(f"about {about(now.seconds_left)} left")
    return " · ".join(words)


def about(seconds: float) -> str:
    """A duration that is only known roughly: ``40 s``, ``7 min``, ``2 h``."""
    if seconds < 1.5 * MINUTE:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / MINUTE)
    return f"{minutes} min" if minutes < 2 * MINUTE else f"{round(minutes / MINUTE)} h"


def _bar(now: Progress) -> str:
    full = BAR * now.ended // max(1, now.total or now.known)
    return "█" * full + "░" * (BAR - full)


def output_bundle(output: StoredObject) -> dict[str, Any]:
    """An output shown by its kind; a long one by name and size."""
    plain = repr(output)
    return {"text/plain": plain} if output.size > SHOWN_BYTES else shown.bundle(output.content, output.name, plain)


def outputs_bundle(outputs: Sequence[Output]) -> dict[str, Any]:
    """Several outputs as a table of names and sizes."""
    plain = "\n".join(repr(output) for output in outputs) or "no outputs"
    rows = "".join(
        f'<tr><td {CELL}>{escape(output.name)}</td><td style="text-align:right">{size(output.size)}</td></tr>'
        for output in outputs
    )
    return {"text/plain": plain, "text/html": f"{TABLE}{rows}</table>" if rows else f"<span {QUIET}>{plain}</span>"}
