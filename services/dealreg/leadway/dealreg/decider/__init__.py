"""The decider of dealreg: a lead's work and its deals, from commands to facts."""

from __future__ import annotations

from typing import Final

from leadway.dealreg.decider import deals, outcomes, works
from leadway.dealreg.decider.commands import (
    AmendDeal,
    AnswerFirstContact,
    ApproveDeal,
    BringDeal,
    ChangeStage,
    CloseLead,
    Command,
    DealCommand,
    LogActivity,
    LoseDeal,
    OpenOpportunity,
    RegisterDeal,
    RejectDeal,
    ReopenDeal,
    ReopenLead,
    ReturnDeal,
    WinDeal,
)
from leadway.dealreg.decider.evolve import evolve
from leadway.dealreg.decider.state import State, Untouched
from leadway.decider import Decider
from leadway.facts import Fact


def decide(command: Command, state: State) -> tuple[Fact, ...]:
    """The facts that follow from a command; raises the refusals of `refusals`."""
    match command:
        case LogActivity():
            facts = works.log_activity(command, state)
        case ChangeStage():
            facts = works.change_stage(command, state)
        case OpenOpportunity():
            facts = works.open_opportunity(command, state)
        case CloseLead():
            facts = works.close_lead(command, state)
        case ReopenLead():
            facts = works.reopen_lead(command, state)
        case AnswerFirstContact():
            facts = works.answer_first_contact(command, state)
        case BringDeal():
            raise TypeError("a deal that is brought is decided as RegisterDeal, once its lead is known")
        case _:
            facts = _about_a_deal(command, state)
    return facts


def _about_a_deal(command: RegisterDeal | DealCommand, state: State) -> tuple[Fact, ...]:
    match command:
        case RegisterDeal():
            facts = deals.register_deal(command, state)
        case ApproveDeal():
            facts = deals.approve_deal(command, state)
        case ReturnDeal():
            facts = deals.return_deal(command, state)
        case RejectDeal():
            facts = deals.reject_deal(command, state)
        case WinDeal():
            facts = outcomes.win_deal(command, state)
        case LoseDeal():
            facts = outcomes.lose_deal(command, state)
        case AmendDeal():
            facts = outcomes.amend_deal(command, state)
        case ReopenDeal():
            facts = outcomes.reopen_deal(command, state)
    return facts


DEALREG: Final[Decider[Command, State, Fact]] = Decider(initial=Untouched(), decide=decide, evolve=evolve)

__all__ = ["DEALREG", "Command", "State", "decide", "evolve"]
