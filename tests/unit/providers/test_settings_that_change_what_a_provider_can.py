"""What a provider can under some settings, and what it makes of the settings when they are saved."""

from typing import Any

import pytest

from gatepost.providers.fields import FieldError, clean
from gatepost.providers.manifest import Manifest
from gatepost.providers.registry import provider

SMSTRAFFIC = {"login": "a", "password": "b"}
MTS = {"login": "a", "password": "b"}
COMMUNICATOR = {"api": "communicator", "token": "t"}
RAPPORTO = {"url": "http://lk.rapporto.ru:9080/acme", "service_id": "a", "password": "b"}
BATCH = {"api": "rest_batch", "url": "https://lk.rapporto.ru/acme", "api_key": "key1"}


def saved(slug: str, values: dict[str, Any]) -> dict[str, Any]:
    found = provider(slug)
    cleaned, faults = clean(found.manifest.fields, values)
    assert faults == []
    return dict(found.prepare(cleaned)) if found.prepare else cleaned


def manifest_under(slug: str, values: dict[str, Any]) -> Manifest:
    return provider(slug).manifest_for(saved(slug, values))


@pytest.mark.parametrize(("gap_ms", "segments"), [(50, 1500), (200, 1500), (1000, 300), (60_000, 5)])
def test_segments_of_a_request_must_leave_within_five_minutes(gap_ms: int, segments: int) -> None:
    batch = manifest_under("smstraffic", {**SMSTRAFFIC, "gap_ms": gap_ms}).batch
    assert batch is not None
    assert (batch.limit, batch.max_segments) == (500, segments)


@pytest.mark.parametrize(
    ("given", "script", "has_backup"),
    [
        (None, "https://api.smstraffic.ru/multi.php", True),
        ("multi.php", "https://api.smstraffic.ru/multi.php", True),
        ("/multi.php", "https://api.smstraffic.ru/multi.php", True),
        ("https://multi.smstraffic.ru/multi.php", "https://multi.smstraffic.ru/multi.php", True),
        ("https://sds.smstraffic.by/in/multi.php", "https://sds.smstraffic.by/in/multi.php", False),
        ("https://evilsmstraffic.ru/multi.php", "https://evilsmstraffic.ru/multi.php", False),
    ],
)
def test_a_script_may_be_a_path_and_the_backup_belongs_to_one_brand(given: Any, script: str, has_backup: bool) -> None:
    settings = saved("smstraffic", {**SMSTRAFFIC, "script_url": given})
    assert settings["script_url"] == script
    assert bool(settings["backup_url"]) is has_backup


def test_a_script_with_a_login_in_it_is_refused() -> None:
    with pytest.raises(FieldError) as fault:
        saved("smstraffic", {**SMSTRAFFIC, "script_url": "https://a:b@api.smstraffic.ru/multi.php"})
    assert (fault.value.field, fault.value.code) == ("script_url", "credentials_in_url")


def test_messages_are_fetched_only_where_that_was_asked_for() -> None:
    assert manifest_under("smstraffic", SMSTRAFFIC).feeds == ()
    assert manifest_under("smstraffic", {**SMSTRAFFIC, "poll_inbound": True}).feeds[0].name == "inbound"
    assert manifest_under("mts", COMMUNICATOR).feeds == ()
    assert manifest_under("mts", {**COMMUNICATOR, "poll_inbound": True}).inbound_delivery == ("push", "poll")


def test_only_the_interface_with_batches_takes_several_messages() -> None:
    single, several = manifest_under("rapporto", RAPPORTO), manifest_under("rapporto", BATCH)
    assert single.batch is None
    assert single.unprocessed_statuses == (408,)
    assert several.batch is not None
    assert several.batch.limit == 3000
    assert several.sender.is_required
    assert several.dedupe is None
    assert several.unprocessed_statuses == ()


def test_repeats_are_protected_only_after_the_provider_said_so() -> None:
    dedupe = provider("rapporto").manifest.dedupe
    assert dedupe is not None
    assert not dedupe.protects(saved("rapporto", RAPPORTO))
    assert dedupe.protects(saved("rapporto", {**RAPPORTO, "use_partner_msg_id": True}))


def test_each_product_needs_its_own_credentials() -> None:
    assert manifest_under("mts", MTS).inbound == ()
    assert manifest_under("mts", COMMUNICATOR).receipts == ("query",)
    for values in ({}, {"login": "a"}, {"api": "communicator", "login": "a"}, {"token": "t"}):
        with pytest.raises(FieldError, match="is needed"):
            saved("mts", values)


@pytest.mark.parametrize("timezone", ["Mars/Olympus", "../etc/passwd", "/etc/passwd"])
def test_a_time_zone_that_is_not_there_is_refused(timezone: str) -> None:
    with pytest.raises(FieldError) as fault:
        saved("mts", {**MTS, "timezone": timezone})
    assert fault.value.field == "timezone"


def test_messages_of_a_test_are_never_reported_on() -> None:
    account = {"api_token": "t"}
    assert manifest_under("smsapi", account).receipts == ("push", "query")
    assert manifest_under("smsapi", {**account, "test_mode": True}).receipts == ()


def test_a_messaging_service_chooses_the_sender_and_schedules() -> None:
    account = {"account_sid": "AC" + 32 * "0", "auth_token": "t"}
    service = manifest_under("twilio", {**account, "messaging_service_sid": "MG" + 32 * "0"})
    plain = manifest_under("twilio", account)
    assert (plain.sender.is_required, plain.schedules) == (True, False)
    assert (service.sender.is_required, service.schedules) == (False, True)
