"""A service as a cell shows it: what it is, where it reads and writes; no secret, and of its environment only names."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from jupyter_oscar.client.service import Service as Definition
from jupyter_oscar.client.services import Summary

from . import views
from .shown import QUIET

if TYPE_CHECKING:
    from typing_extensions import Self


class Service(Definition):
    """A definition that can be the last word of a cell. All its fields are the definition's."""

    @classmethod
    def shown(cls, definition: Definition) -> Self:
        """The same, to be shown."""
        return cls.model_validate(definition.model_dump(exclude_unset=True))

    @property
    def summary(self) -> Summary:
        """What a list says of it."""
        return Summary.of(self.model_dump(include={"name", "expose", "input", "visibility", "image", "owner"}))

    def __repr__(self) -> str:
        return views.services_text([self.summary], "")

    __str__ = __repr__

    def _repr_html_(self) -> str:
        said = self.summary
        head = " · ".join(filter(None, [said.kind, said.visibility, self.owner and f"owner {self.owner}"]))
        lines = "".join(f"<div {QUIET}>{escape(line)}</div>" for line in self._lines())
        return f"<b>{escape(self.name)}</b> &nbsp;<span {QUIET}>{escape(head)}</span>{lines}"

    def _lines(self) -> list[str]:
        resources = ", ".join(filter(None, [self.cpu and f"{self.cpu} CPU", self.memory, "GPU" * self.enable_gpu]))
        ways = [
            " ".join([word, ", ".join(place.path.strip(" /") for place in places)])
            for word, places in (("in", self.input), ("out", self.output))
            if places
        ]
        names = [*self.environment.variables, *(f"{name} (secret)" for name in self.environment.secrets)]
        return [
            " · ".join(filter(None, [f"image {self.image}", resources])),
            *([" → ".join(ways)] if ways else []),
            *([f"on {self.interlink_node_name}"] if self.interlink_node_name else []),
            *([f"environment {', '.join(names)}"] if names else []),
        ]
