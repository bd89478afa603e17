"""An FDL file: services as text, with their scripts beside them (oscar.md §2.3).

:func:`load` reads a file into services that can be deployed, or raises :class:`FdlError` with file, line and fix. It
checks everything that can be checked without a cluster, so that nothing is created from a file that is half right.
"""

from __future__ import annotations

import difflib
import typing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import yaml
from pydantic import BaseModel, SecretStr, ValidationError

from . import checks, prologue, references
from .errors import FdlError, FileMissing, InvalidRequest, SecretMissing, TrackingRefused
from .service import RESPONSE_ONLY, SERVER_LABELS, Environment, Service, StorageIO

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

# What a server adds to a service by itself, or never gives back (oscar.md §2.2).
SERVER_MADE: Final = RESPONSE_ONLY | {"owner", "script", "storage_providers", "clusters", "environment", "labels"}
TOP: Final = ("functions", "storage_providers", "clusters")
# oscar-cli's and older servers' spelling (oscar.md §2.3).
RENAMED: Final[dict[type[BaseModel], dict[str, str]]] = {Environment: {"Variables": "variables"}}


@dataclass(frozen=True)
class Elsewhere:
    """A secret that a file does not hold: of which service, and where on this machine its value is said to be."""

    service: str
    key: str
    place: str
    line: int

    def __str__(self) -> str:
        return f"{self.key} from {self.place} (line {self.line})"


@dataclass(frozen=True)
class Fdl:
    """What a file says: services in its order, and the line each begins on."""

    path: Path
    services: list[Service]
    lines: dict[str, int] = field(default_factory=dict)
    #: The cluster under whose name each service stands.
    targets: dict[str, str] = field(default_factory=dict)
    #: What was read; it may hold secrets.
    text: str = field(default="", repr=False)
    #: The file that each service names as its script.
    scripts: dict[str, str] = field(default_factory=dict)
    #: Secrets whose values are not in it; see :func:`filled`.
    elsewhere: tuple[Elsewhere, ...] = ()

    def line(self, name: str) -> int | None:
        """The line on which the service of that name begins."""
        return self.lines.get(name)


def load(path: Path | str, *, name: str | None = None, values: Mapping[str, str] | None = None) -> Fdl:
    """Read an FDL file with the scripts it names. Where a secret is a reference, that is not followed: see `filled`.

    ``name`` is what its one service, and the bucket of that name, are called instead. ``values`` stand in place of what
    the file says of variables and secrets; what it does not name is left out.

    Raises:
        FileMissing: there is no such file.
        FdlError: it is wrong; the message has file, line and fix.
        InvalidRequest: there is a name for several services.

    """
    file = Reader(Path(path), name=name, values=values).read()
    if name is not None and len(file.services) > 1:
        msg = f"{path} holds several services, which cannot all be called {name}."
        raise InvalidRequest(msg, hint="Name them in the file.")
    return file


def filled(file: Fdl) -> Fdl:
    """The same with the values of the secrets that lie elsewhere on this machine.

    Raises:
        FdlError: a reference leads nowhere; what is there is never part of the message.

    """
    services = {service.name: service.model_copy(deep=True) for service in file.services}
    for one in file.elsewhere:
        try:
            value = references.follow(one.place, file.path.parent)
        except SecretMissing as error:
            raise FdlError(file.path, one.line, f"{one.key}: {error.message}", fix=error.hint) from error
        services[one.service].environment.secrets[one.key] = SecretStr(value)
    return replace(file, services=list(services.values()), elsewhere=())


def parse(text: str, scripts: Mapping[str, str], name: str = "fdl.yaml") -> Fdl:
    """The same for a text that is no file, with its scripts by the names it gives them.

    Raises:
        FdlError: it is wrong; the message has line and fix.

    """
    return Reader(Path(name), scripts).read(text)


def dump(service: Service) -> str:
    """A service as the text of an FDL whose script lies beside it as ``script.sh``: what its author wrote.

    What the server adds by itself, what has its default and every secret's value are left out.
    """
    own = {key: value for key, value in service.to_wire().items() if key not in SERVER_MADE}
    own["labels"] = {key: value for key, value in service.labels.items() if key not in SERVER_LABELS}
    environment = {
        "variables": service.environment.variables,
        "secrets": dict.fromkeys(service.environment.secrets, ""),
    }
    said = _said(own)
    if environment := {key: value for key, value in environment.items() if value}:
        said["environment"] = environment
    document = {"functions": {"oscar": [{"oscar-cluster": {**said, "script": "script.sh"}}]}}
    text: str = yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=110)
    return text


def _said(value: Any) -> Any:
    """Without what says nothing in an FDL: empty maps, lists and texts, zeros and falsehoods."""
    if isinstance(value, dict):
        return {key: said for key, item in value.items() if (said := _said(item))}
    return [_said(item) for item in value] if isinstance(value, list) else value


class Reader:
    """One reading of one file; holds the path and the parsed nodes, which know their lines."""

    def __init__(
        self,
        path: Path,
        scripts: Mapping[str, str] | None = None,
        *,
        name: str | None = None,
        values: Mapping[str, str] | None = None,
        refers: bool | None = None,
    ) -> None:
        """``scripts`` are contents by name, instead of files; then secrets may not be references, unless it ``refers``.

        ``name`` and ``values``: see :func:`load`.
        """
        self.path = path
        self._scripts = scripts
        self._refers = scripts is None if refers is None else refers
        self._named: dict[str, str] = {}
        self._name, self._values = name, values or {}
        self._elsewhere: list[Elsewhere] = []

    def read(self, text: str | None = None) -> Fdl:
        text = self._text() if text is None else text
        root = self._parse(text)
        self._refuse_unknown(root, TOP, "the file")
        entries = self._entries(root)
        targets: dict[str, str] = {}
        shared = {key: self._data(node) for key in TOP[1:] if (node := _child(root, key)) is not None}
        services: list[Service] = []
        lines: dict[str, int] = {}
        for target, node in entries:
            service = self._service(node, shared)
            if service.name in lines:
                where = _child(node, "name") or node
                msg = f'two services are named "{service.name}" (the other is on line {lines[service.name]}).'
                raise self._error(where, msg, "Give one of them another name.")
            lines[service.name], targets[service.name] = _line(node), target
            services.append(service)
        return Fdl(self.path, services, lines, targets, text, self._named, tuple(self._elsewhere))

    def _text(self) -> str:
        try:
            return self.path.read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            raise FdlError(self.path, None, "the file is not UTF-8 text.", fix="Save it as UTF-8.") from error
        except OSError as error:
            msg = f"The FDL file {self.path} cannot be read: {(error.strerror or 'unknown reason').lower()}."
            raise FileMissing(msg, hint="Check the path.") from error

    def _parse(self, text: str) -> yaml.MappingNode:
        try:
            root = yaml.compose(text, Loader=yaml.SafeLoader)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            problem = ", ".join(part for part in (error.context, error.problem) if part)
            line = mark.line + 1 if mark else None
            raise FdlError(
                self.path,
                line,
                f"this is not valid YAML: {problem}.",
                fix="Check indentation, colons and quotes there.",
            ) from error
        except yaml.YAMLError as error:
            raise FdlError(self.path, None, f"this is not valid YAML: {error}.") from error
        if not isinstance(root, yaml.MappingNode):
            raise FdlError(
                self.path, 1, "the file has no functions.", fix="It begins with `functions:`, then `oscar:`."
            )
        self._refuse_repeated(root)
        return root

    def _entries(self, root: yaml.MappingNode) -> list[tuple[str, yaml.MappingNode]]:
        """The service maps below ``functions.oscar``, a list of one-key maps, with that key: the cluster's name."""
        fix = "functions: → oscar: → a list whose items are `- <cluster>:` with the service below."
        oscar = _child(_child(root, "functions"), "oscar")
        if not isinstance(oscar, yaml.SequenceNode) or not oscar.value:
            raise self._error(oscar or root, "there is no list of services under functions.oscar.", fix)
        entries = []
        for item in oscar.value:
            pair = item.value if isinstance(item, yaml.MappingNode) else []
            if len(pair) != 1 or not isinstance(pair[0][1], yaml.MappingNode):
                raise self._error(item, "a service is one map below the name of its cluster.", fix)
            entries.append((str(pair[0][0].value), pair[0][1]))
        return entries

    def _service(self, node: yaml.MappingNode, shared: dict[str, Any]) -> Service:
        self._check_keys(node, Service)
        data = {**shared, **self._data(node)}
        script = self._script(node, data)
        try:
            service = Service.model_validate({**data, "script": script})
        except ValidationError as error:
            raise self._invalid(node, error) from error
        service = self._called(service)
        self._put_in(service)
        self._look_for_references(node, service)
        self._check_values(node, service)
        self._complete_paths(service)
        return self._tracked(node, service)

    def _script(self, node: yaml.MappingNode, data: dict[str, Any]) -> str:
        named = data.get("script")
        if not isinstance(named, str) or not named.strip():
            fix = "Add `script: script.sh`, a file beside this one."
            raise self._error(_child(node, "script") or node, "the service names no script.", fix)
        self._named[str(data.get("name"))] = named
        if self._scripts is not None:
            if named not in self._scripts:
                known = ", ".join(self._scripts) or "none"
                raise self._error(_child(node, "script"), f'there is no script "{named}".', f"Scripts here: {known}.")
            return self._scripts[named].replace("\r\n", "\n")
        file = self.path.parent / named
        try:
            return file.read_text(encoding="utf-8").replace("\r\n", "\n")
        except UnicodeDecodeError as error:
            raise self._error(
                _child(node, "script"), f"the script {file} is not UTF-8 text.", "Save it as UTF-8."
            ) from error
        except OSError as error:
            msg = f"the script {file} cannot be read: {(error.strerror or 'unknown reason').lower()}."
            fix = "Paths of scripts are relative to the FDL's folder."
            raise self._error(_child(node, "script"), msg, fix) from error

    def _check_keys(self, node: yaml.Node | None, model: type[BaseModel]) -> None:
        """Refuse keys that OSCAR does not know, at every depth that has a model."""
        if not isinstance(node, yaml.MappingNode):
            return
        renamed = RENAMED.get(model, {})
        known = [name for name in model.model_fields if name not in RESPONSE_ONLY]
        self._refuse_unknown(node, [*known, *renamed], model.__name__.lower())
        for key, value in node.value:
            key.value = renamed.get(key.value, key.value)
            below = _model_of(model, key.value)
            for item in value.value if isinstance(value, yaml.SequenceNode) else [value]:
                if below is not None:
                    self._check_keys(item, below)

    def _refuse_unknown(self, node: yaml.MappingNode, known: Sequence[str], where: str) -> None:
        for key, _ in node.value:
            if key.value not in known:
                near = difflib.get_close_matches(str(key.value), known, n=1)
                fix = f"Did you mean `{near[0]}`?" if near else f"Known keys: {', '.join(sorted(known))}."
                raise self._error(key, f'unknown key "{key.value}" in {where}.', fix)

    def _refuse_repeated(self, node: yaml.Node) -> None:
        """YAML readers keep the last of two equal keys and say nothing."""
        if isinstance(node, yaml.MappingNode):
            seen: dict[str, int] = {}
            for key, value in node.value:
                if key.value in seen:
                    msg = f'the key "{key.value}" stands twice (first on line {seen[key.value]}).'
                    raise self._error(key, msg, "Keep one of them.")
                seen[key.value] = _line(key)
                self._refuse_repeated(value)
        elif isinstance(node, yaml.SequenceNode):
            for item in node.value:
                self._refuse_repeated(item)

    def _invalid(self, node: yaml.MappingNode, error: ValidationError) -> FdlError:
        """The first of pydantic's complaints, at its line."""
        first = error.errors(include_url=False, include_input=True)[0]
        keys = [part for part in first["loc"] if not isinstance(part, str) or "[" not in part]
        where = _deepest(node, keys)
        path = ".".join(str(part) for part in keys)
        if first["type"] == "missing":
            return self._error(where, f'"{path}" is missing.', f"Add `{keys[-1]}:`.")
        wanted = _WANTED.get(first["type"], first["msg"])
        fix = 'Put it in quotes: "…".' if first["type"] == "string_type" else ""
        return self._error(where, f'"{path}" {wanted}, not {_shown(first["input"])}.', fix)

    def _called(self, service: Service) -> Service:
        """Under the name it is given instead of its own, and so its bucket."""
        if self._name is None or self._name == service.name:
            return service
        old, self._named[self._name] = service.name, self._named.pop(service.name, "")
        for _, place in _places(service):
            if place.is_minio and place.bucket == old:
                place.path = "/".join(part for part in (self._name, place.folder) if part)
        return service.model_copy(update={"name": self._name})

    def _put_in(self, service: Service) -> None:
        """The values that are given from outside, for what the file names."""
        variables, secrets = service.environment.variables, service.environment.secrets
        variables |= {key: value for key, value in self._values.items() if key in variables}
        secrets |= {key: SecretStr(references.PLAIN + value) for key, value in self._values.items() if key in secrets}

    def _look_for_references(self, node: yaml.MappingNode, service: Service) -> None:
        """Note which secrets lie elsewhere, and take the sign off those that only look so."""
        for name, value in service.environment.secrets.items():
            where = _deepest(node, ["environment", "secrets", name])
            said = value.get_secret_value()
            if not references.is_reference(said):
                service.environment.secrets[name] = SecretStr(said.removeprefix(references.PLAIN))
            elif self._refers:
                self._elsewhere.append(Elsewhere(service.name, name, said, _line(where)))
            else:
                problem = f'the secret {name} is read from "{said}" only for a file on this machine.'
                raise self._error(where, problem, "Deploy the file from a cell or on the command line.")

    def _check_values(self, node: yaml.MappingNode, service: Service) -> None:
        for found in checks.wrong(service):
            raise self._error(_deepest(node, found.key), found.problem, found.fix)

    @staticmethod
    def _complete_paths(service: Service) -> None:
        """As the server does: a path without a slash is a folder of the service's own bucket (oscar.md §2.4)."""
        for _, place in _places(service):
            path = place.path.strip(" /")
            if place.is_minio:
                place.path = path if "/" in path else f"{service.name}/{path}"

    def _tracked(self, node: yaml.MappingNode, service: Service) -> Service:
        if not service.tracked:
            return service
        try:
            return prologue.track(service)
        except TrackingRefused as error:
            raise self._error(_child(node, "labels"), error.message, error.hint) from error

    def _data(self, node: yaml.Node) -> Any:
        loader = yaml.SafeLoader("")
        try:
            return loader.construct_document(node)
        finally:
            loader.dispose()

    def _error(self, node: yaml.Node | None, problem: str, fix: str) -> FdlError:
        return FdlError(self.path, _line(node) if node is not None else None, problem, fix=fix)


_WANTED = {
    "string_type": "is text",
    "bool_type": "is true or false",
    "bool_parsing": "is true or false",
    "int_type": "is a whole number",
    "int_parsing": "is a whole number",
    "int_from_float": "is a whole number",
    "list_type": "is a list",
    "dict_type": "is a map",
    "model_type": "is a map",
    "model_attributes_type": "is a map",
}


def _places(service: Service) -> Iterator[tuple[str, StorageIO]]:
    yield from (("input", place) for place in service.input)
    yield from (("output", place) for place in service.output)


def _model_of(model: type[BaseModel], key: str) -> type[BaseModel] | None:
    """The model of a field's value, or of the items of its list."""
    info = model.model_fields.get(key)
    return next(_models_in(info.annotation), None) if info else None


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in typing.get_args(annotation):
        yield from _models_in(argument)


def _child(node: yaml.Node | None, key: str) -> yaml.Node | None:
    pairs = node.value if isinstance(node, yaml.MappingNode) else []
    return next((value for name, value in pairs if name.value == key), None)


def _deepest(node: yaml.Node, keys: Iterable[Any]) -> yaml.Node:
    """The innermost node that exists along a path of keys and indices."""
    for key in keys:
        if isinstance(node, yaml.SequenceNode) and isinstance(key, int) and key < len(node.value):
            node = node.value[key]
        else:
            below = _child(node, str(key))
            if below is None:
                return node
            node = below
    return node


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 40 else text[:37] + "…"  # noqa: PLR2004
