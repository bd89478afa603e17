"""What a cell says when a service was deleted, or a file would be deployed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jupyter_oscar.client.belongings import Belonging
from jupyter_oscar.client.plan import Change

from . import views
from .tables import Rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jupyter_oscar.client.review import Ignored


class Belongings(Rows[Belonging]):
    """The buckets that are deleted with a service, and what is in them."""

    titles = ("bucket", "objects", "size", "also used by")
    nothing = "No bucket goes with it."

    def cells(self, row: Belonging) -> Sequence[str]:
        """The words of one row."""
        more = " and more" if row.more else ""
        return row.bucket, f"{row.objects:,}{more}", f"{views.size(row.bytes)}{more}", ", ".join(row.others)


class Changes(list[Change]):
    """What deploying a file would change: a paragraph for each service, and what the cluster would not act upon."""

    ignored: Sequence[Ignored] = ()

    def __repr__(self) -> str:
        changes = [f"{one.name}: {one.action if one.diff else 'as deployed'}\n{one.diff}".rstrip() for one in self]
        return "\n\n".join([*changes, *(["\n".join(map(str, self.ignored))] if self.ignored else ())])
