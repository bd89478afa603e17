"""A WebSocket through the prefix proxy: one to the caller, one to the service, and messages handed across.

A message is held whole while it crosses, so its size is bounded; a slow reader on one side slows down the other.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from aiohttp import ClientConnectorError, ClientError, WSMsgType, WSServerHandshakeError, web

from .replies import text

if TYPE_CHECKING:
    from aiohttp import ClientSession, ClientWebSocketResponse
    from multidict import CIMultiDict
    from yarl import URL

    Headers = CIMultiDict[str]
    Socket = ClientWebSocketResponse[Any] | web.WebSocketResponse[Any]

_LARGEST_MESSAGE = 16 * 1024 * 1024
_NORMAL, _GONE, _NO_CODE, _BROKEN = 1000, 1001, 1005, 1011
_UNSENDABLE = (1004, _NO_CODE, 1006, 1015)  # RFC 6455 §7.4.1: only reported, never sent


async def relay(
    request: web.Request, session: ClientSession, url: URL, headers: CIMultiDict[str]
) -> web.StreamResponse:
    """First the service's handshake, since it chooses the subprotocol and may refuse; then the caller's."""
    offered = [word.strip() for value in headers.getall("Sec-WebSocket-Protocol", []) for word in value.split(",")]
    for header in [name for name in headers if name.lower().startswith("sec-websocket-")]:
        headers.popall(header, None)
    try:
        far = await session.ws_connect(url, headers=headers, protocols=offered, max_msg_size=_LARGEST_MESSAGE)
    except WSServerHandshakeError as error:
        return text(error.status, f"The service did not accept the WebSocket: {error.message}.")
    except ClientConnectorError:
        return text(502, f"Nothing listens on port {url.port}.")
    except (ClientError, asyncio.TimeoutError) as error:
        return text(502, f"The service gave no proper answer ({type(error).__name__}).")
    chosen = [far.protocol] if far.protocol else []
    near = web.WebSocketResponse(protocols=chosen, max_msg_size=_LARGEST_MESSAGE, compress=False)
    try:
        await near.prepare(request)
        await _both_ways(near, far)
    finally:  # also when the caller, having said why, hung up before the service was told
        await _close(far, near)
    return near


async def _both_ways(near: Socket, far: Socket) -> None:
    """Until one side closes; the other is closed with the same words."""
    ways = [asyncio.create_task(_one_way(near, far)), asyncio.create_task(_one_way(far, near))]
    try:
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)


async def _one_way(source: Socket, target: Socket) -> None:
    while True:
        message = await source.receive()
        try:
            if message.type is WSMsgType.TEXT:
                await target.send_str(message.data)
            elif message.type is WSMsgType.BINARY:
                await target.send_bytes(message.data)
            else:
                await _close(target, source, message.extra if message.type is WSMsgType.CLOSE else "")
                return
        except (ClientError, ConnectionError):
            return


async def _close(target: Socket, source: Socket, words: object = "") -> None:
    code = source.close_code or _GONE
    if code in _UNSENDABLE:
        code = _NORMAL if code == _NO_CODE else _BROKEN
    await target.close(code=code, message=str(words or "").encode())
