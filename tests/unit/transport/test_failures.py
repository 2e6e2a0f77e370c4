"""On which side of "bytes left" an alert about our certificate falls."""

import ssl

import aiohttp
import pytest

from gatepost.transport.egress import Cause, Failure
from gatepost.transport.failures import CERTIFICATE_ALERTS, failure_of


def lost_by(reason: str) -> aiohttp.ClientOSError:
    alert = ssl.SSLError(1, "alert")
    alert.reason = reason
    fault = aiohttp.ClientOSError(1, "alert")
    fault.__cause__ = alert
    return fault


@pytest.mark.parametrize("reason", sorted(CERTIFICATE_ALERTS))
def test_only_before_the_handshake_is_complete_does_an_alert_prove_anything(reason: str) -> None:
    fault = lost_by(reason)
    refused = Failure(Cause.TLS, False, "the other side refuses our client certificate")
    assert failure_of(fault, is_crossed=False) == refused
    assert failure_of(fault, is_crossed=True, is_first_tls13=True) == refused
    later = failure_of(fault, is_crossed=True, is_first_tls13=False)
    assert (later.cause, later.is_sent) == (Cause.LOST, True)


def test_any_other_alert_after_the_write_proves_nothing() -> None:
    fault = lost_by("TLSV1_ALERT_INTERNAL_ERROR")
    failure = failure_of(fault, is_crossed=True, is_first_tls13=True)
    assert (failure.cause, failure.is_sent) == (Cause.LOST, True)


@pytest.mark.parametrize("fault", [RuntimeError("tok-secret-1"), KeyError("x")])
def test_what_nobody_expected_is_a_fault_without_its_text(fault: Exception) -> None:
    assert failure_of(fault, is_crossed=True) == Failure(Cause.FAULT, True, "")
    assert failure_of(fault, is_crossed=False) == Failure(Cause.FAULT, False, "")
