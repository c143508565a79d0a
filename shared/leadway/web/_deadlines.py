"""One time limit for many requests at once, kept by a single timer.

A timer for each request (`asyncio.timeout`) costs more than the rest of the edge together. All have the same limit
here, so whoever began first is due first: the timer waits for that one only.
"""

from __future__ import annotations

import asyncio


class Deadline:
    """One request's limit. `expired`: it was reached, and the request's task cancelled."""

    __slots__ = ("_cancelling", "_task", "due_at", "expired")

    def __init__(self, task: asyncio.Task[object], due_at: float) -> None:
        self._task = task
        self._cancelling = task.cancelling()
        self.due_at = due_at
        self.expired = False

    def expire(self) -> None:
        self.expired = True
        self._task.cancel()

    def caused(self) -> bool:
        """Whether the CancelledError that was just caught is this limit's doing alone; it is then taken back."""
        return self.expired and self._task.uncancel() <= self._cancelling


class Deadlines:
    """The open deadlines of one event loop."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._open: dict[Deadline, None] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.TimerHandle | None = None

    def begin(self) -> Deadline:
        """A deadline for the current task; give it back to `end`."""
        loop = asyncio.get_running_loop()
        if loop is not self._loop:
            self._loop, self._timer = loop, None
        task = asyncio.current_task(loop)
        assert task is not None  # noqa: S101 a coroutine is run by a task
        deadline = Deadline(task, loop.time() + self._seconds)
        self._open[deadline] = None
        if self._timer is None:
            self._timer = loop.call_at(deadline.due_at, self._sweep, loop)
        return deadline

    def end(self, deadline: Deadline) -> None:
        """It is kept, or does not count any more."""
        self._open.pop(deadline, None)

    def _sweep(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = None
        now = loop.time()
        for deadline in list(self._open):
            if deadline.due_at > now:
                self._timer = loop.call_at(deadline.due_at, self._sweep, loop)
                return
            del self._open[deadline]
            deadline.expire()
