"""What a caller of dealreg may be told."""

from __future__ import annotations

from leadway.decider import AssignmentEnded, InvalidRequest, NotFound, NotOwner, Refusal


class UnknownLead(NotFound):
    """There is no such lead here.

    No lead has this id, or it is not one that this caller may know of: a partner knows the leads that it holds or held.
    """

    foreign = True


class HoldEnded(AssignmentEnded):
    """The assignment has ended.

    The partner no longer holds this lead, or the assignment that the request names is not the present one. Read the
    lead to see who holds it, and under which assignment.
    """

    foreign = True


class NotTheOwner(NotOwner):
    """Somebody else has this lead.

    Only the partner that holds the lead may do that; a lead in one of the vendor's own queues belongs to its channel
    managers.
    """

    foreign = True


class UnknownDeal(NotFound):
    """There is no such deal here.

    No deal has this id, or it is another partner's.
    """


class LeadIsClosed(Refusal):
    """The lead is closed.

    Nobody works on a closed lead. A channel manager can reopen it.
    """

    slug = "lead-closed"
    status = 409


class DealsOpen(Refusal):
    """The lead has open deals.

    A lead with open deals is closed by winning or losing the last of them. `deals` names them.
    """

    slug = "deals-open"
    status = 409


class UnknownStage(InvalidRequest):
    """The pipeline has no such stage.

    `known` names the stages of the pipeline as it stands.
    """

    slug = "unknown-stage"


class OtherCurrency(InvalidRequest):
    """The amount is in another currency than the deal.

    A deal has one currency, from its registration to its last amendment. `currency` names it.
    """

    slug = "other-currency"


class AmountNeeded(InvalidRequest):
    """It is not clear what the deal is worth.

    A deal takes its amount from an opportunity. Name one of `opportunities`, open one first, or send an amount.
    """

    slug = "amount-needed"


class AlreadyRegistered(Refusal):
    """The opportunity has a deal already.

    An opportunity has one deal at a time, until that deal is lost or its registration rejected. `deal_id` names it.
    """

    slug = "already-registered"
    status = 409


class TooMany(Refusal):
    """The lead has as many of these as it can hold.

    A lead is one buying interest; something sends the same again and again under new ids.
    """

    slug = "too-many"
    status = 409


class AlreadyWon(Refusal):
    """The deal was won already.

    Its revenue is booked. Amend it to change the amount, or reopen it to book it back.
    """

    slug = "deal-already-won"
    status = 409


class AlreadyLost(Refusal):
    """The deal was lost already.

    A channel manager can reopen it.
    """

    slug = "deal-already-lost"
    status = 409


class NotWon(Refusal):
    """The deal is not won.

    Only a won deal has booked revenue to amend.
    """

    slug = "deal-not-won"
    status = 409


class Approved(Refusal):
    """The registration is approved.

    An approved registration protects the partner and is not sent back for more. Reject it to end the protection.
    """

    slug = "deal-approved"
    status = 409


class CompanyProtected(Refusal):
    """Another partner is protected for this company and product.

    One partner at a time is. Reject the other registration first, `deal_id`, if this one is to stand.
    """

    slug = "company-protected"
    status = 409


class NobodyToProtect(Refusal):
    """The vendor registered this deal itself.

    Approval protects a partner; a deal that the vendor works itself needs none.
    """

    slug = "nobody-to-protect"
    status = 409
