"""PostgreSQL and Kafka as the campaign sees them: they can be killed, copied, and put back to a copy."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path


class StoreFailed(Exception):
    """A store did not do what it was told; the message is what it said."""


@dataclass
class Store:
    """One store, kept by a process of its own. `kind`: postgres, or kafka."""

    kind: str
    folder: Path
    port: int
    address: str = ""
    running: bool = False
    _keeper: asyncio.subprocess.Process | None = None
    _one: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def start(self) -> None:
        """Start it over its folder and wait until it answers."""
        self.address = await self._tell("start")
        self.running = True

    async def stop(self) -> None:
        """End it in good order."""
        self.running = False
        await self._tell("stop")

    async def kill(self) -> None:
        """End it as a power cut would."""
        self.running = False
        await self._tell("kill")

    async def copy_to(self, place: Path) -> None:
        """Copy its files, over what is there."""
        await asyncio.to_thread(_copy, self.folder.resolve(), place)

    async def put_back(self, place: Path) -> None:
        """Let its files be those of the copy. It must not run."""
        if self.running:
            raise StoreFailed(f"{self.kind} runs")
        await asyncio.to_thread(_copy, place, self.folder.resolve())

    async def close(self) -> None:
        """End it and its keeper."""
        self.running = False
        keeper, self._keeper = self._keeper, None
        if keeper is not None and keeper.stdin is not None:
            keeper.stdin.close()
            await keeper.wait()

    async def _tell(self, what: str) -> str:
        async with self._one:
            if self._keeper is None:
                command = (sys.executable, "-m", "faults.keeper", self.kind, str(self.folder), str(self.port))
                pipe = asyncio.subprocess.PIPE
                self._keeper = await asyncio.create_subprocess_exec(
                    *command, stdin=pipe, stdout=pipe, cwd=Path(__file__).parents[1]
                )
            stdin, stdout = self._keeper.stdin, self._keeper.stdout
            if stdin is None or stdout is None:
                raise StoreFailed("the keeper cannot be spoken to")
            stdin.write(f"{what}\n".encode())
            await stdin.drain()
            said = (await stdout.readline()).decode().strip()
        if said.startswith("failed:"):
            raise StoreFailed(f"{self.kind}: {said}")
        return said


def _copy(source: Path, place: Path) -> None:
    """Copy a folder with its owners: the database's belongs to a user of its own."""
    if place.exists():
        for each in place.iterdir():
            if each.is_dir() and not each.is_symlink():
                shutil.rmtree(each)
            else:
                each.unlink()
    place.mkdir(parents=True, exist_ok=True)
    subprocess.run(["/bin/cp", "-a", "--reflink=auto", f"{source}/.", str(place)], check=True)
