"""A dataflow as a picture: sources at the left, what alters their events, destinations at the right.

As text a line for each way that events take; as SVG boxes and arrows. Boxes have a ground of their own, so that the
picture can be read on a light page and on a dark one.
"""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from itertools import islice, pairwise
from typing import TYPE_CHECKING, Final

from . import model

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from .model import Element, Flow

# In pixels.
BOX: Final = (190, 44)
GAP: Final = (56, 18)
MARGIN: Final = 8
#: More boxes, or ways from one source, than these are no picture any more.
MOST: Final = 300
#: Signs of a line in a box.
LONGEST: Final = 28
FONT: Final = "system-ui, -apple-system, 'Segoe UI', Roboto, Helvetica, Arial, sans-serif"
# The strip at a box's left: where events come from, what happens to them, where they go.
STRIPS: Final = {"source": "#1976d2", "alteration": "#9e9e9e", "destination": "#2e7d32", "generic": "#ef6c00"}
# How a kind is called, and which of its keys says what it reads or writes.
ABOUT: Final = {
    "dCache": ("dCache", "folder"),
    "Kafka": ("Kafka", "topic"),
    "GetS3": ("S3", "AWS_S3_BUCKET"),
    "GetSQS": ("SQS", "queue_name"),
    "RUCIO": ("Rucio", "queue_name"),
    "OSCAR": ("OSCAR", "service"),
    "generic": ("group", "file"),
}


@dataclass(frozen=True)
class Box:
    """One element or alteration."""

    id: str
    role: str
    title: str
    about: str


class Graph:
    """The picture of one dataflow. ``ways`` says of sources how their events arrive, where that is known."""

    def __init__(self, flow: Flow, ways: Mapping[str, str] | None = None) -> None:
        self.name = flow.name
        self.boxes: dict[str, Box] = {}
        self.arrows: list[tuple[str, str]] = []
        ends: dict[str, str] = {}
        for element in flow.elements.values():
            way = (ways or {}).get(element.name, "")
            self._add(
                Box(element.name, _role(element), element.name, " · ".join(filter(None, [*_about(element), way])))
            )
            last = element.name
            for number, alteration in enumerate(getattr(element, "alterations", ())):
                box = Box(f"{element.name}\0{number}", "alteration", alteration.action, _of_alteration(alteration))
                self._add(box)
                self.arrows.append((last, box.id))
                last = box.id
            ends[element.name] = last
        self.arrows += [(ends[source], destination) for source, destination in flow.edges]

    def _add(self, box: Box) -> None:
        self.boxes[box.id] = box

    def __str__(self) -> str:
        lines = []
        after = self._after()
        reached = {destination for _, destination in self.arrows}
        for box in self.boxes.values():
            if box.id in reached:
                continue
            lines += [" → ".join(way) for way in islice(self._ways(box.id, after), MOST)]
        return "\n".join(lines)

    def _after(self) -> dict[str, list[str]]:
        after: dict[str, list[str]] = {}
        for source, destination in self.arrows:
            after.setdefault(source, []).append(destination)
        return after

    def _ways(self, start: str, after: Mapping[str, list[str]], seen: tuple[str, ...] = ()) -> Iterator[list[str]]:
        box = self.boxes[start]
        words = f"{box.title} ({box.about})" if box.about else box.title
        below = [one for one in after.get(start, ()) if one not in (*seen, start)]
        if not below:
            yield [words]
        for one in below:
            for way in self._ways(one, after, (*seen, start)):
                yield [words, *way]

    def svg(self) -> str | None:
        """The picture as SVG, or None where it has too many boxes to be one."""
        if len(self.boxes) > MOST:
            return None
        places = self._places()
        width = max((x for x, _ in places.values()), default=0) + BOX[0] + MARGIN
        height = max((y for _, y in places.values()), default=0) + BOX[1] + MARGIN
        head = (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
            f'role="img" font-family="{escape(FONT)}"><title>{escape(self.name)}</title>'
            '<defs><marker id="end" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
            '<path d="M0,0 L8,4 L0,8 z" fill="#8a8a8a"/></marker></defs>'
        )
        arrows = [_arrow([places[one] for one in way]) for way in self._bent(self._columns())]
        boxes = [_box(box, *places[box.id]) for box in self.boxes.values()]
        return "".join([head, *arrows, *boxes, "</svg>"])

    def _columns(self) -> dict[str, int]:
        """By the longest way to a box; destinations all in the last one."""
        column = dict.fromkeys(self.boxes, 0)
        for _ in self.boxes:
            moved = False
            for source, destination in self.arrows:
                if column[destination] <= column[source] < len(self.boxes):
                    column[destination], moved = column[source] + 1, True
            if not moved:
                break
        last = max([1, *column.values()])
        return {name: last if self.boxes[name].role == "destination" else at for name, at in column.items()}

    def _bent(self, column: Mapping[str, int]) -> list[list[str]]:
        """Each arrow with the points it passes between boxes in columns that it crosses."""
        return [
            [
                source,
                *(f"{source}\0{destination}\0{at}" for at in range(column[source] + 1, column[destination])),
                destination,
            ]
            for source, destination in self.arrows
        ]

    def _places(self) -> dict[str, tuple[int, int]]:
        """Where each box and each point stands: at the height of what leads to it, none upon another."""
        column = self._columns()
        before: dict[str, list[str]] = {}
        for way in self._bent(column):
            for at, (source, destination) in enumerate(pairwise(way), column[way[0]] + 1):
                before.setdefault(destination, []).append(source)
                column.setdefault(destination, at)
        row: dict[str, float] = {}
        for at in range(max(column.values(), default=0) + 1):
            here = [name for name in column if column[name] == at]
            wanted = {name: _middle([row[one] for one in before.get(name, ()) if one in row]) for name in here}
            lowest = 0.0
            for name in sorted(here, key=lambda one: wanted[one]):
                row[name] = max(lowest, wanted[name])
                lowest = row[name] + 1
        step = (BOX[0] + GAP[0], BOX[1] + GAP[1])
        return {name: (MARGIN + column[name] * step[0], MARGIN + round(row[name] * step[1])) for name in column}


def _middle(rows: list[float]) -> float:
    return sum(rows) / len(rows) if rows else 0.0


def _arrow(points: list[tuple[int, int]]) -> str:
    """From a box's right side to another's left, level through every point between."""
    half = BOX[1] // 2
    x, y = points[0][0] + BOX[0], points[0][1] + half
    path = f"M{x},{y}"
    for number, (left, top) in enumerate(points[1:], 1):
        ends = number == len(points) - 1
        x2, y2 = left - 1, top + half
        middle = (x + x2) // 2
        path += f" C{middle},{y} {middle},{y2} {x2},{y2}" + ("" if ends else f" H{left + BOX[0]}")
        x, y = left + BOX[0], y2
    return f'<path d="{path}" fill="none" stroke="#8a8a8a" stroke-width="1.5" marker-end="url(#end)"/>'


def _box(box: Box, x: int, y: int) -> str:
    width, height = BOX
    middle = not box.about
    title = f'<text x="{x + 14}" y="{y + (27 if middle else 18)}" font-size="12" font-weight="600" fill="#212121">'
    about = f'<text x="{x + 14}" y="{y + 34}" font-size="11" fill="#616161">{escape(_cut(box.about))}</text>'
    return (
        f'<g><rect x="{x}" y="{y}" width="{width}" height="{height}" rx="3" fill="#ffffff" stroke="#bdbdbd"/>'
        f'<rect x="{x}" y="{y}" width="4" height="{height}" rx="2" fill="{STRIPS[box.role]}"/>'
        f"{title}{escape(_cut(box.title))}</text>{'' if middle else about}</g>"
    )


def _cut(text: str) -> str:
    """What is too long loses its middle."""
    if len(text) <= LONGEST:
        return text
    half = (LONGEST - 1) // 2
    return f"{text[: LONGEST - 1 - half]}…{text[-half:]}"


def _role(element: Element) -> str:
    if isinstance(element, model.Source):
        return "source"
    return "destination" if isinstance(element, model.Destination) else "generic"


def _about(element: Element) -> tuple[str, str]:
    """What kind it is, and what it reads or writes."""
    if isinstance(element, model.S3Destination):
        return "MinIO" if element.MinIO_Endpoint else "S3", element.AWS_S3_BUCKET
    kind, key = ABOUT[element.kind]
    return kind, str(getattr(element, key))


def _of_alteration(alteration: model.Merge | model.Encode | model.Decode) -> str:
    if isinstance(alteration, model.Merge):
        return f"{alteration.maxMessages} or {alteration.windowSeconds} s"
    return alteration.Encoding
