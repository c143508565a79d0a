"""Attribution's own arithmetic: credit models, campaign codes, revenue by key, and the cursor of the fact stream."""

from leadway.attribution.policy.campaigns import CampaignCodes
from leadway.attribution.policy.credit import MODELS, Model, split
from leadway.attribution.policy.cursor import BadCursor, Cursor, read_cursor, write_cursor
from leadway.attribution.policy.report import Amounts, Line, report
from leadway.attribution.policy.revenue import (
    ALWAYS,
    BY,
    Booked,
    By,
    Entry,
    Period,
    Sale,
    Touched,
    entries,
    roi,
    spend_within,
    touch_set,
)

__all__ = [
    "ALWAYS",
    "BY",
    "MODELS",
    "Amounts",
    "BadCursor",
    "Booked",
    "By",
    "CampaignCodes",
    "Cursor",
    "Entry",
    "Line",
    "Model",
    "Period",
    "Sale",
    "Touched",
    "entries",
    "read_cursor",
    "report",
    "roi",
    "spend_within",
    "split",
    "touch_set",
    "write_cursor",
]
