"""grammY, in a Node process of its own that times itself; it takes orders as lines of JSON."""

import asyncio
import json
import shutil
import subprocess
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from sqlalchemy import make_url

from tests.benchmarks.peers.peer import AT_ONCE, MEMORY, POSTGRESQL, REDIS, SQLITE, Contestant, Peer
from tests.benchmarks.peers.work import PAUSE

PROGRAM = Path(__file__).with_name("grammy.mjs")
MODULES = Path(__file__).parents[4] / ".venv-peers/node"
NOTE = "on Node, with its routing"


class NodeMissingError(Exception):
    """No Node, or no grammY for it."""

    def __init__(self) -> None:
        super().__init__("no Node with grammY: install Node 18 or newer with npm, then make bench-peers again")


@dataclass(frozen=True, slots=True)
class InNode:
    """grammY behind its pipes."""

    process: asyncio.subprocess.Process

    async def change(self, *, tasks: int, turns: int) -> float:
        return await self._order("change", tasks=tasks, turns=turns)

    async def look(self) -> None:
        await self._order("look")

    async def survivors(self) -> int:
        return int(await self._order("survivors", turns=AT_ONCE, seconds=PAUSE))

    async def _order(self, order: str, **options: float) -> float:
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(json.dumps({"order": order, **options}).encode() + b"\n")
        return float(json.loads(await self.process.stdout.readline()))


def peers() -> list[Peer]:
    return [
        Peer("grammY", MEMORY, partial(_in_node, "memory"), f"{NOTE}; handlers share a live object"),
        Peer("grammY", REDIS, partial(_in_node, "redis"), NOTE),
        Peer("grammY", POSTGRESQL, partial(_in_node, "postgresql"), f"{NOTE}; a pool of ten connections"),
        Peer("grammY", SQLITE, _in_files, f"{NOTE}; a file for each chat, not synced"),
    ]


@asynccontextmanager
async def _in_files(url: str) -> AsyncGenerator[Contestant]:
    folder = Path(str(make_url(url).database)).with_suffix(".grammy")
    async with _in_node("file", str(folder)) as contestant:
        yield contestant


@asynccontextmanager
async def _in_node(kind: str, where: str) -> AsyncGenerator[Contestant]:
    node = shutil.which("node")
    if node is None or not (MODULES / "node_modules/grammy").exists():
        raise NodeMissingError
    process = await asyncio.create_subprocess_exec(
        node, str(PROGRAM), str(MODULES), kind, where, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        contestant = InNode(process)
        await contestant.change(tasks=32, turns=1)
        yield contestant
    finally:
        if process.stdin:
            process.stdin.close()
        await process.wait()
