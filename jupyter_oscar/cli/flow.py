"""``jupyter oscar flow``: dataflows, which bring events to services through NiFi."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .codes import DIFFERENT, EPILOG, FAILED
from .names import nifis
from .terminal import as_json, confirm, out, say, size, table, yes
from .words import Noun

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Sequence

    from jupyter_oscar.flows.engines.base import Engine, FlowStatus, Outcome
    from jupyter_oscar.flows.model import Flow
    from jupyter_oscar.flows.plan import Plan
    from jupyter_oscar.flows.snapshot.made import Queue

flow_file = click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
which = click.option(
    "--nifi", metavar="NAME", shell_complete=nifis, help="On which NiFi [default: the one the file names, or yours]."
)
adopting = click.option("--adopt", is_flag=True, help="Take over a group of the same name that was not made from here.")
lacking = click.option("--allow-missing", is_flag=True, help="Also where that NiFi lacks a processor.")
target = click.argument("name", metavar="NAME|FILE")


@click.group(cls=Noun)
def flow() -> None:
    """Dataflows, from files in DCNiOS's format."""


@flow.command(epilog=f"{EPILOG} Here 1: there is an error in a file.")
@click.argument("files", nargs=-1, required=True, type=click.Path(dir_okay=False, path_type=Path))
@as_json
def lint(*, files: tuple[Path, ...], as_json: bool) -> None:
    """Say what is wrong in FILES, each with its line and what to do."""
    from jupyter_oscar.flows import lint as linting

    reports = [linting.check(file) for file in files]
    if as_json:
        out([{"file": str(report.path), **vars(finding)} for report in reports for finding in report.findings])
    else:
        for report in reports:
            click.echo(str(report))
    if any(report.errors for report in reports):
        raise SystemExit(FAILED)


@flow.command(epilog=EPILOG)
@flow_file
@click.option("--output", "-o", type=click.Path(dir_okay=False, path_type=Path), help="Write the picture there (SVG).")
def graph(*, file: Path, output: Path | None) -> None:
    """Show where the events of FILE go, as lines or a picture."""
    from jupyter_oscar.client.errors import InvalidRequest
    from jupyter_oscar.flows import lint as linting
    from jupyter_oscar.flows.graph import MOST, Graph

    made = Graph(linting.load(file))
    if output is None:
        click.echo(str(made))
        return
    picture = made.svg()
    if picture is None:
        msg = f"{file} has more than {MOST} elements, which is no picture any more."
        raise InvalidRequest(msg, hint="Leave --output out: there is a line for each way.")
    output.write_text(picture, encoding="utf-8")


@flow.command(epilog=EPILOG)
@click.option("--path", is_flag=True, help="Only say where the schema's file is.")
def schema(*, path: bool) -> None:
    """Print the JSON schema by which editors complete keys.

    An editor takes it from a first line `# yaml-language-server: $schema=PATH`.
    """
    from jupyter_oscar.flows.schema import PUBLISHED

    click.echo(PUBLISHED if path else PUBLISHED.read_text(encoding="utf-8"), nl=path)


def _version(_: click.Context, __: click.Parameter, said: str | None) -> str | None:
    if said is not None and not re.fullmatch(r"[12](\.\d+){1,2}(-\w+)?", said):
        msg = f'"{said}" is no version of NiFi that dataflows are made for: 1.18.0 or later, or 2.x.'
        raise click.BadParameter(msg)
    return said


@flow.command(epilog=f"{EPILOG} With --exit-code 7: something would change.")
@flow_file
@which
@click.option(
    "--version",
    "offline",
    metavar="X.Y.Z",
    callback=_version,
    help="Ask no NiFi; assume a complete one of that version.",
)
@adopting
@lacking
@click.option("--exit-code", "as_code", is_flag=True, help="End with 7 where something would change.")
@yes
@as_json
def plan(
    *,
    file: Path,
    nifi: str | None,
    offline: str | None,
    adopt: bool,
    allow_missing: bool,
    as_code: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Show what deploying FILE would change; nothing is written.

    Secrets that the file only refers to are read, and so compared, with --yes alone; a login at NiFi that it refers to
    is asked about.
    """
    from jupyter_oscar.flows import engines
    from jupyter_oscar.flows import plan as planning
    from jupyter_oscar.flows.engines import base

    found = read(file)

    async def work() -> Plan:
        if offline is not None:
            return planning.look(found, base.without_engine(offline), allow_missing=allow_missing)
        login = consent(found, nifi, sure=yes)
        engine = engines.choose(found, nifi, secrets=login)
        try:
            return await planning.prepare(
                found, engine, secrets=yes, look=True, adopt=adopt, allow_missing=allow_missing
            )
        finally:
            await engine.aclose()

    made = asyncio.run(work())
    out(as_data(made)) if as_json else click.echo(str(made))
    if as_code and made.action is not planning.Action.NOTHING:
        raise SystemExit(DIFFERENT)


@flow.command(epilog=EPILOG)
@flow_file
@which
@adopting
@lacking
@click.option("--start", "starting", is_flag=True, help="Start it then.")
@yes
@as_json
def apply(
    *,
    file: Path,
    nifi: str | None,
    adopt: bool,
    allow_missing: bool,
    starting: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Make NiFi have what FILE says; what is there already is kept, and runs on if it ran.

    If a step fails, what was done before it is undone. Secrets that the file only refers to are read from this machine
    and sent to NiFi: that is asked about.
    """
    from jupyter_oscar.flows import plan as planning
    from jupyter_oscar.flows.snapshot import elements

    found = read(file)
    consent(found, nifi, sure=yes)

    async def work(engine: Engine) -> tuple[Outcome, FlowStatus | None]:
        bridged = elements.bridged(found, await engine.capabilities())
        sure = consent(found, nifi, sure=yes, bridged=bridged)
        made = await planning.prepare(found, engine, secrets=sure, adopt=adopt, allow_missing=allow_missing)
        outcome = await engine.apply(made, say)
        return outcome, await engine.start(outcome.name) if starting else None

    outcome, status = _on(found, nifi, lambda engine, _: work(engine), sure=True)
    if as_json:
        out({**vars(outcome), "status": _as_data(status) if status else None})
    else:
        click.echo(f"{outcome.name}: {status.state if status else 'deployed' if outcome.done else 'as it was'}")
        for note in outcome.notes:
            say(note)
    _sound(status)


@flow.command(epilog=f"{EPILOG} Here 1: something in a dataflow is not valid.")
@click.argument("names", nargs=-1, metavar="[NAME|FILE]...")
@which
@as_json
def status(*, names: tuple[str, ...], nifi: str | None, as_json: bool) -> None:
    """Show how dataflows are: those with these names, or all of a NiFi."""
    from jupyter_oscar.flows.errors import FlowNotFound

    async def work(engine: Engine) -> Sequence[FlowStatus]:
        return await engine.status(wanted or None)

    wanted = [_name_of(name) for name in names]
    found: Sequence[FlowStatus] = _on(names[0] if names else None, nifi, lambda engine, _: work(engine))
    if as_json:
        out([_as_data(one) for one in found])
    else:
        rows = [(one.name, one.state, one.queued, one.dead, _first_line(one.last_error)) for one in found]
        table(("NAME", "STATE", "QUEUED", "DEAD LETTERS", "LAST ERROR"), rows)
        for one in found:
            for line in (*one.invalid, *one.warnings):
                say(f"{one.name}: {line}")
        if not found and not wanted:
            say("No dataflow there was deployed from here.")
    if missing := sorted(set(wanted) - {one.name for one in found}):
        msg = f"There is no dataflow named {', '.join(missing)}."
        raise FlowNotFound(msg, hint="`jupyter oscar flow status` lists what is there.")
    _sound(*found)


@flow.command(epilog=f"{EPILOG} Here 1: something in it is not valid.")
@target
@which
@as_json
def start(*, name: str, nifi: str | None, as_json: bool) -> None:
    """Start a dataflow, by its name or its file."""
    _one(name, nifi, lambda engine, flow_name: engine.start(flow_name), as_json=as_json)


@flow.command(epilog=EPILOG)
@target
@which
@as_json
def stop(*, name: str, nifi: str | None, as_json: bool) -> None:
    """Stop a dataflow. What is queued stays queued."""
    _one(name, nifi, lambda engine, flow_name: engine.stop(flow_name), as_json=as_json)


@flow.command(epilog=EPILOG)
@target
@which
@click.option("--seconds", default=60.0, show_default=True, help="How long to wait for the queues.")
@as_json
def drain(*, name: str, nifi: str | None, seconds: float, as_json: bool) -> None:
    """Stop a dataflow's sources, wait until all that is queued has been delivered, then stop it."""
    say(f"Waiting until nothing is queued, for {seconds:.0f} s at most …")
    _one(name, nifi, lambda engine, flow_name: engine.drain(flow_name, seconds=seconds), as_json=as_json)


@flow.command(epilog=EPILOG)
@target
@which
@click.option("--drop", is_flag=True, help="Throw away what is queued.")
@click.option("--keep-queues", is_flag=True, help="Leave what was made for it in AWS.")
@yes
def delete(*, name: str, nifi: str | None, drop: bool, keep_queues: bool, yes: bool) -> None:
    """Remove a dataflow with its parameters, and what was made for it in AWS.

    While events are queued that is refused: drain it first, or say --drop. AWS is asked with the keys of the file where
    that is named, and else with those of this machine.
    """
    from jupyter_oscar.flows import aws, secrets

    found = _flow_of(name)

    async def work(engine: Engine, flow_name: str) -> None:
        there = await engine.status([flow_name])
        made = [] if keep_queues else [thing for one in there for thing in one.made]
        also = f", and in AWS {', '.join(made)}" if made else ""
        lost = " The events in its queues are lost." if drop else ""
        confirm(f"Delete the dataflow {flow_name}{also}?{lost}", sure=yes)
        queues: Sequence[Queue] = ()
        if (made or not (there or keep_queues)) and found is not None:  # without a group, what is left is looked for
            places = [
                one for one in secrets.elsewhere(found) if one.element in {queue.element for queue in aws.queues(found)}
            ]
            if places:
                confirm(f"Read keys of this machine for AWS: {', '.join(map(str, places))}?", sure=yes)
            queues = aws.queues(secrets.follow_aws(found))
        await engine.delete(flow_name, empty=drop, queues=queues, keep_queues=keep_queues, progress=say)

    _on(name, nifi, work)
    click.echo(f"{found.name if found else name}: deleted")


def _one(name: str, nifi: str | None, act: Callable[[Engine, str], Awaitable[FlowStatus]], *, as_json: bool) -> None:
    found: FlowStatus = _on(name, nifi, act)
    if as_json:
        out(_as_data(found))
    else:
        click.echo(f"{found.name}: {found.state}{_queued(found)}")
        for line in (*found.invalid, *found.warnings):
            say(line)
    _sound(found)


def _on(
    what: str | Flow | None, nifi: str | None, act: Callable[[Engine, str], Awaitable[Any]], *, sure: bool = False
) -> Any:
    """Do something with the NiFi that is named, or that the file names, or that is the only one."""
    from jupyter_oscar.flows import engines

    name = what if isinstance(what, str) else ""
    found = _flow_of(name) if isinstance(what, str) else what
    login = sure or found is None or consent(found, nifi, sure=False)

    async def work() -> Any:
        engine = engines.choose(found, nifi, secrets=login)
        try:
            return await act(engine, found.name if found else name)
        finally:
            await engine.aclose()

    return asyncio.run(work())


def _is_file(name: str) -> bool:
    return Path(name).suffix in {".yaml", ".yml"} or Path(name).is_file()


def _flow_of(name: str) -> Flow | None:
    from jupyter_oscar.flows import lint as linting

    return linting.load(name) if _is_file(name) else None


def _name_of(name: str) -> str:
    found = _flow_of(name)
    return found.name if found else name


def _queued(one: FlowStatus) -> str:
    queued = f", {one.queued} queued ({size(one.queued_bytes)})" if one.queued else ""
    return f"{queued}, {one.dead} of them dead letters" if one.dead else queued


def _first_line(text: str) -> str:
    return text.partition("\n")[0]


def _as_data(one: FlowStatus) -> dict[str, Any]:
    return {**vars(one), "state": str(one.state)}


def _sound(*found: FlowStatus | None) -> None:
    if any(one is not None and one.invalid for one in found):
        raise SystemExit(FAILED)


def read(file: Path) -> Flow:
    """A file's dataflow; what is worth a look is said."""
    from jupyter_oscar.flows import lint as linting

    report = linting.check(file)
    found = report.sound()
    for warning in report.warnings:
        say(f"{file}:{warning}")
    return found


def consent(found: Flow, nifi: str | None, *, sure: bool, bridged: Collection[str] | None = None) -> bool:
    """Ask whether secrets of this machine may be read and sent to NiFi, where the file wants any.

    First those of its login there; then, when it is known which sources are ``bridged``, those of its elements.
    """
    from jupyter_oscar.flows import secrets

    if bridged is not None:
        places = secrets.elsewhere(found, bridged=bridged)
    else:
        places = [one for one in secrets.elsewhere(found, login=nifi is None) if not one.element]
    if places:
        wanted = ", ".join(map(str, places))
        to = nifi or found.nifi.extra.profile or found.nifi.endpoint or "NiFi"
        confirm(f"Read secrets from this machine and send them to {to}: {wanted}?", sure=sure)
    return True


def as_data(made: Plan) -> dict[str, Any]:
    """A plan for programs."""
    return {
        "name": made.name,
        "action": str(made.action),
        "steps": [{**vars(step), "action": str(step.action)} for step in made.steps],
        "sources": [vars(source) for source in made.snapshot.sources],
        "bridges": [vars(listener) for listener in made.snapshot.listeners],
        "notes": list(made.snapshot.notes),
    }
