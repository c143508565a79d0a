"""What the command line says, and how it ends: results on stdout, the rest on stderr, no secrets, no traceback."""

from __future__ import annotations

import os
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.status import Status

REFUSED = 1
"""Exit code: the answer is no (hashes differ, a check failed, the service refused)."""
MISUSED = 2
"""Exit code: the command cannot be run like this."""
STOPPED = 3
"""Exit code: a service's database and the log do not belong together; a person must decide."""

_PIPED_WIDTH = 160

out = Console(highlight=False, width=None if sys.stdout.isatty() else _PIPED_WIDTH)
err = Console(stderr=True, highlight=False, width=None if sys.stderr.isatty() else _PIPED_WIDTH)


def program() -> str:
    """How this program was called, for what we print to be typed: from the current folder where that is shorter."""
    called = sys.argv[0]
    if not Path(called).is_absolute():
        return called
    return min(called, os.path.relpath(called), key=len)


class Failed(Exception):
    """A command cannot go on. `remedy` says what the person at the keyboard can do about it."""

    def __init__(self, message: str, remedy: str = "", *, code: int = REFUSED) -> None:
        super().__init__(message)
        self.remedy = remedy
        self.code = code

    def tell(self) -> None:
        """Print it."""
        err.print(f"[bold red]✗[/] {escape(str(self))}")
        if self.remedy:
            err.print(f"  {escape(self.remedy)}")


class Progress:
    """A line that says what is being done, gone when it is done; nothing where stderr is no terminal."""

    def __init__(self, status: Status) -> None:
        self._status = status

    def __call__(self, text: str) -> None:
        """Say what is being done now."""
        self._status.update(escape(text))
        self._status.start()

    def rest(self) -> None:
        """Say nothing, until there is something again."""
        self._status.stop()


@contextmanager
def progress(text: str, console: Console = err) -> Generator[Progress]:
    """Show that something is under way; on `out` where lines are printed there meanwhile."""
    with console.status(escape(text), spinner="dots") as status:
        yield Progress(status)
