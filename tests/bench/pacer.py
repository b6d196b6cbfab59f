"""A gateway in a process of its own that gets updates at a rate, for ever."""

from __future__ import annotations

import asyncio
import sys
import time

from tests.bench.contenders import Ours
from tests.bench.processes import answer


async def main() -> None:
    rate = float(sys.argv[1])
    gateway = Ours("any")
    port = await gateway.start()

    async def keep_sending() -> None:
        began = time.monotonic()
        number = 0
        while True:
            await asyncio.sleep(max(began + number / rate - time.monotonic(), 0))
            await gateway.emit(number, 1)
            number += 1

    sending = asyncio.create_task(keep_sending())
    await answer({}, port=port, token=gateway.tokens(1)[0])
    sending.cancel()


if __name__ == "__main__":
    asyncio.run(main())
