"""Takes whatever an SDK sends and says 200, or takes it and never answers; counts marked calls.

    python -m benchmarks.sdk.sink PORT [--hang] [--log FILE]

A call's text carries `CALL-<n>-END`; the numbers found in a body go to the log, a line each.
"""

from __future__ import annotations

import argparse
import asyncio
import gzip
import json
import re
import zlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import zstandard

MARK = re.compile(rb"CALL-(\d+)-END")
BODIES: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.decompress,
    "deflate": zlib.decompress,
    "zstd": lambda body: zstandard.ZstdDecompressor().decompressobj().decompress(body),
}
ANSWER = json.dumps({"digest": "x", "id": "x", "trace_id": "x", "res": [], "row_digests": []})
"""Enough for the SDKs whose protocol is their own."""
COMPLETION = json.dumps(
    {
        "id": "chatcmpl-1", "object": "chat.completion", "created": 1700000000, "model": "gpt-4o-mini",
        "choices": [
            {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Thirty euros."}}
        ],
        "usage": {"prompt_tokens": 21, "completion_tokens": 4, "total_tokens": 25},
    }
)  # fmt: skip


class Sink:
    """One listening port."""

    def __init__(self, log: Path | None, *, hang: bool) -> None:
        self._log = log.open("ab", buffering=0) if log else None
        self._hang = hang

    async def serve(self, port: int) -> None:
        """Until the process is ended."""
        server = await asyncio.start_server(self._connection, "127.0.0.1", port, limit=1 << 26)
        print("listening", flush=True)
        await server.serve_forever()

    async def _connection(self, reader: asyncio.StreamReader, out: asyncio.StreamWriter) -> None:
        try:
            while True:
                path, kind, body = await self._request(reader, out)
                if self._hang:
                    await asyncio.sleep(3600)
                self._note(body)
                protobuf = "traces" in path and "protobuf" in kind
                content = "" if protobuf else COMPLETION if "completions" in path else ANSWER
                head = (
                    f"HTTP/1.1 200 OK\r\nContent-Length: {len(content)}\r\n"
                    f"Content-Type: application/{'x-protobuf' if protobuf else 'json'}\r\n\r\n"
                )
                out.write((head + content).encode())
                await out.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            return  # the client has gone
        finally:
            out.close()

    async def _request(
        self, reader: asyncio.StreamReader, out: asyncio.StreamWriter
    ) -> tuple[str, str, bytes]:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin1").split("\r\n")
        pairs = (line.partition(":") for line in head[1:] if line)
        headers = {name.lower(): value.strip() for name, _, value in pairs}
        if headers.get("expect"):
            out.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        if headers.get("transfer-encoding", "").lower() == "chunked":
            body = b"".join([part async for part in _chunks(reader)])
        else:
            body = await reader.readexactly(int(headers.get("content-length", 0)))
        plain = BODIES.get(headers.get("content-encoding", ""), bytes)(body)
        return head[0].split(" ")[1], headers.get("content-type", ""), plain

    def _note(self, body: bytes) -> None:
        if self._log and (found := MARK.findall(body)):
            self._log.write(b"\n".join(found) + b"\n")


async def _chunks(reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    while size := int((await reader.readline()).split(b";")[0], 16):
        yield (await reader.readexactly(size + 2))[:-2]
    await reader.readexactly(2)


def main() -> None:
    """Serve."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("port", type=int)
    parser.add_argument("--hang", action="store_true")
    parser.add_argument("--log", type=Path)
    options = parser.parse_args()
    asyncio.run(Sink(options.log, hang=options.hang).serve(options.port))


if __name__ == "__main__":
    main()
