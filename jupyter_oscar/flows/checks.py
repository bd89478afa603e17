"""What keys of a dataflow's file mean together: names, connections, what a kind wants, secrets in the open.

Each check yields a level, the path of the key, what is wrong, and what to do.
"""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from pydantic import BaseModel, SecretStr

from jupyter_oscar.client import references
from jupyter_oscar.client.profiles import LOOPBACK

from . import model
from .findings import ERROR, WARNING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .reading import Path

Found = tuple[str, "Path", str, str]
PLACEHOLDER: Final = re.compile(r"<[^<>]+>")
#: What shells and other tools would fill in.
VARIABLE: Final = re.compile(r"\$\{?([A-Za-z_][A-Za-z0-9_]*)\}?")
#: Keys whose values, in maps that hold anything, are secret.
SECRETIVE: Final = re.compile(r"pass(word|phrase|wd)|secret|token|credential|private", re.IGNORECASE)
#: So many names are listed at most.
NAMED: Final = 20
SECTIONS: Final = {"Source": model.Sources, "Destination": model.Destinations}


def of(nifi: model.Nifi, elements: dict[Path, model.Element], wrong: frozenset[str]) -> Iterator[Found]:
    """All checks of what fits the model; ``elements`` are by path, ``wrong`` the names of those that do not fit."""
    yield from _head(nifi)
    yield from _names(elements, wrong)
    yield from _connections(nifi, elements, wrong)
    for path, element in elements.items():
        yield from _components(path, element)
        yield from _kind(path, element)
    yield from _ports(elements)
    yield from _secrets(nifi, ("nifi",), "")


def elements(nifi: model.Nifi) -> dict[Path, model.Element]:
    """Every element by its path in the file."""
    found: dict[Path, model.Element] = {}
    for section, holder in (("Source", nifi.Source), ("Destination", nifi.Destination)):
        for kind in type(holder).model_fields:
            for index, element in enumerate(getattr(holder, kind)):
                found["nifi", section, kind, index] = element
    for index, element in enumerate(nifi.generic):
        found["nifi", "generic", index] = element
    return found


def _head(nifi: model.Nifi) -> Iterator[Found]:
    extra = nifi.extra
    if nifi.endpoint is None and extra.profile is None:
        fix = "Name a NiFi when you deploy it, or write `endpoint:`."
        yield WARNING, ("nifi",), "the file does not say which NiFi; DCNiOS itself wants `endpoint`.", fix
    if nifi.endpoint is not None:
        yield from _address(("nifi", "endpoint"), nifi.endpoint, secret=nifi.password is not None)
        if re.search(r"/nifi(-api)?/*$", nifi.endpoint):
            fix = "Leave /nifi or /nifi-api out."
            yield WARNING, ("nifi", "endpoint"), "the address is NiFi's, without the path of its page or API.", fix
    if (nifi.user is None) != (nifi.password is None):
        missing = "password" if nifi.password is None else "user"
        yield ERROR, ("nifi",), f"of user and password only one is there: `{missing}` is missing.", f"Add `{missing}:`."
    wants = {"token": ("token",), "certificate": ("certificate",)}.get(extra.auth or "", ())
    for name in wants:
        if getattr(extra, name) is None:
            problem = f"auth: {extra.auth} wants `{name}`."
            yield ERROR, ("nifi", model.EXTRA), problem, f"Add `{name}:`."
    for section in SECTIONS:
        if section not in nifi.model_fields_set:
            problem = f"there is no `{section}:`, without which DCNiOS itself stops."
            yield WARNING, ("nifi",), problem, f"Add `{section}: {{}}`."


def _names(elements: dict[Path, model.Element], wrong: frozenset[str]) -> Iterator[Found]:
    if not elements and not wrong:
        yield (
            ERROR,
            ("nifi",),
            "the file has no element.",
            "Put sources below `Source:` and destinations below `Destination:`.",
        )
    seen: dict[str, Path] = {}
    for path, element in elements.items():
        if not element.name.isprintable() or element.name != element.name.strip():
            problem = f'the name "{element.name}" begins or ends with a space, or holds what cannot be seen.'
            yield ERROR, (*path, "name"), problem, "Leave that out: connections go by it."
        if element.name in seen:
            problem = f'two elements are named "{element.name}".'
            yield ERROR, (*path, "name"), problem, "Give one of them another name: connections go by it."
        seen[element.name] = path


def _connections(nifi: model.Nifi, elements: dict[Path, model.Element], wrong: frozenset[str]) -> Iterator[Found]:
    known: dict[str, model.Element | None] = dict.fromkeys(filter(None, wrong))
    known |= {element.name: element for element in elements.values()}
    seen: set[tuple[str, str]] = set()
    for index, one in enumerate(nifi.connection):
        path: Path = ("nifi", "connection", index)
        yield from _ends(path, one, known)
        if (one.from_, one.to) in seen:
            problem = f'"{one.from_}" to "{one.to}" is connected twice; once counts.'
            yield WARNING, path, problem, "Remove one of them."
        seen.add((one.from_, one.to))
        yield from _readable(path, known.get(one.from_), known.get(one.to))
    ends = {name for pair in seen for name in pair}
    for path, element in elements.items():
        if element.name not in ends:
            problem = f'"{element.name}" is connected to nothing.'
            fix = "Add it to `connection:`."
            if isinstance(element, model.Source):
                fix += " Until then its events pile up before its end and it stops reading."
            yield WARNING, (*path, "name"), problem, fix


def _readable(path: Path, source: model.Element | None, destination: model.Element | None) -> Iterator[Found]:
    """OSCAR's supervisor decodes what is not JSON from base64 (flows.md §4.0), and merged events are not JSON."""
    if not isinstance(destination, model.OscarDestination):
        return
    merged = False
    for alteration in getattr(source, "alterations", ()):
        encoded = isinstance(alteration, model.Encode) and alteration.Encoding == "base64"
        merged = isinstance(alteration, model.Merge) or (merged and not encoded)
    if merged:
        problem = "merged events are lines, which OSCAR would garble: it decodes from base64 what is not JSON."
        yield WARNING, path, problem, "Add `{action: Encode, Encoding: base64}` after the Merge."


def _ends(path: Path, one: model.Connection, known: dict[str, model.Element | None]) -> Iterator[Found]:
    for key, name in (("from", one.from_), ("to", one.to)):
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            names = ", ".join(list(known)[:NAMED]) + (", …" if len(known) > NAMED else "")
            fix = f'Did you mean "{near[0]}"?' if near else f"There are: {names or 'none'}."
            yield ERROR, (*path, key), f"`{key}: {name}`: no element has this name.", fix
    if isinstance(known.get(one.from_), model.Destination):
        yield ERROR, (*path, "from"), f'"{one.from_}" is a destination; nothing comes out of it.', "Swap from and to."
    if isinstance(known.get(one.to), model.Source):
        yield ERROR, (*path, "to"), f'"{one.to}" is a source; nothing goes into it.', "Swap from and to."
    if one.from_ == one.to:
        yield ERROR, path, f'"{one.from_}" is connected to itself.', "Name two elements."


def _ports(elements: dict[Path, model.Element]) -> Iterator[Found]:
    seen: dict[int, str] = {}
    for path, element in elements.items():
        port = getattr(getattr(element, "extra", None), "port", None)
        if port is not None:
            if port in seen:
                problem = f'"{element.name}" and "{seen[port]}" are to listen on the same port {port}.'
                yield ERROR, (*path, model.EXTRA, "port"), problem, "Give one of them another port."
            seen[port] = element.name


def _components(path: Path, element: model.Element) -> Iterator[Found]:
    known = list(element.processors)
    if isinstance(element, model.KafkaSource):
        known.append("ConsumeKafka")
    alterations = getattr(element, "alterations", ())
    known += ["MergeContent" if one.action == "Merge" else "EncodeContent" for one in alterations]
    seen: set[str] = set()
    for index, component in enumerate(element.components):
        where = (*path, "components", index)
        if component.name in seen:
            yield ERROR, (*where, "name"), f'"{component.name}" is scheduled twice.', "Keep one of them."
        seen.add(component.name)
        if component.name not in known and not isinstance(element, model.GenericGroup):
            near = difflib.get_close_matches(component.name, known, n=1)
            fix = f"Did you mean {near[0]}?" if near else f"It has {', '.join(known)}."
            yield (
                WARNING,
                (*where, "name"),
                f'"{element.name}" has no processor {component.name}: this does nothing.',
                fix,
            )
        if component.node not in {None, "ALL", "PRIMARY"}:
            problem = f"node is ALL or PRIMARY; {component.node} does nothing."
            yield WARNING, (*where, "node"), problem, "Write one of them."


def _kind(path: Path, element: model.Element) -> Iterator[Found]:
    if isinstance(element, model.DCacheSource):
        yield from _dcache(path, element)
    elif isinstance(element, model.KafkaSource):
        yield from _kafka(path, element)
    elif isinstance(element, model.AwsSource):
        yield from _pair_of_keys(path, element)
        yield from _queue(path, element)
        if element.extra.endpoint:
            yield from _address((*path, model.EXTRA, "endpoint"), element.extra.endpoint, secret=True)
    elif isinstance(element, model.RucioSource):
        yield from _rucio(path, element)
    elif isinstance(element, model.OscarDestination):
        yield from _oscar(path, element)
    elif isinstance(element, model.S3Destination):
        yield from _put_s3(path, element)


def _dcache(path: Path, element: model.DCacheSource) -> Iterator[Found]:
    yield from _address((*path, "endpoint"), element.endpoint, secret=True)
    if "/api/v" not in element.endpoint and not PLACEHOLDER.search(element.endpoint):
        yield WARNING, (*path, "endpoint"), "dCache's frontend is addressed with its path.", "Add /api/v1."
    if element.statefile.startswith("dcache") or "/" in element.statefile:
        problem = (
            f"`statefile: {element.statefile}` is no name for a file that remembers: it would be taken for an event."
        )
        yield ERROR, (*path, "statefile"), problem, "A bare name that does not begin with dcache."
    if not element.folder.startswith("/") and not PLACEHOLDER.search(element.folder):
        yield ERROR, (*path, "folder"), "the folder in dCache is a whole path.", "Begin it with /."


def _kafka(path: Path, element: model.KafkaSource) -> Iterator[Found]:
    protocol = element.security_protocol
    yield from _servers(path, element)
    for name in ("sasl_username", "sasl_password"):
        if element.signs_in and getattr(element, name) is None:
            fix = f"Add `{name}:`, or say another `security_protocol`."
            yield ERROR, (*path, name), f"`{name}` is missing, which {protocol} wants.", fix
    given = element.ssl_context or {}
    for name in ("Truststore_Filename", "Truststore_Password"):
        if element.encrypted and name not in given:
            problem = f"`ssl_context.{name}` is missing, which {protocol} wants."
            yield ERROR, (*path, "ssl_context"), problem, f"Add `{name}:` below `ssl_context:`."
    if element.separate_by_key and element.message_demarcator is None:
        problem = "separate_by_key wants `message_demarcator`: what stands between messages of one key."
        yield ERROR, (*path, "separate_by_key"), problem, "Add it, or remove separate_by_key."
    if element.extra.topic_is_pattern:
        try:
            re.compile(element.topic)
        except re.error:
            fix = f"Mend it, or write `{model.EXTRA}: {{topic_is_pattern: false}}` for a plain name."
            yield ERROR, (*path, "topic"), "the topic is a regular expression, and this one is not.", fix
        else:
            if re.search(r"(?<!\\)\.(?![*+?{])", element.topic):
                fix = rf"Write `\.` for a dot, or `{model.EXTRA}: {{topic_is_pattern: false}}`."
                problem = "the topic is a regular expression: its dots stand for any sign, so it takes in more topics."
                yield WARNING, (*path, "topic"), problem, fix


def _servers(path: Path, element: model.KafkaSource) -> Iterator[Found]:
    servers = [one.strip() for one in element.bootstrap_servers.split(",")]
    if wrong := [one for one in servers if not re.search(r"\S:\d+$", one) and not PLACEHOLDER.search(one)]:
        problem = f"`bootstrap_servers`: {wrong[0] or 'an empty one'} has no port."
        yield ERROR, (*path, "bootstrap_servers"), problem, "Write host:port, several with commas."


def _queue(path: Path, element: model.AwsSource) -> Iterator[Found]:
    """The name of its queue is one that SQS takes."""
    if PLACEHOLDER.search(element.queue) or re.fullmatch(
        r"[A-Za-z0-9_-]{1,80}|[A-Za-z0-9_-]{1,75}\.fifo", element.queue
    ):
        return
    if not isinstance(element, model.S3Source):
        fix = "Its name is letters, digits, - and _, 80 at most; not its address or ARN."
        yield ERROR, (*path, "queue_name"), f'"{element.queue}" is no name of a queue in SQS.', fix
    elif re.fullmatch(r"[a-z0-9][a-z0-9.-]+[a-z0-9]", element.AWS_S3_BUCKET):
        problem = f'the queue of this bucket would be "{element.queue}", and SQS takes no dots.'
        fix = "Make a queue that the bucket sends to, and read it with `GetSQS:`."
        yield ERROR, (*path, "AWS_S3_BUCKET"), problem, fix
    else:
        fix = "Write the name alone: lower case letters, digits, dots and -."
        yield ERROR, (*path, "AWS_S3_BUCKET"), f'"{element.AWS_S3_BUCKET}" is no name of a bucket.', fix


def _rucio(path: Path, element: model.RucioSource) -> Iterator[Found]:
    if not element.port.isdigit() and not PLACEHOLDER.search(element.port):
        yield ERROR, (*path, "port"), "the port is a number.", "5671 with TLS, 5672 without."
    for key in ("scope", "did"):
        pattern = getattr(element.extra, key)
        if pattern is not None:
            try:
                re.compile(pattern)
            except re.error:
                yield ERROR, (*path, model.EXTRA, key), f"`{key}` is no regular expression.", "Mend it."


def _oscar(path: Path, element: model.OscarDestination) -> Iterator[Found]:
    yield from _address((*path, "endpoint"), element.endpoint, secret=True)
    if re.search(r"[\s/?#%]", element.service):
        yield ERROR, (*path, "service"), f'"{element.service}" is no name of a service.', "Write the name alone."
    both = element.user is not None and element.password is not None
    if element.token is None and not both and element.extra.cluster is None:
        fix = (
            "Add `token:` (the service's), or `user:` and `password:`, with which it is asked for, "
            f"or `{model.EXTRA}: {{cluster: NAME}}` with a cluster that is known here."
        )
        yield ERROR, (*path, "token"), f'"{element.name}" says neither token nor user and password.', fix
    elif element.token is not None and both:
        yield WARNING, (*path, "token"), "user and password win: the token does nothing.", "Keep one of the two ways."


def _put_s3(path: Path, element: model.S3Destination) -> Iterator[Found]:
    yield from _pair_of_keys(path, element)
    if element.MinIO_Endpoint is None:
        if element.AWS_DEFAULT_REGION is None:
            fix = "Add it, or `MinIO_Endpoint:`."
            yield ERROR, (*path, "AWS_DEFAULT_REGION"), "`AWS_DEFAULT_REGION` is missing.", fix
        return
    yield from _address((*path, "MinIO_Endpoint"), element.MinIO_Endpoint, secret=True)
    if element.AWS_ACCESS_KEY_ID is None and element.AWS_SECRET_ACCESS_KEY is None:
        fix = "Add `AWS_ACCESS_KEY_ID:` and `AWS_SECRET_ACCESS_KEY:`."
        yield ERROR, (*path, "MinIO_Endpoint"), "a MinIO wants its own keys.", fix
    if element.AWS_DEFAULT_REGION not in {None, "us-east-1"}:
        problem = "with a MinIO the region is us-east-1; this one does nothing."
        yield WARNING, (*path, "AWS_DEFAULT_REGION"), problem, "Remove it."


def _pair_of_keys(path: Path, element: model.AwsSource | model.S3Destination) -> Iterator[Found]:
    if (element.AWS_ACCESS_KEY_ID is None) != (element.AWS_SECRET_ACCESS_KEY is None):
        missing = "AWS_SECRET_ACCESS_KEY" if element.AWS_SECRET_ACCESS_KEY is None else "AWS_ACCESS_KEY_ID"
        yield (
            ERROR,
            (*path, missing),
            f"of the two keys only one is there: `{missing}` is missing.",
            f"Add `{missing}:`.",
        )


def _address(path: Path, address: str, *, secret: bool) -> Iterator[Found]:
    if PLACEHOLDER.search(address):
        return
    try:
        parts = urlsplit(address)
        port_is_right = parts.port is None or parts.port > 0
    except ValueError:
        port_is_right, parts = False, urlsplit("")
    if parts.scheme not in {"http", "https"} or not parts.hostname or not port_is_right or re.search(r"\s", address):
        bare = re.fullmatch(r"[A-Za-z0-9.-]{1,100}(:\d+)?(/\S{0,100})?", address)
        fix = f"Did you mean https://{address}?" if bare else "It looks like https://host:port."
        yield ERROR, path, f"`{path[-1]}` is no address.", fix
    elif parts.username or parts.password:
        yield ERROR, path, f"`{path[-1]}` holds a user or password.", "Write them as keys of their own."
    elif parts.query or parts.fragment:
        fix = f"Write {parts.scheme}://{parts.netloc}{re.sub(r'(/nifi)?/*$', '', parts.path)}."
        yield ERROR, path, f"`{path[-1]}` is the address of a page: it goes on after {parts.path or parts.netloc}.", fix
    elif secret and parts.scheme == "http" and parts.hostname not in LOOPBACK:
        yield WARNING, path, f"passwords and tokens go to {parts.hostname} unencrypted.", "Use its https address."


def _secrets(part: Any, path: Path, owner: str) -> Iterator[Found]:
    """Placeholders that nobody has filled in, and secrets that stand in the file themselves."""
    if isinstance(part, BaseModel):
        owner = getattr(part, "name", None) or owner
        for name, info in type(part).model_fields.items():
            yield from _secrets(getattr(part, name), (*path, info.alias or name), owner)
    elif isinstance(part, dict):
        for name, value in part.items():
            yield from _secrets(value, (*path, name), owner)
    elif isinstance(part, list):
        for index, item in enumerate(part):
            yield from _secrets(item, (*path, index), owner)
    elif isinstance(part, SecretStr):
        yield from _secret(part.get_secret_value(), path, owner)
    elif isinstance(part, str) and _is_placeholder(part):
        yield _unfilled(path)


def unfilled(part: Any, path: Path = ()) -> Iterator[Path]:
    """The keys below a part that nobody has filled in."""
    if isinstance(part, BaseModel):
        for name, info in type(part).model_fields.items():
            yield from unfilled(getattr(part, name), (*path, info.alias or name))
    elif isinstance(part, dict | list):
        for key, value in part.items() if isinstance(part, dict) else enumerate(part):
            yield from unfilled(value, (*path, key))
    elif isinstance(part, SecretStr | str) and _is_placeholder(
        part if isinstance(part, str) else part.get_secret_value()
    ):
        yield path


def unfilled_words(path: Path) -> str:
    """What is wrong with a key that nobody has filled in."""
    return f"`{path[-1]}` still is the placeholder of a template."


def _unfilled(path: Path) -> Found:
    return WARNING, path, unfilled_words(path), "Fill it in before it is deployed."


def _is_placeholder(value: str) -> bool:
    """As in ``<token>`` and ``https://<host>``."""
    return bool(PLACEHOLDER.fullmatch(value) or ("://" in value and PLACEHOLDER.search(value)))


def _secret(word: str, path: Path, owner: str) -> Iterator[Found]:
    key = path[-1]
    if PLACEHOLDER.fullmatch(word):
        yield _unfilled(path)
    elif not word and not _is_free(path):
        yield ERROR, path, f"`{key}` is empty.", "Give it a value, or the place of one: env:NAME."
    elif word in references.EMPTY:
        yield ERROR, path, f"`{key}: {word}` names nothing.", f"Write what comes after {word}"
    elif variable := VARIABLE.fullmatch(word):
        problem = f"`{key}` is the text {word}: nobody puts a variable's value there."
        yield WARNING, path, problem, f"Write `{key}: env:{variable[1]}`."
    elif _is_open(path, word):
        name = re.sub(r"\W+", "_", f"{owner}_{key}" if owner else f"NIFI_{key}").upper()
        fix = f"Write `{key}: env:{name}` (or file:…, or keyring:…) and give it there."
        yield WARNING, path, f"`{key}` stands in the file itself: whoever reads the file has it.", fix


def _is_free(path: Path) -> bool:
    """Whether it stands in a map that holds anything."""
    return "ssl_context" in path or "variables" in path


def _is_open(path: Path, word: str) -> bool:
    if not word or references.is_reference(word):
        return False
    if _is_free(path):
        return SECRETIVE.search(str(path[-1])) is not None
    return str(path[-1]) != "AWS_ACCESS_KEY_ID"
