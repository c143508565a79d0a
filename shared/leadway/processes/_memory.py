"""The garbage collector at the pace of a process that works for long."""

from __future__ import annotations

import gc

_THRESHOLDS = (20_000, 20, 50)


def spare_what_is_loaded() -> None:
    """Let the garbage collector leave alone what was loaded, and look less often at the rest: at its own pace it goes
    through modules, schemas and whatever a rebuild holds for every few facts, a fifth of all processor time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_THRESHOLDS)
