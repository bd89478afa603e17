"""A service in OSCAR: each event is posted to ``/job/<service>``, and tried again until it is taken.

OSCAR's and the network's failures begin anew for ever; what OSCAR refuses (4xx) is tried as often as the file says,
since a token or a service may be about to come back, and then waits among the dead letters.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from jupyter_oscar.client.credentials import Secret
from jupyter_oscar.flows.snapshot import delivery, tls
from jupyter_oscar.flows.snapshot.parts import runs, text
from jupyter_oscar.flows.snapshot.types import INVOKE_HTTP

if TYPE_CHECKING:
    from jupyter_oscar.flows.model import OscarDestination
    from jupyter_oscar.flows.snapshot.parts import Group

LOST: Final = ("Failure", "Retry")
REFUSED: Final = ("No Retry",)


def place(element: OscarDestination, group: Group) -> None:
    """Its group."""
    token = element.token.get_secret_value() if element.token else ""
    properties: dict[str, str | None] = {
        "HTTP Method": "POST",
        "Remote URL": text(f"{element.endpoint.rstrip('/')}/job/{quote(element.service, safe='<>')}"),
        "Content-Type": "application/json",
        "send-message-body": "true",
        "ignore-response-content": "true",
        "Connection Timeout": "5 secs",
        "Read Timeout": "15 secs",
        "Useragent": "jupyter-oscar",
        "Follow Redirects": "False",  # a redirect would carry the token elsewhere
        "SSL Context Service": tls.service(group, element.ssl_context),
        "Authorization": group.build.secret(element.name, "authorization", Secret(f"Bearer {token}")),
    }
    extra = element.extra
    made = group.processor(
        "InvokeOSCAR",
        INVOKE_HTTP,
        properties,
        delivery.runs(runs(element, "InvokeOSCAR", "InvokeHTTP", ends=("Original", "Response")), extra, LOST, REFUSED),
        hidden=["Authorization"],
        services=["SSL Context Service"],
        dynamic=["Authorization"],
    )
    group.connect(group.port("in"), made)
    delivery.undelivered(group, made, extra, LOST, REFUSED)
