"""``jupyter oscar flow``: dataflows, which bring events to services through NiFi."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .codes import DIFFERENT, EPILOG, FAILED
from .terminal import as_json, confirm, out, say, yes
from .words import Noun

if TYPE_CHECKING:
    from jupyter_oscar.flows.model import Flow
    from jupyter_oscar.flows.plan import Plan

flow_file = click.argument("file", type=click.Path(dir_okay=False, path_type=Path))


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
@click.option("--nifi", metavar="NAME", help="On which NiFi [default: the one the file names].")
@click.option(
    "--version",
    "offline",
    metavar="X.Y.Z",
    callback=_version,
    help="Ask no NiFi; assume a complete one of that version.",
)
@click.option("--adopt", is_flag=True, help="Take over a group of the same name that was not made from here.")
@click.option("--allow-missing", is_flag=True, help="Also where that NiFi lacks a processor.")
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
        login = consent(found, nifi, sure=yes, login_only=True)
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


def read(file: Path) -> Flow:
    """A file's dataflow; what is worth a look is said."""
    from jupyter_oscar.flows import lint as linting

    report = linting.check(file)
    found = report.sound()
    for warning in report.warnings:
        say(f"{file}:{warning}")
    return found


def consent(found: Flow, nifi: str | None, *, sure: bool, login_only: bool = False) -> bool:
    """Ask whether secrets of this machine may be read and sent to NiFi, where the file wants any."""
    from jupyter_oscar.flows import secrets

    places = secrets.elsewhere(found, login=nifi is None)
    if login_only:
        places = [one for one in places if not one.element]
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
