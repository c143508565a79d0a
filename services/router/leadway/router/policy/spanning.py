"""What spans leads: rotations, partners' loads, and the companies that partners work on.

Each value is a fold of the router's own facts that comes out the same in whatever order different leads are folded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import msgspec

from leadway.facts import Fact
from leadway.facts.router import (
    LeadAssigned,
    LeadClaimed,
    LeadDeclined,
    LeadReclaimed,
    LeadReleased,
    LeadWithdrawn,
    RotationTurn,
)
from leadway.facts.terms import KeyTurn
from leadway.router.policy.interest import word_key

# A turn's length for weight 1: divisible by every weight up to 20, so that common weights are exact.
TURN_UNIT = 232_792_560
WEIGHT_MAX = 1000

BEGINNINGS = (LeadAssigned, LeadClaimed)
ENDINGS = (LeadDeclined, LeadReclaimed, LeadWithdrawn, LeadReleased)
Beginning = LeadAssigned | LeadClaimed
Ending = LeadDeclined | LeadReclaimed | LeadWithdrawn | LeadReleased


class Rotation(msgspec.Struct, frozen=True, tag="rotation", omit_defaults=True):
    """Whose turn it is: fair queueing in integers. `finish`: where each partner's last turn ended."""

    finish: dict[str, int] = {}
    floor: int = 0


class Load(msgspec.Struct, frozen=True, tag="load", omit_defaults=True):
    """A partner's assignments that have not ended. `n`: the number last used."""

    n: int = 0
    open: int = 0


class Account(msgspec.Struct, frozen=True, tag="account", omit_defaults=True):
    """Who works on a company: assignments not ended, by partner and what its product is compared by ("": none)."""

    n: int = 0
    holds: dict[str, dict[str, int]] = {}

    def holders(self, product: str | None) -> tuple[str, ...]:
        """The partners at work on that product; where a hold or the question names none, on whatever it is."""
        key = word_key(product)
        if key is None:
            return tuple(sorted(self.holds))
        return tuple(sorted(p for p, products in self.holds.items() if key in products or "" in products))


Spanning = Rotation | Load | Account


def rotation_key(rule: str, step_index: int) -> str:
    """The key of one step's rotation: a rule keeps its turns through new versions of the rules, under its name."""
    return f"rotation:{rule}:{step_index}"


def load_key(partner_id: str) -> str:
    return f"load:{partner_id}"


def account_key(company_id: str) -> str:
    return f"account:{company_id}"


def initial(key: str) -> Spanning:
    """What a key is worth before any fact."""
    kind = key.partition(":")[0]
    return Rotation() if kind == "rotation" else Load() if kind == "load" else Account()


def keys(fact: Fact) -> Iterable[str]:
    """The keys that a fact touches."""
    if isinstance(fact, LeadAssigned) and fact.turn is not None:
        return (fact.turn.key, *(turn.key for turn in fact.keys))
    if isinstance(fact, (LeadAssigned, LeadClaimed, *ENDINGS)):
        return tuple(turn.key for turn in fact.keys)
    return ()


def evolve(key: str, value: Spanning, fact: Fact) -> Spanning:
    """The key's value after a fact that names it."""
    if isinstance(value, Rotation):
        return turned(value, fact.turn) if isinstance(fact, LeadAssigned) and fact.turn is not None else value
    if not isinstance(fact, (*BEGINNINGS, *ENDINGS)):
        return value
    for turn in fact.keys:
        if turn.key == key:
            return _counted(value, turn, fact.partner_id, word_key(fact.product) or "")
    return value


def turned(rotation: Rotation, turn: RotationTurn) -> Rotation:
    """A rotation after a turn. Both sides by their maximum: turns of different leads may be folded in any order."""
    finish = dict(rotation.finish)
    finish[turn.partner_id] = max(turn.finish, finish.get(turn.partner_id, 0))
    return Rotation(finish, max(rotation.floor, turn.floor))


def _counted(value: Load | Account, turn: KeyTurn, partner_id: str, product: str) -> Load | Account:
    # Counts add up in any order; a hold's end is on the same lead as its beginning, so none is ever below zero.
    step = -1 if turn.freed else 1
    n = max(value.n, turn.n)
    if isinstance(value, Load):
        return Load(n, value.open + step)
    holds = {partner: products for partner, products in value.holds.items() if partner != partner_id}
    products = dict(value.holds.get(partner_id, {}))
    products[product] = products.get(product, 0) + step
    if products[product] == 0:
        del products[product]
    if products:
        holds[partner_id] = products
    return Account(n, holds)


class Ledger:
    """The spanning values that one decision sees, its own earlier facts included. Lives for one decision."""

    def __init__(self, read: Callable[[str], Spanning]) -> None:
        self._read = read
        self._ahead: dict[str, Spanning] = {}

    def rotation(self, key: str) -> Rotation:
        value = self._get(key)
        return value if isinstance(value, Rotation) else Rotation()

    def load(self, partner_id: str) -> Load:
        value = self._get(load_key(partner_id))
        return value if isinstance(value, Load) else Load()

    def account(self, company_id: str) -> Account:
        value = self._get(account_key(company_id))
        return value if isinstance(value, Account) else Account()

    def take(self, partner_id: str, company_id: str | None) -> tuple[KeyTurn, ...]:
        """The keys that a hold by `partner_id` takes, each with its next number."""
        return self._turns(partner_id, company_id, freed=False)

    def free(self, partner_id: str, company_id: str | None) -> tuple[KeyTurn, ...]:
        """The keys that the end of a hold frees, each with its next number."""
        return self._turns(partner_id, company_id, freed=True)

    def note(self, fact: Fact) -> None:
        """Go on from what `fact`, just decided, made of the keys that it names."""
        for key in keys(fact):
            self._ahead[key] = evolve(key, self._get(key), fact)

    def _turns(self, partner_id: str, company_id: str | None, *, freed: bool) -> tuple[KeyTurn, ...]:
        load = KeyTurn(load_key(partner_id), self.load(partner_id).n + 1, freed)
        if company_id is None:
            return (load,)
        return (KeyTurn(account_key(company_id), self.account(company_id).n + 1, freed), load)

    def _get(self, key: str) -> Spanning:
        value = self._ahead.get(key)
        return self._read(key) if value is None else value
