"""Fields for the input that a service says it takes: a JSON Schema in its annotation, a widget for each property."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import ipywidgets as widgets
from traitlets import TraitError

from jupyter_oscar.client.errors import InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jupyter_oscar.client.service import Service

LABEL: Final = {"description_width": "120px"}
# Two pixels of a widget's own margin on each side.
WIDE: Final = widgets.Layout(width="calc(100% - 4px)", max_width="560px")


def schema_of(service: Service) -> dict[str, Any] | None:
    """The input schema of a service if it is one of an object with properties; anybody may write an annotation."""
    from jupyter_oscar.client.service import SCHEMA_ANNOTATION

    try:
        said = json.loads(service.annotations.get(SCHEMA_ANNOTATION) or "null")
    except ValueError:
        return None
    good = isinstance(said, dict) and isinstance(said.get("properties"), dict) and said["properties"]
    return said if good and all(isinstance(one, dict) for one in said["properties"].values()) else None


class Fields:
    """A widget for each property of a schema, and the object they make."""

    def __init__(self, schema: Mapping[str, Any]) -> None:
        self._schema = schema
        self._properties: dict[str, dict[str, Any]] = dict(schema["properties"])
        self._fields = {name: _field(name, one, self._required(name)) for name, one in self._properties.items()}
        notes = {name: str(one.get("description") or "") for name, one in self._properties.items()}
        self.box = widgets.VBox(
            [part for name, field in self._fields.items() for part in (field, *_note(notes[name]))],
        )

    def _required(self, name: str) -> bool:
        required = self._schema.get("required")
        return isinstance(required, list) and name in required

    def value(self) -> dict[str, Any]:
        """The object, checked against the schema.

        Raises:
            InvalidRequest: a field is not filled in, or not as the schema wants it; the error names the field.

        """
        from jsonschema import Draft202012Validator, SchemaError

        said = {name: read for name in self._fields if (read := self._read(name)) is not None}
        try:
            wrong = next(iter(Draft202012Validator(dict(self._schema)).iter_errors(said)), None)
        except SchemaError as error:
            msg = f"The service's input schema is wrong: {error.message}."
            raise InvalidRequest(msg, hint="Correct its annotation jupyter-oscar/input-schema.") from error
        if wrong is not None:
            where = ".".join(map(str, wrong.absolute_path))
            msg = f"{where}: {wrong.message}." if where else f"{wrong.message}."
            raise InvalidRequest(msg, hint="Correct it and run again.")
        return said

    def _read(self, name: str) -> Any:
        value = self._fields[name].value
        if value is None or value == "":
            return None
        kind = _kind(self._properties[name])
        if kind == "string" or not isinstance(value, str) or "enum" in self._properties[name]:
            return value
        try:
            return json.loads(value)
        except ValueError as error:
            if kind in {"integer", "number"}:
                msg = f'{name} is no number: "{value}".'
                raise InvalidRequest(msg, hint="Write it with a dot, or leave it empty.") from error
            msg = f"{name} is no JSON: {error}."
            raise InvalidRequest(msg, hint='Lists are written ["a", "b"], objects {"key": 1}.') from error


def _kind(one: Mapping[str, Any]) -> str:
    kind = one.get("type")
    if isinstance(kind, list):
        kind = next((name for name in kind if name != "null"), "string")
    return str(kind or "string")


def _field(name: str, one: Mapping[str, Any], required: bool) -> Any:  # noqa: FBT001 - private, named at its one call
    label = str(one.get("title") or name) + (" *" if required else "")
    same = {"description": label, "style": LABEL, "layout": WIDE, "tooltip": str(one.get("description") or name)}
    try:
        return _fitting(one, one.get("default"), same, required=required)
    except (TraitError, TypeError, ValueError):
        # Anybody may write an annotation: where its default and its bounds contradict each other, words are asked for.
        return widgets.Text(**same)


def _fitting(one: Mapping[str, Any], default: Any, same: dict[str, Any], *, required: bool) -> Any:
    if isinstance(one.get("enum"), list) and one["enum"]:
        options = [(_shown(value), value) for value in one["enum"]]
        free = [] if required or default in one["enum"] else [("", None)]
        chosen = default if default in one["enum"] else None if free else options[0][1]
        return widgets.Dropdown(options=free + options, value=chosen, **same)
    kind = _kind(one)
    if kind in {"integer", "number"}:
        return _number(one, default, same, whole=kind == "integer", required=required)
    if kind == "boolean":
        return widgets.Checkbox(value=bool(default), indent=True, **same)
    return (_json if kind in {"array", "object"} else _text)(one, default, same)


def _number(one: Mapping[str, Any], default: Any, same: dict[str, Any], *, whole: bool, required: bool) -> Any:
    if default is None and not required:
        # A number's own widget is never empty, and would send what nobody chose.
        return widgets.Text(placeholder="a number, or nothing", **same)
    low, high = one.get("minimum"), one.get("maximum")
    start = default if default is not None else low if low is not None else 0
    if low is not None and high is not None:
        bounded = widgets.BoundedIntText if whole else widgets.BoundedFloatText
        return bounded(value=start, min=low, max=high, **same)
    return (widgets.IntText if whole else widgets.FloatText)(value=start, **same)


def _json(one: Mapping[str, Any], default: Any, same: dict[str, Any]) -> Any:
    del one
    return widgets.Textarea(value="" if default is None else json.dumps(default), placeholder="JSON", **same)


def _text(one: Mapping[str, Any], default: Any, same: dict[str, Any]) -> Any:
    kind = widgets.Textarea if one.get("format") == "textarea" else widgets.Text
    return kind(value="" if default is None else str(default), **same)


def _note(text: str) -> list[Any]:
    """What the service says of a field, as text below it."""
    if not text:
        return []
    return [
        widgets.Label(
            text, layout=widgets.Layout(margin="0 0 4px 128px"), style={"text_color": "var(--jp-ui-font-color2)"}
        )
    ]


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
