"""What a kernel asks of the page, over comms that the labextension answers.

Where nobody answers (another front end, a terminal) nothing happens, and whoever asked may say something else.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from .bridge import bridge

if TYPE_CHECKING:
    from collections.abc import Callable

NOTICE: Final = "jupyter-oscar:notice"
EDIT: Final = "jupyter-oscar:edit"
# How long a page may take to open something, in seconds.
ANSWERED: Final = 3.0


def tell(data: dict[str, Any]) -> None:
    """Have a notice shown."""
    from comm import create_comm

    create_comm(target_name=NOTICE, data=data).close()


def edit(cluster: str, service: str, otherwise: Callable[[], None]) -> None:
    """Have the definition of a service opened in the main area; call ``otherwise`` where that does not happen."""
    from comm import create_comm

    comm = create_comm(target_name=EDIT, data={"cluster": cluster, "service": service})
    answered: list[Any] = []
    comm.on_msg(answered.append)

    async def wait() -> None:
        await asyncio.sleep(ANSWERED)
        if not answered:
            otherwise()

    bridge.start(wait())
