"""Ids: what they look like, what they are made of, and that they sort."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadway import ids

AT = datetime(2026, 3, 1, 12, 30, 15, 123456, tzinfo=UTC)
BASE32 = "0123456789abcdefghjkmnpqrstvwxyz"
INSTANTS = st.datetimes(datetime(1970, 1, 1), datetime(9999, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001 - the zone is given beside


def uuid_of(identifier: str) -> uuid.UUID:
    number = 0
    for character in identifier.rpartition("_")[2]:
        number = number * 32 + BASE32.index(character)
    return uuid.UUID(int=number)


def test_a_derived_id_is_the_same_every_time() -> None:
    assert ids.derive("fact", AT, "router", "fact_1") == ids.derive("fact", AT, "router", "fact_1")
    assert ids.derive("fact", AT, "router", "fact_1") == "fact_01kjmp1f2kemvth5nj07fvc1f2"


def test_every_part_counts_and_so_does_where_it_ends() -> None:
    made = {
        ids.derive("fact", AT, "ab", "c"),
        ids.derive("fact", AT, "a", "bc"),
        ids.derive("fact", AT, "abc"),
        ids.derive("fact", AT),
        ids.derive("fact", AT + timedelta(milliseconds=1), "abc"),
        ids.derive("lead", AT, "abc").replace("lead_", "fact_"),
    }
    assert len(made) == 6


def test_an_id_is_a_uuid_of_version_7() -> None:
    for identifier in (ids.derive("lead", AT, "x"), ids.draw("lead", AT), ids.draw("lead")):
        number = uuid_of(identifier)
        assert (number.version, number.variant) == (7, uuid.RFC_4122)
    assert uuid_of(ids.draw("lead", AT)).int >> 80 == int(AT.timestamp() * 1000)


def test_the_published_typeid_example_reads_back() -> None:
    assert ids.parse("prefix_01h455vb4pex5vsknk084sn02q", "prefix")
    assert uuid_of("prefix_01h455vb4pex5vsknk084sn02q") == uuid.UUID("01890a5d-ac96-774b-bcce-b302099a8057")


@given(INSTANTS, st.lists(st.text(max_size=10), max_size=4))
def test_an_id_carries_its_instant_to_the_millisecond(at: datetime, parts: list[str]) -> None:
    encodable = [part.encode("utf-8", "replace").decode() for part in parts]
    identifier = ids.derive("lead", at, *encodable)
    assert ids.timestamp_of(identifier) == at - timedelta(microseconds=at.microsecond % 1000)
    assert ids.parse(identifier, "lead") == identifier


@given(INSTANTS, INSTANTS)
def test_ids_sort_by_time(first: datetime, second: datetime) -> None:
    if second - first < timedelta(milliseconds=1):
        return
    assert ids.draw("lead", first) < ids.draw("lead", second)


def test_the_zone_does_not_matter() -> None:
    warsaw = AT.astimezone(timezone(timedelta(hours=1)))
    assert ids.derive("lead", warsaw, "x") == ids.derive("lead", AT, "x")


def test_a_prefix_may_hold_an_underscore() -> None:
    assert ids.parse(ids.draw("my_kind"), "my_kind").startswith("my_kind_")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "lead",
        "lead_",
        "01h455vb4pex5vsknk084sn02q",
        "deal_01h455vb4pex5vsknk084sn02q",
        "lead_01H455VB4PEX5VSKNK084SN02Q",
        "lead_81h455vb4pex5vsknk084sn02q",
        "lead_01h455vb4pex5vsknk084sn02u",
        "lead_01h455vb4pex5vsknk084sn02",
        "lead_01h455vb4pex5vsknk084sn02qq",
        "lead_01h455vb4pex5vsknk084sn02q\n",
        "lead_٠1h455vb4pex5vsknk084sn02q",
    ],
)
def test_what_is_no_id_of_that_kind_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="lead_ and 26 characters"):
        ids.parse(text, "lead")


@pytest.mark.parametrize("prefix", ["", "Lead", "lead1", "_lead", "lead_", "a" * 64])
def test_a_malformed_prefix_is_refused(prefix: str) -> None:
    with pytest.raises(ValueError, match="prefix"):
        ids.draw(prefix)


def test_an_instant_that_names_no_moment_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        ids.derive("lead", datetime(2026, 1, 1))  # noqa: DTZ001 - the missing zone is what is tested
    with pytest.raises(ValueError, match="1970"):
        ids.derive("lead", datetime(1969, 12, 31, tzinfo=UTC))
    with pytest.raises(ValueError, match="lower-case base32"):
        ids.timestamp_of("lead_nothing")
