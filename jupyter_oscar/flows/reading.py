"""From a file's text to what its model takes, with the line of every key; whatever is wrong is collected, not raised.

YAML's nodes are walked beside the model, so that text stays as it was typed (a password of digits is no number), keys
are told apart from their misspellings, and no alias can make a small file large.
"""

from __future__ import annotations

import difflib
import functools
import re
import types
import typing
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, NamedTuple

import yaml
from pydantic import BaseModel, SecretStr

from . import model
from .findings import ERROR, WARNING, Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Beyond these a file is no dataflow but an attack, or a mistake. Bytes; nodes with aliases written out.
LARGEST: Final = 16 * 2**20
NODES: Final = 2_000_000
MERGE: Final = "tag:yaml.org,2002:merge"
STR: Final = "tag:yaml.org,2002:str"
NULL: Final = "tag:yaml.org,2002:null"
# Other words for keys: those of DCNiOS's documentation and of its first release, and the right one for a misnamed key.
RENAMED: Final[dict[type[BaseModel], dict[str, str]]] = {
    model.Sources: {"S3": "GetS3", "SQS": "GetSQS"},
    model.Destinations: {"S3": "PutS3"},
    model.RucioSource: {"user": "virtual_host"},
}
# In DCNiOS's first release sources and destinations stood directly below `nifi`.
MOVED: Final = {
    **dict.fromkeys(("dcache", "kafka", "getsqs", "sqs", "gets3", "s3", "rucio"), "Source"),
    **dict.fromkeys(("oscar", "puts3"), "Destination"),
}

Path = tuple[Any, ...]


class Shape(NamedTuple):
    """What a key's value is: ``map`` of a model, ``list``, ``texts`` (a map of text), ``text`` or ``other``."""

    kind: str
    models: tuple[type[BaseModel], ...] = ()
    #: The words that a text may be, where it may not be any.
    words: tuple[str, ...] = ()


class _Loop(Exception):
    def __init__(self, line: int) -> None:
        self.line = line
        super().__init__()


class Reading:
    """One reading of one text."""

    def __init__(self, loader: Any = None) -> None:
        self.loader = loader or getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        self.findings: list[Finding] = []
        self.lines: dict[Path, int] = {}
        #: Keys that were probably meant where another stands: that they are missing is said already.
        self.meant: set[Path] = set()
        self._sizes: dict[int, int] = {}

    def read(self, text: str) -> dict[str, Any] | None:
        """What the model takes, or None where the text cannot be understood at all."""
        if len(text) > LARGEST:
            self._say(ERROR, 1, (), f"the file is larger than {LARGEST // 2**20} MiB.", "Split it.")
            return None
        root = self._parse(text)
        if root is None or not self._is_bounded(root):
            return None
        if not isinstance(root, yaml.MappingNode) or not root.value:
            self._say(ERROR, 1, (), "the file holds no dataflow.", "It begins with `nifi:`.")
            return None
        self._move(root)
        return self._map(root, model.File, ())

    def _is_bounded(self, root: yaml.Node) -> bool:
        fix = "Write out what its aliases (*) repeat, or less of it."
        try:
            if self._size(root, set()) <= NODES:
                return True
            self._say(ERROR, 1, (), f"its aliases make more than {NODES:,} values of it.", fix)
        except _Loop as loop:
            self._say(ERROR, loop.line, (), "an alias (*) stands inside what it repeats.", "Remove the alias.")
        except RecursionError:
            self._say(ERROR, 1, (), "the file is nested too deeply.", "A dataflow is a few levels deep.")
        return False

    def line(self, path: Path) -> int | None:
        """The line of a key, or of the nearest that is there."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path)

    def forget(self, item: Path) -> None:
        """An item was taken out of its list: those after it move up."""
        at, index = len(item) - 1, item[-1]
        lines = {}
        for path, line in self.lines.items():
            if path[:at] == item[:-1] and len(path) > at and path[at] >= index:
                if path[at] == index:
                    continue
                path = (*path[:at], path[at] - 1, *path[at + 1 :])  # noqa: PLW2901
            lines[path] = line
        self.lines = lines

    def _say(self, level: str, line: int | None, path: Path, problem: str, fix: str = "") -> None:
        self.findings.append(Finding(level, line, ".".join(map(str, path)), problem, fix))

    def _parse(self, text: str) -> yaml.Node | None:
        try:
            node: yaml.Node | None = yaml.compose(text, Loader=self.loader)
        except yaml.MarkedYAMLError as error:
            open_quote = error.context == "while scanning a quoted scalar"  # which ends wherever the next quote is
            mark = (open_quote and error.context_mark) or error.problem_mark or error.context_mark
            problem = ", ".join(part for part in (error.context, error.problem) if part)
            fix = "Check indentation, colons and quotes there."
            line = mark.line + 1 if mark else 1
            lines = text.splitlines()
            if line <= len(lines) and "\t" in lines[line - 1]:
                problem, fix = "a tab stands where YAML wants spaces", "Indent with spaces."
            if error.context == "expected a single document in the stream":
                self._say(ERROR, line, (), "a second document begins (---).", "Make a file of each dataflow.")
                return None
            self._say(ERROR, line, (), f"this is not valid YAML: {problem}.", fix)
            return None
        except yaml.reader.ReaderError as error:
            # Its position counts bytes or characters, by the loader.
            code = error.character if isinstance(error.character, int) else ord(error.character)
            line = text.count("\n", 0, max(0, text.find(chr(code)))) + 1
            problem = f"a control character stands there (U+{code:04X})."
            self._say(ERROR, line, (), f"this is not valid YAML: {problem}", "Remove it.")
            return None
        except (yaml.YAMLError, ValueError) as error:
            self._say(ERROR, 1, (), f"this is not valid YAML: {error}.".replace("\n", " "))
            return None
        except RecursionError:
            self._say(
                ERROR, 1, (), "this is not valid YAML: it is nested too deeply.", "A dataflow is a few levels deep."
            )
            return None
        if node is None:
            self._say(ERROR, 1, (), "the file is empty.", "It begins with `nifi:`.")
        return node

    def _size(self, node: yaml.Node, above: set[int]) -> int:
        """How many values it has when every alias is written out."""
        if isinstance(node, yaml.ScalarNode):
            return 1
        name = id(node)
        if name in above:
            raise _Loop(_line(node))
        if name not in self._sizes:
            above.add(name)
            if isinstance(node, yaml.MappingNode):
                total = sum(self._size(value, above) for _, value in node.value)
            else:
                total = sum(self._size(item, above) for item in node.value)
            above.discard(name)
            self._sizes[name] = 1 + total
        return self._sizes[name]

    def _move(self, root: yaml.MappingNode) -> None:
        """Take sources and destinations that stand directly below `nifi` to where they stand now."""
        nifi = next((value for key, value in root.value if key.value == "nifi"), None)
        if not isinstance(nifi, yaml.MappingNode):
            return
        kept: list[tuple[yaml.Node, yaml.Node]] = []
        moved: dict[str, list[tuple[yaml.Node, yaml.Node]]] = {}
        for key, value in nifi.value:
            section = MOVED.get(str(key.value).lower()) if isinstance(key, yaml.ScalarNode) else None
            if section is None:
                kept.append((key, value))
                continue
            moved.setdefault(section, []).append((key, value))
            problem = f"`{key.value}` stands below `nifi`, as in DCNiOS's first release."
            self._say(WARNING, _line(key), ("nifi", key.value), problem, f"Put it below `{section}:`.")
        for section, pairs in moved.items():
            there = next((value for key, value in kept if key.value == section), None)
            if isinstance(there, yaml.MappingNode):
                there.value.extend(pairs)
            else:
                first = pairs[0][0]
                named = yaml.ScalarNode(STR, section, first.start_mark, first.end_mark)
                below = yaml.MappingNode("tag:yaml.org,2002:map", pairs, first.start_mark, first.end_mark)
                kept = [pair for pair in kept if pair[0].value != section] + [(named, below)]
        nifi.value = kept

    def _pairs(self, node: yaml.MappingNode, path: Path) -> Iterator[tuple[yaml.Node, yaml.Node]]:
        """Keys and values, those of merged maps (<<) after the map's own, which win."""
        own: dict[str, int] = {}
        merged: list[yaml.Node] = []
        for key, value in node.value:
            if key.tag == MERGE:
                merged += value.value if isinstance(value, yaml.SequenceNode) else [value]
                continue
            if not isinstance(key, yaml.ScalarNode):
                self._say(ERROR, _line(key), path, "a key is a list or a map.", "Write a word before the colon.")
                continue
            if key.value in own:
                problem = f'the key "{key.value}" stands twice (first on line {own[key.value]}).'
                self._say(ERROR, _line(key), (*path, key.value), problem, "Keep one of them.")
                continue
            own[key.value] = _line(key)
            yield key, value
        for other in merged:
            if not isinstance(other, yaml.MappingNode):
                self._say(ERROR, _line(other), path, "`<<` wants a map.", "Name one with an alias: `<<: *name`.")
                continue
            for key, value in self._pairs(other, path):
                if key.value not in own:
                    own[key.value] = _line(key)
                    yield key, value

    def _map(self, node: yaml.Node, of: type[BaseModel], path: Path) -> dict[str, Any]:
        """The map of a model, key by key."""
        if not isinstance(node, yaml.MappingNode):
            if node.tag != NULL:
                fix = "Put `key: value` lines below it."
                self._say(ERROR, _line(node), path, f"{_named(path)} is a map, not {_sort(node)}.", fix)
            return {}
        shapes = _shapes(of)
        found: dict[str, Any] = {}
        for key, value in self._pairs(node, path):
            name = self._known(key, of, path, shapes)
            if name is None:
                continue
            if name in found:
                problem = f'the key "{key.value}" stands twice, once as "{name}".'
                self._say(ERROR, _line(key), (*path, name), problem, "Keep one of them.")
                continue
            below = (*path, name)
            self.lines[below] = _line(key)
            if value.tag == NULL and shapes[name].kind not in {"list", "map"}:
                problem = f"`{key.value}` has no value."
                self._say(ERROR, _line(key), below, problem, "Give it one, or remove the line.")
                self.meant.add(below)
                continue
            made = self._value(value, shapes[name], below)
            if below not in self.meant:
                found[name] = made
        return found

    def _known(self, key: yaml.Node, of: type[BaseModel], path: Path, shapes: dict[str, Shape]) -> str | None:
        """The key as the model has it."""
        said = str(key.value)
        if said in shapes:
            return said
        if of in {model.File, model.Nifi} and said.startswith("x-"):
            return None
        name = RENAMED.get(of, {}).get(said) or _alike(said, tuple(shapes))
        if name is not None:
            self._say(WARNING, _line(key), (*path, name), f"`{said}` is taken as `{name}`.", f"Write `{name}:`.")
            return name
        near = difflib.get_close_matches(said, shapes, n=1)
        fix = f"Did you mean `{near[0]}`?" if near else f"Known keys here: {', '.join(shapes)}."
        if of is model.File and not near and (place := _place(said)):
            self._say(ERROR, _line(key), (said,), f"`{said}` stands at the top of the file.", f"Put it below {place}.")
            self.meant.add(("nifi",))
            return None
        self._say(ERROR, _line(key), (*path, said), f'unknown key "{said}" in {_named(path)}.', fix)
        if near:
            self.meant.add((*path, near[0]))
        return None

    def _value(self, node: yaml.Node, shape: Shape, path: Path) -> Any:
        if shape.kind == "map":
            return self._map(node, shape.models[0], path)
        if shape.kind == "list":
            return self._list(node, shape, path)
        if shape.kind == "texts":
            return self._texts(node, path)
        if shape.kind == "text":
            return self._word(self._text(node, path), shape.words, node, path)
        loader = yaml.SafeLoader("")
        try:
            return loader.construct_document(node)
        except (yaml.YAMLError, ValueError, RecursionError):
            self._say(ERROR, _line(node), path, f"{_named(path)} is not understood.")
            return None
        finally:
            loader.dispose()

    def _word(self, said: str, words: tuple[str, ...], node: yaml.Node, path: Path) -> str:
        """One of the words where it differs in case only."""
        meant = _alike(said, words) if words and said not in words else None
        if meant is None:
            return said
        self._say(WARNING, _line(node), path, f"`{said}` is taken as `{meant}`.", f"Write `{meant}`.")
        return meant

    def _list(self, node: yaml.Node, shape: Shape, path: Path) -> list[Any]:
        if not isinstance(node, yaml.SequenceNode):
            if node.tag != NULL:
                fix = "Begin each of its items with `- `."
                self._say(ERROR, _line(node), path, f"{_named(path)} is a list, not {_sort(node)}.", fix)
            return []
        items: list[Any] = []
        for item in node.value:
            below = (*path, len(items))
            if shape.models and not isinstance(item, yaml.MappingNode):
                self._no_map(item, shape.models, path)
                continue
            self.lines[below] = _line(item)
            of = self._which(item, shape.models, below) if shape.models else None
            if not shape.models:
                items.append(self._text(item, below))
            elif of is not None:
                items.append(self._map(item, of, below))
        return items

    def _no_map(self, node: yaml.Node, models: tuple[type[BaseModel], ...], path: Path) -> None:
        keys = [info.alias or key for key, info in models[0].model_fields.items() if info.is_required()]
        what = "empty" if node.tag == NULL else _sort(node)
        fix = f"It is a map: `- {keys[0]}: …`" + (f" with {', '.join(keys[1:])} below it." if keys[1:] else ".")
        self._say(ERROR, _line(node), path, f"an item of {_named(path)} is {what}.", fix)

    def _which(self, node: yaml.Node, models: tuple[type[BaseModel], ...], path: Path) -> type[BaseModel] | None:
        """Of several models the one that an item's ``action`` names."""
        if len(models) == 1:
            return models[0]
        known = {one.__name__: one for one in models}
        pairs = node.value if isinstance(node, yaml.MappingNode) else []
        said = next((value for key, value in pairs if str(key.value).lower() == "action"), None)
        word = str(said.value) if isinstance(said, yaml.ScalarNode) else None
        name = word if word in known else _alike(word or "", tuple(known))
        if said is None or word is None or name is None:
            problem = "an alteration has no `action`." if word is None else f'"{word}" is no alteration.'
            self._say(ERROR, _line(said or node), path, problem, f"Write `action:` with one of {', '.join(known)}.")
            return None
        if word != name:
            self._say(WARNING, _line(said), path, f"`{word}` is taken as `{name}`.", f"Write `{name}`.")
            said.value = name
        return known[name]

    def _texts(self, node: yaml.Node, path: Path) -> dict[str, str]:
        if not isinstance(node, yaml.MappingNode):
            problem = f"{_named(path)} is a map, not {_sort(node)}."
            self._say(ERROR, _line(node), path, problem, "Put `key: value` lines below it.")
            return {}
        found = {}
        for key, value in self._pairs(node, path):
            below = (*path, str(key.value))
            self.lines[below] = _line(key)
            found[str(key.value)] = "" if value.tag == NULL else self._text(value, below)
        return found

    def _text(self, node: yaml.Node, path: Path) -> str:
        """Text as it was typed, where YAML would make a number, a truth or a date of it."""
        if not isinstance(node, yaml.ScalarNode):
            fix = 'Write it in quotes: "…".'
            if isinstance(node, yaml.SequenceNode):
                fix = 'Write one text; several words with commas: "a,b".'
            self._say(ERROR, _line(node), path, f"{_named(path)} is text, not {_sort(node)}.", fix)
            self.meant.add(path)
            return ""
        if node.tag != STR and str(_made(node)) != node.value:
            problem = f"{_named(path)} is text, but YAML, and so DCNiOS, makes another value of it."
            self._say(WARNING, _line(node), path, problem, 'Put it in quotes: "…".')
        return str(node.value)


def _made(node: yaml.ScalarNode) -> Any:
    loader = yaml.SafeLoader("")
    try:
        return loader.construct_document(node)
    except (yaml.YAMLError, ValueError):
        return None
    finally:
        loader.dispose()


@functools.cache
def _shapes(of: type[BaseModel]) -> dict[str, Shape]:
    """What each key of a model holds, by the name that stands in the file."""
    return {info.alias or name: _shape(info.annotation) for name, info in of.model_fields.items()}


def _shape(annotation: Any) -> Shape:
    origin, inner = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is Annotated:
        return _shape(inner[0])
    if origin in {typing.Union, types.UnionType}:
        return _shape(next(one for one in inner if one is not type(None)))
    if origin is list:
        return Shape("list", tuple(_models(inner[0])))
    if origin is dict:
        return Shape("texts")
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return Shape("map", (annotation,))
    text = origin is Literal or annotation in {str, SecretStr}
    return Shape("text" if text else "other", words=inner if origin is Literal else ())


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in typing.get_args(annotation):
        yield from _models(inner)


def _place(said: str) -> str | None:
    """Where a key belongs that stands at the top, as in a piece that was copied from documentation."""
    if said in _shapes(model.Nifi):
        return "`nifi:`"
    section = MOVED.get(said.lower())
    if section is None:
        return "the source that it changes" if said == "alterations" else None
    return f"`nifi:` and `{section}:`"


@functools.cache
def _alike(said: str, known: tuple[str, ...]) -> str | None:
    """The one known word that differs only in case, hyphens and underscores."""
    found = [word for word in known if _bare(word) == _bare(said)]
    return found[0] if len(found) == 1 else None


def _bare(word: str) -> str:
    return re.sub(r"[-_ ]", "", word.lower())


def _named(path: Path) -> str:
    words = [str(part) for part in path if not isinstance(part, int)]
    return f"`{'.'.join(words[1:] or words)}`" if words else "the file"


def _sort(node: yaml.Node) -> str:
    if isinstance(node, yaml.SequenceNode):
        return "a list"
    return "a map" if isinstance(node, yaml.MappingNode) else "one value"


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1
