"""The process in which codes are sealed: a child of the front end that reads chunks and answers with sealed ones.

Sealing costs a few microseconds a card. In the front end they would stand in the way of the sale, which shares
its event loop; here they run on whatever core is free, after everything that buyers wait for.

Standard input is a socket to the front end, with frames as in wire.py: `(id, Chunks)` comes, and
`(id, SealedChunks, "", "")` goes, or `(id, None, failure, text)`. The process ends with its front end. It writes no
file and no line, and names a mistake of its own by its class alone: the text could quote a code.
"""

import asyncio
import socket
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from actors.adapters.key_ring import KeyRingFile
from actors.adapters.local_vault import LocalVault
from actors.front.chunks import Chunk, SealedChunk, sealed_chunks
from actors.giving_way import SEALING, give_way
from actors.wire import Frames
from engine.errors import NotDone, UnreadableCard
from engine.ports import Vault


async def serve(vault: Vault, line: socket.socket) -> None:
    """Seal what comes, one chunk after another, until the other end hangs up."""
    loop = asyncio.get_running_loop()
    chunks: asyncio.Queue[tuple[int, Any] | None] = asyncio.Queue()
    frames = Frames(lambda _, message: chunks.put_nowait(message), lambda _: chunks.put_nowait(None), is_caller=True)
    await loop.create_connection(lambda: frames, sock=line)
    while (message := await chunks.get()) is not None:
        number, fields = message
        frames.send((number, *await _answer(vault, [Chunk(*each) for each in fields])))


async def _answer(vault: Vault, chunks: Sequence[Chunk]) -> tuple[Sequence[SealedChunk] | None, str, str]:
    try:
        return await sealed_chunks(vault, chunks), "", ""
    except (UnreadableCard, NotDone) as failure:
        return None, type(failure).__name__, str(failure)
    except Exception as mistake:  # noqa: BLE001 - the front end must hear of it, and not what it quotes
        return None, type(mistake).__name__, ""


if __name__ == "__main__":
    give_way(SEALING)
    asyncio.run(serve(LocalVault(KeyRingFile(Path(sys.argv[1]))), socket.socket(fileno=0)))
