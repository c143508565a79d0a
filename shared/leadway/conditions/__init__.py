"""The one condition language of rules, models and policies. Pure, and of the standard library alone.

A condition is a JSON object. Keys side by side mean all of them; `{}` always holds.

    {"country": ["PL", "DE"], "employees": {"min": 100}, "any": [{…}, {…}], "not": {…}}

Keys are the fields in FIELDS, `fields.<name>` for an answer of the form, `any` (a list of conditions, one of which must
hold) and `not` (a condition that must not hold). What a field is asked is one of

- a list of values. Text is compared without regard to case and surrounding blanks; a text that ends in `*` means all
  that begin so (`"70*"`, `"content.*"`); postal codes are compared without blanks and hyphens.
- `{"min": …, "max": …}`, both inclusive, either alone: numbers, for `employees`, `score` and `fields.*` only.
- `{"present": true}` or `{"present": false}`.

A missing value (none, blank, an empty collection) matches only `present: false`. So `{"not": {"country": ["PL"]}}`
holds where the country is not known, because the inner condition does not; say `"country": {"present": true}` beside it
to ask for both. A value may be a collection (the codes of a campaign): one of its items has to match.
"""

from leadway.conditions._condition import Condition, Mention
from leadway.conditions._known import ANY_FIELD, FIELDS, NUMBER_FIELDS, Known
from leadway.conditions._parse import (
    DEPTH_MAX,
    FAULTS_MAX,
    LEAVES_MAX,
    TEXT_LENGTH_MAX,
    VALUES_MAX,
    BadCondition,
    parse,
)
from leadway.conditions._values import Explained

__all__ = [
    "ANY_FIELD",
    "DEPTH_MAX",
    "FAULTS_MAX",
    "FIELDS",
    "LEAVES_MAX",
    "NUMBER_FIELDS",
    "TEXT_LENGTH_MAX",
    "VALUES_MAX",
    "BadCondition",
    "Condition",
    "Explained",
    "Known",
    "Mention",
    "parse",
]
