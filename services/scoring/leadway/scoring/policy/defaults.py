"""The model that is in force (version 0) until an admin puts one, so that a fresh system scores and qualifies leads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

DEFAULT_DOCUMENT: Final[Mapping[str, object]] = {
    "fit": [
        {"when": {"domain": {"present": True}}, "points": 10, "label": "company known"},
        {"when": {"product": {"present": True}}, "points": 10, "label": "product named"},
        {"when": {"country": {"present": True}}, "points": 5, "label": "country known"},
        {"when": {"employees": {"min": 50}}, "points": 15, "label": "50 employees or more"},
    ],
    "engagement": [
        {"when": {"touch": ["form.submitted"]}, "points": 30, "half_life": "P30D", "max": 60, "label": "form"},
        {"when": {"touch": ["event.attended"]}, "points": 25, "half_life": "P30D", "max": 50, "label": "event"},
        {"when": {"touch": ["content.downloaded"]}, "points": 15, "half_life": "P14D", "max": 45, "label": "content"},
        {"when": {"touch": ["email.clicked"]}, "points": 5, "half_life": "P14D", "max": 20, "label": "e-mail click"},
        {"when": {"touch": ["page.viewed"]}, "points": 2, "half_life": "P7D", "max": 10, "label": "page view"},
        {"when": {"touch": ["email.opened"]}, "points": 1, "half_life": "P7D", "max": 5, "label": "e-mail opened"},
    ],
    "qualify": [{"when": {"score": {"min": 25}}, "label": "score of 25 or more"}],
    "disqualify": [],
}
