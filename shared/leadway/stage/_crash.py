"""Named places where a test may let the process die: `LEADWAY_CRASH=relay.before_sending` dies at the first pass,
`…:3` at the third. Without the setting each costs one dictionary look-up.
"""

from __future__ import annotations

import os
import signal

_armed: dict[str, int] = {}


def arm(setting: str | None) -> None:
    """Arm a point from its setting, `name` or `name:passes`."""
    _armed.clear()
    if setting:
        name, _, passes = setting.partition(":")
        _armed[name] = int(passes or 1)


def point(name: str) -> None:
    """Die here by SIGKILL if this point is armed and has been passed often enough."""
    if name in _armed:
        _armed[name] -= 1
        if _armed[name] <= 0:
            os.kill(os.getpid(), signal.SIGKILL)


arm(os.environ.get("LEADWAY_CRASH"))
