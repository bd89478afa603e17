"""What a service gave back, shown by its kind: picture, table, JSON, array, text; anything else by name and size.

Every word is escaped, SVG is text, arrays are read without pickle, and long things are cut and say so (DESIGN §7).
"""

from __future__ import annotations

import base64
import csv
import io
import json
from html import escape
from itertools import islice
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

PICTURES: Final = {b"\x89PNG\r\n\x1a\n": "image/png", b"\xff\xd8\xff": "image/jpeg", b"GIF8": "image/gif"}
ARRAY: Final = b"\x93NUMPY"
# What is shown at once; the rest is a call away.
SHOWN_BYTES: Final = 8_000_000
SHOWN_CHARACTERS: Final = 20_000
SHOWN_ROWS: Final = 50
SHOWN_COLUMNS: Final = 20
SHOWN_CELL: Final = 200
DELIMITERS: Final = {".csv": ",", ".tsv": "\t"}

CELL: Final = 'style="text-align:left;padding:2px 12px 2px 0;white-space:nowrap"'
TABLE: Final = (
    '<table style="border-collapse:collapse;color:var(--jp-ui-font-color1);font-variant-numeric:tabular-nums">'
)
QUIET: Final = 'style="color:var(--jp-ui-font-color2)"'


def bundle(content: bytes, name: str, plain: str) -> dict[str, Any]:
    """The MIME bundle of some bytes; ``plain`` is what a terminal shows where they are no text."""
    kind = next((kind for magic, kind in PICTURES.items() if content.startswith(magic)), None)
    if kind:
        return {"text/plain": plain, kind: base64.b64encode(content).decode()}
    if content.startswith(ARRAY):
        return _array(content, plain)
    if not is_text(content):
        return {"text/plain": plain}
    text = content.decode()
    suffix = PurePosixPath(name).suffix.lower()
    if suffix in DELIMITERS:
        return {"text/plain": _cut(text), "text/html": _csv(text, DELIMITERS[suffix])}
    if suffix in {".json", ".geojson"}:
        return _json(text)
    return {"text/plain": _cut(text), "text/html": _pre(_cut(text))}


def is_text(content: bytes) -> bool:
    """Whether the bytes read as text."""
    try:
        return "\x00" not in content.decode()
    except UnicodeDecodeError:
        return False


def table(titles: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """An HTML table; cells are escaped and cut."""
    head = "".join(f"<th {CELL}>{escape(_cell(title))}</th>" for title in titles)
    body = "".join(
        "<tr>" + "".join(f"<td {CELL}>{escape(_cell(value))}</td>" for value in row) + "</tr>" for row in rows
    )
    return f"{TABLE}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _cell(value: Any) -> str:
    text = value if isinstance(value, str) else "" if value is None else json.dumps(value, default=str)
    return text if len(text) <= SHOWN_CELL else text[:SHOWN_CELL] + "…"


def _cut(text: str) -> str:
    return text if len(text) <= SHOWN_CHARACTERS else text[:SHOWN_CHARACTERS] + "\n…"


def _pre(text: str) -> str:
    return f'<pre style="white-space:pre-wrap;margin:0;padding:0">{escape(text)}</pre>'


def _csv(text: str, delimiter: str) -> str:
    try:
        rows = csv.reader(io.StringIO(text), delimiter=delimiter)
        titles = next(rows, [])
        shown = [row[:SHOWN_COLUMNS] for row in islice(rows, SHOWN_ROWS)]
        more = sum(1 for _ in rows)
    except csv.Error:
        return _pre(_cut(text))
    return table(titles[:SHOWN_COLUMNS], shown) + _more(more, len(titles))


def _more(rows: int, columns: int) -> str:
    words = [f"{rows:,} more rows"] if rows > 0 else []
    words += [f"{columns - SHOWN_COLUMNS} more columns"] if columns > SHOWN_COLUMNS else []
    return f"<div {QUIET}>and {' and '.join(words)}</div>" if words else ""


def _json(text: str) -> dict[str, Any]:
    try:
        said = json.loads(text)
    except (ValueError, RecursionError):
        return {"text/plain": _cut(text), "text/html": _pre(_cut(text))}
    pretty = _cut(json.dumps(said, indent=2, ensure_ascii=False))
    if isinstance(said, list) and said and all(isinstance(row, dict) for row in said):
        titles = list(dict.fromkeys(key for row in said[:SHOWN_ROWS] for key in row))
        shown = titles[:SHOWN_COLUMNS]
        rows = [[row.get(title) for title in shown] for row in said[:SHOWN_ROWS]]
        html = table(shown, rows) + _more(len(said) - SHOWN_ROWS, len(titles))
        return {"text/plain": pretty, "text/html": html}
    return {"text/plain": pretty, "text/html": _pre(pretty)}


def _array(content: bytes, plain: str) -> dict[str, Any]:
    """Shape and type of an array, and its corners; never one of objects, which would be a pickle."""
    try:
        import numpy as np

        array = np.load(io.BytesIO(content), allow_pickle=False)
    except (ImportError, ValueError, EOFError, OSError):
        return {"text/plain": plain}
    said = f"{array.dtype} array of {' × '.join(map(str, array.shape)) or 'one value'}"
    return {"text/plain": f"{said}\n{array!r}"}
