"""What a call gave: its outputs, one by one and together, or the reply of a synchronous call."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jupyter_oscar.client.errors import ObjectNotFound

from . import shown, views
from .objects import StoredObject

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jupyter_oscar.client.answers import Answer


class Output(StoredObject):
    """One object that a call wrote."""


class Result:
    """The outputs of a call, by name. With one output, ``content``, ``text`` and ``json()`` are that one's."""

    def __init__(self, outputs: list[Output], reference: str) -> None:
        self._outputs = outputs
        self.reference = reference

    def __len__(self) -> int:
        return len(self._outputs)

    def __iter__(self) -> Iterator[Output]:
        return iter(self._outputs)

    def __getitem__(self, name: str | int) -> Output:
        if isinstance(name, int):
            return self._outputs[name]
        found = next((output for output in self._outputs if output.name == name), None)
        if found is None:
            names = ", ".join(output.name for output in self._outputs) or "none"
            msg = f'{self.reference} has no output "{name}" (it has: {names}).'
            raise ObjectNotFound(msg)
        return found

    @property
    def one(self) -> Output:
        """The only output.

        Raises:
            ObjectNotFound: there is none, or more than one.

        """
        if len(self._outputs) != 1:
            names = ", ".join(output.name for output in self._outputs) or "none"
            msg = f"{self.reference} has {len(self._outputs)} outputs ({names})."
            raise ObjectNotFound(msg, hint="Pick one by its name: result[name].")
        return self._outputs[0]

    @property
    def content(self) -> bytes:
        """Bytes of the only output."""
        return self.one.content

    @property
    def text(self) -> str:
        """Text of the only output."""
        return self.one.text

    def json(self) -> Any:
        """The only output parsed as JSON."""
        return self.one.json()

    def save(self, folder: Path | str) -> list[Path]:
        """Write every output into a folder, which is made if need be, and return where each lies."""
        root = Path(folder)
        root.mkdir(parents=True, exist_ok=True)
        return [output.save(root / views.safe_name(output.name)) for output in self._outputs]

    def __repr__(self) -> str:
        return "\n".join(repr(output) for output in self._outputs) or "no outputs"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        del include, exclude
        return views.output_bundle(self._outputs[0]) if len(self) == 1 else views.outputs_bundle(self._outputs)


class Reply:
    """The answer of a synchronous call: ``text``, or ``content`` where the service wrote a file (or a zip of files)."""

    def __init__(self, answer: Answer, service: str) -> None:
        self._answer = answer
        self.service = service

    @property
    def text(self) -> str:
        """What the script printed, or its file as UTF-8 text."""
        return self._answer.text

    @property
    def content(self) -> bytes:
        """The bytes of the file it wrote, or of the text."""
        return self._answer.content

    @property
    def raw(self) -> str:
        """The whole reply with the supervisor's lines."""
        return self._answer.raw

    def json(self) -> Any:
        """The answer parsed as JSON."""
        return json.loads(self.content)

    def save(self, path: Path | str) -> Path:
        """Write the bytes to a file and return where."""
        target = Path(path)
        target.write_bytes(self.content)
        return target

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return self.text if shown.is_text(self.content) else f"{len(self.content)} bytes"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        del include, exclude
        return shown.bundle(self.content, "", repr(self))
