"""What stands before the object store: its public port, through which every request over S3 goes.

Heads are looked at, bodies pass unseen and as they come, at most a few pieces of them in memory; paths, queries,
headers and bodies stay byte for byte, so that signatures hold. Each caller's connection has one of its own to the
store. What is done here and not passed on is what ``rclone serve s3`` cannot do (``Rclone``'s ``tricks``), and what
shall go wrong on purpose (``faults``).
"""

from __future__ import annotations

import asyncio
import contextlib
from http import HTTPStatus
from typing import TYPE_CHECKING, NamedTuple

from .faults import AFTER
from .heads import NOWHERE, TO_THE_END, Broken, Head, hand_on, read_body, read_head
from .objectstore import BUFFER
from .pour import pour
from .replies import is_local
from .s3replies import refusal

if TYPE_CHECKING:
    import socket
    from collections.abc import Awaitable, Callable

    from .faults import Fault
    from .heads import Streams
    from .tricks import Tricks

    Change = Callable[[Head, bytes], Awaitable[bytes | None]]

_SMALL = 1 << 16
_LINGER_S = 5.0
_NOT_LOCAL = "The sandbox answers only on loopback names: use 127.0.0.1 or localhost in the address."


async def _lost(_: Head, __: bytes) -> bytes:
    return refusal(500, "InternalError", AFTER)


class Mischief(NamedTuple):
    """What shall go wrong on the way to the store; see ``faults``."""

    faults: list[Fault]
    latency: float
    restart: Callable[[], Awaitable[None]]

    def firing(self, head: Head) -> Fault | None:
        found = [fault for fault in self.faults if fault.fires(head.method, head.path, head.target)]
        return found[0] if found else None  # all are asked, so that each counts


class Front:
    def __init__(self, connect: Callable[[], Awaitable[Streams]], mischief: Mischief, tricks: Tricks | None) -> None:
        self.connect, self.mischief, self.tricks = connect, mischief, tricks
        self._server: asyncio.Server | None = None
        self._lines: set[asyncio.Task[None]] = set()

    async def start(self, sock: socket.socket) -> None:
        self._server = await asyncio.start_server(self._serve, sock=sock, limit=BUFFER)

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
        for line in self._lines:
            line.cancel()
        await asyncio.gather(*self._lines, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is None:
            return
        self._lines.add(task)
        line = Line(self, reader, writer)
        try:
            while await line.exchange():
                pass
        except (Broken, OSError, asyncio.IncompleteReadError):
            writer.transport.abort()  # what was cut off must not look whole
        except asyncio.CancelledError:
            writer.transport.abort()
        finally:
            self._lines.discard(task)
            line.close()


class Line:
    """One caller's connection."""

    def __init__(self, front: Front, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._front, self._reader, self._writer = front, reader, writer
        self._far: Streams | None = None
        writer.transport.set_write_buffer_limits(high=BUFFER)

    def close(self) -> None:
        self._writer.close()
        if self._far is not None:
            self._far[1].transport.abort()

    async def exchange(self) -> bool:
        """One request and its answer; whether another may follow."""
        head = await read_head(self._reader)
        if head is None:
            return False
        if not is_local(head.headers.get("host", "")):
            return await self.say(head, refusal(403, "AccessDenied", _NOT_LOCAL))
        mischief, tricks = self._front.mischief, self._front.tricks
        if mischief.latency:
            await asyncio.sleep(mischief.latency)
        fault = mischief.firing(head) if mischief.faults else None
        if fault is not None:
            return await self._misbehave(head, fault)
        if tricks is not None and (trick := tricks.concerning(head)) is not None:
            return await trick(self, head)
        return await self.pass_on(head)

    # without the store

    async def say(self, head: Head, answer: bytes) -> bool:
        """An answer of our own; a body that was announced is heard out, if it is not too long."""
        waits, length = head.says("expect", "100-continue"), head.length
        stays = not head.closes and (not length or (0 < length <= _SMALL and not waits))
        if stays and length:
            await read_body(self._reader, length)
        if head.method == "HEAD":
            answer = answer[: answer.index(b"\r\n\r\n") + 4]
        self._writer.write(answer if stays else answer.replace(b"\r\n", b"\r\nConnection: close\r\n", 1))
        await self._writer.drain()
        if not stays:
            await self._linger()
        return stays

    async def _linger(self) -> None:
        """Hear a caller out that is still sending: on a line closed with bytes unread it could not read the answer."""
        self._writer.write_eof()
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(hand_on(self._reader, NOWHERE, TO_THE_END), _LINGER_S)

    # through the store

    async def pass_on(
        self,
        head: Head,
        *,
        seen: bytearray | None = None,
        change: Change | None = None,
        most: int | None = None,
    ) -> bool:
        """``seen`` gets a copy of the request's body.

        ``change`` makes another answer out of head and body; None leaves it as it is. ``most`` breaks off after so
        many per cent of the answer's body.
        """
        near, tricks = self._far, self._front.tricks
        if near is None or near[0].at_eof():
            near = self._far = await self._front.connect()
        far, far_writer = near
        sending = await self._send(head, far_writer, seen)
        try:
            answer = await self._answer(far, head.says("expect", "100-continue"))
            if tricks is not None:
                answer = tricks.mended(answer)
            length = answer.length_of_answer(head.method)
            if change is not None:
                await self._changed(far, answer, length, change)
            elif most is not None:
                await self._break_off(far, answer, length, most)
            elif 0 <= length <= _SMALL:
                self._writer.write(answer.raw + (await far.readexactly(length) if length else b""))
            else:
                self._writer.write(answer.raw)
                if length > 0:
                    await pour(near, self._writer, length)
                else:
                    await hand_on(far, self._writer, length)
            await self._writer.drain()
            stays = not (head.closes or answer.closes or length == TO_THE_END)
            if sending is not None and not sending.done():  # refused before all was sent
                sending.cancel()
                await asyncio.gather(sending, return_exceptions=True)
                await self._linger()
                return False
            if sending is not None:
                await sending
            return stays
        finally:
            if sending is not None and not sending.done():
                sending.cancel()

    async def _send(self, head: Head, far: asyncio.StreamWriter, seen: bytearray | None) -> asyncio.Task[None] | None:
        length = head.length
        if 0 <= length <= _SMALL and not head.says("expect", "100-continue"):
            body = await self._reader.readexactly(length) if length else b""
            if seen is not None:
                seen += body
            far.write(head.raw + body)
            return None
        far.write(head.raw)
        return asyncio.create_task(self._upload(far, length, seen))

    async def _upload(self, far: asyncio.StreamWriter, length: int, seen: bytearray | None) -> None:
        try:
            if length > 0 and seen is None:
                await pour((self._reader, self._writer), far, length)
            else:
                await hand_on(self._reader, far, length, seen)
        except (Broken, OSError):
            far.transport.abort()  # the store must not take a half for the whole
            raise

    async def _answer(self, far: asyncio.StreamReader, waits: bool) -> Head:  # noqa: FBT001 - a fact, no switch
        while True:
            answer = await read_head(far)
            if answer is None:
                raise Broken
            if answer.status >= HTTPStatus.OK:
                return answer
            if waits:
                self._writer.write(answer.raw)

    async def _changed(self, far: asyncio.StreamReader, answer: Head, length: int, change: Change) -> None:
        body = await read_body(far, length)
        other = await change(answer, body)
        if other is None:
            other = answer.raw if not body else answer.with_length(len(body)).raw + body
        self._writer.write(other)

    # on purpose

    async def _break_off(self, far: asyncio.StreamReader, answer: Head, length: int, most: int) -> None:
        body = await read_body(far, length)
        self._writer.write(answer.with_length(len(body) or 1).raw + body[: len(body) * most // 100])
        await self._writer.drain()
        raise Broken

    async def _misbehave(self, head: Head, fault: Fault) -> bool:
        instead = fault.over_s3()
        if instead is not None:
            return await self.say(head, instead)
        if fault.do == "cut":
            raise Broken
        if fault.do == "slow":
            await asyncio.sleep(fault.seconds)
        if fault.do == "storage restart":
            restarting = asyncio.ensure_future(self._front.mischief.restart())
            try:
                return await self.pass_on(head)
            finally:
                await restarting
        if fault.do == "truncated":
            return await self.pass_on(head, most=50)
        if fault.do == "500 after":
            return await self.pass_on(head, change=_lost)
        return await self.pass_on(head)
