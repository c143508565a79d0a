"""Why the router says no."""

from __future__ import annotations

from leadway.decider import NotFound, Refusal


class UnknownLead(NotFound):
    """There is no such lead, or the caller may not know of it."""

    # Its capture may be on the log already and not yet here.
    foreign = True


class LeadAlreadyClaimed(Refusal):
    """Another partner has claimed this lead.

    The first claim gets the lead. It is not in the pool any more; look there for others.
    """

    slug = "lead-already-claimed"
    status = 409


class NotEligible(Refusal):
    """This partner may not claim this lead.

    It is not among the partners that the lead was offered to, or has no room for another one, or the time for claims
    is over. `GET /router/v1/pool` lists the leads that may be claimed now.
    """

    slug = "not-eligible"
    status = 403


class DealOpen(Refusal):
    """The lead has an approved deal that is open.

    The holder's registration was approved, so the lead stays with it until the deal is won or lost, or its
    registration ends.
    """

    slug = "deal-open"
    status = 409
    foreign = True


class PartnerNotActive(Refusal):
    """The partner takes no leads.

    It is paused or has ended. Choose another partner, or make it active first.
    """

    slug = "partner-not-active"
    status = 409


class SharingRefused(Refusal):
    """The person does not want to be passed to partners.

    The lead may only be kept in a queue, until the person allows it.
    """

    slug = "sharing-refused"
    status = 409
    foreign = True


class NotRoutable(Refusal):
    """The lead is closed.

    A closed lead has no holder and cannot be routed. Reopen it first.
    """

    slug = "not-routable"
    status = 409
    foreign = True
