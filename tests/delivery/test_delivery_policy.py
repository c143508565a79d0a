from __future__ import annotations

import base64
import ipaddress
from datetime import UTC, datetime

import pytest
from hypothesis import given, strategies
from standardwebhooks import Webhook

from leadway.delivery.policy import (
    Answered,
    Delivered,
    EndpointTrouble,
    Gone,
    MessageRefused,
    Retries,
    Unanswered,
    endpoint_secret,
    judge,
    message_delay_seconds,
    message_id,
    pause_seconds,
    refusal_of,
    retry_after_seconds,
    show_secret,
    signature,
    url_fault,
)

LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128"))
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


class TestSigning:
    def test_the_published_vector(self) -> None:
        secret = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
        signed = signature(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
        assert signed == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="

    @given(body=strategies.binary(max_size=200).map(lambda raw: b'"' + raw.hex().encode() + b'"'))
    def test_an_independent_verifier_accepts_it(self, body: bytes) -> None:
        secret = endpoint_secret(b"k" * 32, "end_1", 1)
        stamp = int(datetime.now(UTC).timestamp())
        headers = {
            "webhook-id": "msg_1",
            "webhook-timestamp": str(stamp),
            "webhook-signature": signature(secret, "msg_1", stamp, body),
        }
        Webhook(show_secret(secret)).verify(body, headers)

    def test_a_secret_follows_from_key_endpoint_and_generation_alone(self) -> None:
        first = endpoint_secret(b"k" * 32, "end_1", 1)
        assert first == endpoint_secret(b"k" * 32, "end_1", 1)
        others = [
            endpoint_secret(b"k" * 32, "end_1", 2),
            endpoint_secret(b"k" * 32, "end_2", 1),
            endpoint_secret(b"l" * 32, "end_1", 1),
        ]
        assert len({first, *others}) == 4

    def test_a_message_keeps_its_id(self) -> None:
        assert message_id("fact_1", NOW, "end_1") == message_id("fact_1", NOW, "end_1")
        assert message_id("fact_1", NOW, "end_1") != message_id("fact_1", NOW, "end_2")


class TestVerdicts:
    @pytest.mark.parametrize("status", [200, 201, 204, 299])
    def test_2xx_is_success(self, status: int) -> None:
        assert judge(Answered(status)) == Delivered(status)

    @pytest.mark.parametrize("status", [301, 304, 400, 401, 404, 422])
    def test_a_redirect_and_a_refusal_use_up_the_message(self, status: int) -> None:
        assert judge(Answered(status)) == MessageRefused(status)

    def test_410_is_the_end_of_the_endpoint(self) -> None:
        assert judge(Answered(410)) == Gone()

    def test_trouble_is_the_endpoints(self) -> None:
        assert judge(Answered(500)) == EndpointTrouble("http-500", 500)
        assert judge(Answered(408)) == EndpointTrouble("http-408", 408)
        assert judge(Unanswered("timeout")) == EndpointTrouble("timeout")

    def test_retry_after_is_heeded_where_it_has_a_meaning(self) -> None:
        assert judge(Answered(429, 7)) == EndpointTrouble("http-429", 429, 7)
        assert judge(Answered(503, 7)) == EndpointTrouble("http-503", 503, 7)
        assert judge(Answered(500, 7)) == EndpointTrouble("http-500", 500)


class TestSchedule:
    def test_a_refused_message_is_tried_for_days_and_then_given_up(self) -> None:
        retries = Retries()
        delays = [message_delay_seconds(retries, attempt, 0.5) for attempt in range(1, 11)]
        assert delays[0] == pytest.approx(5)
        assert delays[-1] is None
        assert sum(delay for delay in delays if delay) > 3 * 86_400

    @given(attempts=strategies.integers(1, 9), jitter=strategies.floats(0, 1, exclude_max=True))
    def test_jitter_spreads_by_a_fifth_at_most(self, attempts: int, jitter: float) -> None:
        exact = Retries().message_delays[attempts - 1]
        delay = message_delay_seconds(Retries(), attempts, jitter)
        assert delay is not None
        assert exact * 0.79 < delay < exact * 1.21

    @given(troubles=strategies.integers(1, 10**6), jitter=strategies.floats(0, 1, exclude_max=True))
    def test_an_endpoint_never_rests_longer_than_the_bound(self, troubles: int, jitter: float) -> None:
        assert pause_seconds(Retries(), troubles, jitter, 10.0**9) <= 3600 * 1.2

    def test_retry_after_prolongs_a_rest(self) -> None:
        assert pause_seconds(Retries(), 1, 0.5, 42) == 42

    @pytest.mark.parametrize(
        ("header", "seconds"),
        [
            ("120", 120),
            (" 3 ", 3),
            ("Sun, 01 Mar 2026 12:00:30 GMT", 30),
            ("Sun, 01 Mar 2026 11:00:00 GMT", 0),
            ("soon", None),
            ("-5", None),
            (None, None),
        ],
    )
    def test_retry_after_comes_in_two_forms(self, header: str | None, seconds: float | None) -> None:
        assert retry_after_seconds(header, NOW) == seconds


class TestAddresses:
    @pytest.mark.parametrize(
        "address",
        [
            "127.0.0.1",
            "10.1.2.3",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",  # noqa: S104 it is refused
            "224.0.0.1",
            "255.255.255.255",
            "192.88.99.1",
            "::1",
            "::",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "64:ff9b::7f00:1",
            "2002:7f00:1::",
            "2001::1",
            "fec0::1",
            "fe80::1%eth0",
            "3fff::1",
            "fd00:ec2::254",
            "ff02::1",
            "not an address",
        ],
    )
    def test_what_is_not_public_is_refused(self, address: str) -> None:
        assert refusal_of(address, ()) is not None

    @pytest.mark.parametrize("address", ["93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c", "::ffff:8.8.8.8"])
    def test_public_addresses_pass(self, address: str) -> None:
        assert refusal_of(address, ()) is None

    def test_settings_allow_what_they_name_and_no_more(self) -> None:
        assert refusal_of("127.0.0.1", LOOPBACK) is None
        assert refusal_of("::ffff:127.0.0.1", LOOPBACK) is None
        assert refusal_of("10.0.0.1", LOOPBACK) is not None

    @pytest.mark.parametrize(
        "url",
        [
            "ftp://example.com/",
            "https:///path",
            "https://user:word@example.com/",
            "https://example.com/#part",
            "https://example.com:0/",
            "https://example.com:99999/",
            "https://exa mple.com/",
            "http://example.com/",
            "https://10.0.0.1/",
            "https://[::ffff:10.0.0.1]/",
            "https://exämple.com/",
            "nonsense",
        ],
    )
    def test_a_bad_url_is_refused(self, url: str) -> None:
        assert url_fault(url, LOOPBACK) is not None

    def test_good_urls_pass(self) -> None:
        assert url_fault("https://example.com:8443/hooks?x=1", ()) is None
        assert url_fault("http://127.0.0.1:9000/hook", LOOPBACK) is None
        assert url_fault("http://localhost:9000/hook", LOOPBACK) is None
        assert url_fault("http://localhost:9000/hook", ()) is not None
