"""A TCP proxy that puts a database server some milliseconds away."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
from collections.abc import Generator

from sqlalchemy import make_url

CHUNK = 1 << 16


@contextlib.contextmanager
def distant(url: str, seconds: float) -> Generator[str]:
    """Give the URL of a database whose server is further away, until the block ends.

    Args:
        url: of a database on a server of the loopback interface.
        seconds: by which each round trip takes longer.
    """
    near = make_url(url)
    # A process of its own: threads of a test would delay it further.
    command = [sys.executable, __file__, str(near.port), str(seconds)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        try:
            yield near.set(port=port).render_as_string(hide_password=False)
        finally:
            process.terminate()


async def serve(server: int, seconds: float) -> None:
    """Forward connections to a port, what clients send with a delay; print the own port."""

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        answers, requests = await asyncio.open_connection("127.0.0.1", server)
        await asyncio.gather(carry(reader, requests, seconds), carry(answers, writer, 0))

    proxy = await asyncio.start_server(accept, "127.0.0.1", 0)
    print(proxy.sockets[0].getsockname()[1], flush=True)  # noqa: T201 # its parent reads it
    await proxy.serve_forever()


async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, delay: float) -> None:
    """Write what is read, each chunk after a delay, up to the end of the connection."""
    loop = asyncio.get_running_loop()
    with contextlib.suppress(OSError):
        while chunk := await reader.read(CHUNK):
            loop.call_later(delay, writer.write, chunk)
    loop.call_later(delay, writer.close)


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), float(sys.argv[2])))
