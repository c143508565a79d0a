"""What commands need from outside their lead: the partners and rules in force, and what spans leads."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import cast

from leadway.facts.ingest import CampaignChanged
from leadway.facts.router import PartnerChanged, RulesChanged
from leadway.router.decider import AnyCommand, Assign, Claim, Originate, Reopen, Scene, State, hold_of
from leadway.router.policy.asking import ANYTHING, Campaigns
from leadway.router.policy.eligibility import Partners
from leadway.router.policy.interest import Interest
from leadway.router.policy.routing import Network
from leadway.router.policy.rules import Rules, read_rules
from leadway.router.policy.spanning import account_key, load_key
from leadway.stage import Around, Catalogs

RULES_ID = "rules"


def network(catalogs: Catalogs) -> Network:
    """The partners and rules in force, worked out once for each change of a catalog."""
    return catalogs.memo("router.network", _network)


def _network(catalogs: Catalogs) -> Network:
    partners = catalogs.memo("router.partners", lambda each: Partners(each.all(PartnerChanged).values()))
    document = catalogs.get(RulesChanged, RULES_ID)
    rules = _rules(document, partners) if document else None
    campaigns = Campaigns(catalogs.all(CampaignChanged).values())
    loads = tuple(load_key(p.entity_id) for p in partners.all if p.status == "active")
    return Network(partners, rules, campaigns, (*(rules.rotations() if rules else ()), *loads))


def _rules(document: RulesChanged, partners: Partners) -> Rules:
    # What it names was checked when it was put; a partner or a code that has gone since only matches nothing.
    return read_rules(
        document.document, partners=partners, known=ANYTHING, knows_partner=lambda _: True, version=document.version
    )


def shared_keys(command: AnyCommand, around: Around) -> Iterable[str]:
    """Every key that the command's facts may touch.

    A command that may route names the load of every active partner and every rotation: which of them it will be is
    known only from the company's row, which is not locked yet, and a batch of leads touches most of them anyhow.
    """
    interest = cast("Interest", around.mirror)
    keys: list[str] = []
    if interest.company_id is not None:
        keys.append(account_key(interest.company_id))
    hold = hold_of(cast("State", around.state))
    if hold is not None:
        keys.append(load_key(hold.partner_id))
        if hold.company_id is not None:
            keys.append(account_key(hold.company_id))
    if isinstance(command, Claim | Assign | Originate):
        keys.append(load_key(command.partner_id))
        return keys
    if isinstance(command, Reopen) and command.partner_id is not None:
        keys.append(load_key(command.partner_id))
    keys.extend(network(around.catalogs).keys)
    return keys


def complete(command: AnyCommand, around: Around) -> tuple[str, AnyCommand]:
    """The command with all that deciding it takes."""
    scene = Scene(
        lead_id=around.subject,
        now=max(around.now, around.cause_at),
        input_id=around.input_id,
        assignment_id=around.id("asg", around.subject),
        interest=cast("Interest", around.mirror),
        network=network(around.catalogs),
        read=around.shared,
    )
    return around.subject, replace(command, scene=scene)
