"""People are named, and quoted, in the field `personal` of a fact and nowhere else."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from golden_facts import FACTS
from msgspec import inspect

from leadway.facts import CatalogFact, Fact, personal
from leadway.facts.personal import Sealed

# Words that name a person, an address of one, or something that one typed.
OF_PEOPLE = frozenset(
    """
    address birthday birthdate body comment comments contact description email email_digest emails e_mail family_name
    fields first_name form full_name given_name ip ip_address job_title landing_page last_name mail message mobile note
    notes page page_url payload person person_name phone phone_number query raw referrer salutation street subject_line
    submission surname telephone text title url user_agent words
    """.split()  # noqa: SIM905 read as words
)
# The same words where they mean something else, each with what it is.
NOT_OF_PEOPLE = {
    ("EndpointChanged", "url"): "where a partner's own system listens",
    ("SourceMap", "fields"): "names of form fields, not what people wrote into them",
}
# `name` alone says nothing: these are the names of things.
NAMED_THINGS = {
    "CampaignChanged",
    "Company",
    "CompanyMatch",
    "PartnerChanged",
    "Policy",
    "SourceChanged",
}
# Documents of any shape: what may go into them is decided by the service that writes them.
FREE_FORM = {
    ("ModelChanged", "document"): "the scoring model that an admin put",
    ("RulesChanged", "document"): "the routing rules that an admin put",
    ("Policy", "when"): "a condition of an SLA policy",
    ("NotificationDue", "change"): "codes and ids of the fact; delivery's own tests say that it drops `personal`",
}


def fields(cls: type[Any]) -> Iterator[tuple[type[Any], inspect.Field]]:
    """Every field of a struct and of the structs in it, but not what is sealed."""
    info = inspect.type_info(cls)
    assert isinstance(info, inspect.StructType)
    for field in info.fields:
        yield cls, field
        for inner in kinds(field.type):
            if isinstance(inner, inspect.StructType) and inner.cls is not Sealed:
                yield from fields(inner.cls)


def kinds(kind: inspect.Type) -> Iterator[inspect.Type]:
    """A type and the types in it."""
    yield kind
    match kind:
        case inspect.UnionType(types=types):
            inner = types
        case inspect.VarTupleType(item_type=item):
            inner = (item,)
        case inspect.DictType(key_type=key, value_type=value):
            inner = (key, value)
        case _:
            inner = ()
    for each in inner:
        yield from kinds(each)


@pytest.mark.parametrize("cls", FACTS, ids=lambda cls: cls.wire)
def test_no_field_but_personal_names_people(cls: type[Fact]) -> None:
    for owner, field in fields(cls):
        where = f"{owner.__name__}.{field.encode_name}"
        if field.encode_name == "name":
            assert owner.__name__ in NAMED_THINGS, (
                f"{where}: if a person typed it or bears it, it belongs in `personal`"
            )
        elif (owner.__name__, field.encode_name) not in NOT_OF_PEOPLE:
            assert field.encode_name not in OF_PEOPLE, f"{where} belongs in `personal`"


@pytest.mark.parametrize("cls", FACTS, ids=lambda cls: cls.wire)
def test_what_is_sealed_is_in_the_field_personal(cls: type[Fact]) -> None:
    for owner, field in fields(cls):
        structs = {kind.cls for kind in kinds(field.type) if isinstance(kind, inspect.StructType)}
        assert (Sealed in structs) == (field.encode_name == "personal"), f"{owner.__name__}.{field.encode_name}"
        assert not any(struct.__module__ == personal.__name__ for struct in structs - {Sealed}), (
            f"{owner.__name__}.{field.encode_name} holds personal data that is not sealed"
        )


@pytest.mark.parametrize("cls", FACTS, ids=lambda cls: cls.wire)
def test_documents_of_any_shape_are_few_and_known(cls: type[Fact]) -> None:
    for owner, field in fields(cls):
        if any(isinstance(kind, inspect.AnyType | inspect.CustomType) for kind in kinds(field.type)):
            assert (owner.__name__, field.encode_name) in FREE_FORM, (
                f"{owner.__name__}.{field.encode_name} may hold all"
            )


@pytest.mark.parametrize("cls", [cls for cls in FACTS if issubclass(cls, CatalogFact)], ids=lambda cls: cls.wire)
def test_catalogs_hold_no_personal_data(cls: type[Fact]) -> None:
    assert not any(field.encode_name == "personal" for _, field in fields(cls))
