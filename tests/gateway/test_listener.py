"""The socket that a gateway is served on."""

from __future__ import annotations

import asyncio
import socket

from protipp_stream.gateway.listener import listener


async def test_a_small_frame_does_not_wait_for_the_acknowledgement_of_the_one_before() -> None:
    accepted: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def look(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        taken = writer.get_extra_info("socket")
        accepted.set_result(taken.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
        writer.close()

    with listener("127.0.0.1", 0) as made:
        async with await asyncio.start_server(look, sock=made):
            _, writer = await asyncio.open_connection(*made.getsockname())
            assert await accepted == 1
            writer.close()
            await writer.wait_closed()
