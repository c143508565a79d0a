"""The Decider's fold, and how refusals describe themselves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pytest

from leadway.decider import Decider, Fault, InvalidRequest, NotFound, Refusal, fold


@dataclass(frozen=True)
class Deposit:
    amount: int


@dataclass(frozen=True)
class Deposited:
    amount: int


def decide(command: Deposit, state: int | None) -> Sequence[Deposited]:
    return () if command.amount == state else (Deposited(command.amount),)


def evolve(state: int | None, fact: Deposited) -> int | None:
    return (state or 0) + fact.amount


ACCOUNT = Decider[Deposit, int | None, Deposited](initial=None, decide=decide, evolve=evolve)


def test_a_fold_begins_at_the_initial_state() -> None:
    assert fold(ACCOUNT, []) is None
    assert fold(ACCOUNT, [Deposited(2), Deposited(3)]) == 5


def test_a_fold_goes_on_from_a_given_state() -> None:
    assert fold(ACCOUNT, [Deposited(3)], 10) == 13
    assert fold(ACCOUNT, [Deposited(3)], None) == 3


def test_deciding_is_the_service_s_own_function() -> None:
    assert ACCOUNT.decide(Deposit(4), None) == (Deposited(4),)
    assert ACCOUNT.decide(Deposit(4), 4) == ()


def test_a_refusal_carries_what_the_caller_needs() -> None:
    refusal = InvalidRequest("two fields", [Fault("#/a", "is required")], lead_id="lead_1")
    assert (refusal.slug, refusal.status, refusal.detail) == ("invalid-request", 422, "two fields")
    assert refusal.errors == (Fault("#/a", "is required"),)
    assert refusal.extra == {"lead_id": "lead_1"}
    assert str(refusal) == "two fields"


def test_title_and_page_come_from_the_docstring() -> None:
    assert NotFound.title() == "There is no such thing here"
    assert len(NotFound.meaning()) == 1
    assert "\n" not in NotFound.meaning()[0]


def test_a_kind_registers_by_its_slug_and_only_once() -> None:
    class TestRefusal(Refusal):
        """Something for this test."""

        slug = "only-in-this-test"

    class Narrower(TestRefusal):
        """The same kind, told apart in code only."""

    assert Refusal.kinds()["only-in-this-test"] is TestRefusal
    assert Narrower.slug == "only-in-this-test"
    with pytest.raises(TypeError, match="already belongs to"):

        class Doubled(TestRefusal):  # pyright: ignore[reportUnusedClass]
            """A second class with the first one's slug."""

            slug = "only-in-this-test"


def test_a_kind_without_words_or_with_a_strange_slug_is_refused() -> None:
    with pytest.raises(TypeError, match="docstring"):

        class Silent(Refusal):  # pyright: ignore[reportUnusedClass]
            slug = "silent-in-this-test"

    with pytest.raises(TypeError, match="hyphens"):

        class Strange(Refusal):  # pyright: ignore[reportUnusedClass]
            """A slug that would not do in an address."""

            slug = "Not_A_Slug"
