"""What the library raised, as a failure on the right side of "bytes left"."""

import ssl

import aiohttp
import structlog

from gatepost.transport.addresses import Guarded
from gatepost.transport.egress import Cause, Failure

log = structlog.get_logger(__name__)

BEFORE: tuple[tuple[type[Exception], Cause], ...] = (
    (aiohttp.ConnectionTimeoutError, Cause.CONNECT_TIMEOUT),
    (TimeoutError, Cause.DEADLINE),
    (aiohttp.ClientConnectorDNSError, Cause.DNS),
    (aiohttp.ClientConnectorCertificateError, Cause.TLS),
    (aiohttp.ClientSSLError, Cause.TLS),
    (ssl.SSLError, Cause.TLS),
    (aiohttp.ClientHttpProxyError, Cause.PROXY),
    (aiohttp.ClientProxyConnectionError, Cause.CONNECT),
    (aiohttp.ClientConnectionError, Cause.CONNECT),
    (aiohttp.ClientResponseError, Cause.PROXY),
    (ValueError, Cause.BAD_REQUEST),
    (OSError, Cause.CONNECT),
)
"""What failed while nothing was written, the first that fits."""

CERTIFICATE_ALERTS = frozenset(
    {
        "SSLV3_ALERT_BAD_CERTIFICATE",
        "SSLV3_ALERT_CERTIFICATE_EXPIRED",
        "SSLV3_ALERT_CERTIFICATE_REVOKED",
        "SSLV3_ALERT_CERTIFICATE_UNKNOWN",
        "SSLV3_ALERT_UNSUPPORTED_CERTIFICATE",
        "TLSV1_ALERT_UNKNOWN_CA",
        "TLSV13_ALERT_CERTIFICATE_REQUIRED",
    }
)
"""OpenSSL's names for the alerts by which a server refuses a client certificate."""

AFTER: tuple[tuple[type[Exception], Cause], ...] = (
    (TimeoutError, Cause.TIMEOUT),
    (aiohttp.ClientPayloadError, Cause.CUT_OFF),
    (aiohttp.ClientConnectionError, Cause.LOST),
    (aiohttp.ClientResponseError, Cause.NOT_HTTP),
    (OSError, Cause.LOST),
)
"""What failed once bytes may have left, the first that fits."""


def failure_of(fault: Exception, *, is_open: bool, is_first_tls13: bool = False) -> Failure:
    """`is_open`: whether the gate had opened, so that bytes may have left. `is_first_tls13`: over TLS 1.3, by the
    first request of its connection.

    In TLS 1.3 a server's verdict on our certificate comes after our handshake is complete, maybe after the request was
    written. But the server reads no request before its own handshake is complete, so nothing was processed.
    """
    chain = _chain(fault)
    guarded = next((link for link in chain if isinstance(link, Guarded)), None)
    if guarded is not None and not is_open:
        return Failure(Cause.GUARD, False, str(guarded))
    rejection = next((link for link in chain if isinstance(link, ssl.SSLError) and _rejects_certificate(link)), None)
    if rejection is not None and (is_first_tls13 or not is_open):
        return Failure(Cause.TLS, False, "the other side refuses our client certificate")
    table = AFTER if is_open else BEFORE
    cause = next((cause for kind, cause in table if isinstance(fault, kind)), Cause.FAULT)
    if cause is Cause.FAULT:
        log.error("transport_fault", error=type(fault).__name__, is_sent=is_open)
    return Failure(cause, is_open, _words(chain))


def _chain(fault: BaseException) -> list[BaseException]:
    chain: list[BaseException] = []
    following: BaseException | None = fault
    while following is not None and following not in chain:
        chain.append(following)
        following = following.__cause__ or following.__context__
    return chain


def _rejects_certificate(fault: ssl.SSLError) -> bool:
    return getattr(fault, "reason", None) in CERTIFICATE_ALERTS


def _words(chain: list[BaseException]) -> str:
    """What the system said, without the library's sentences: those may quote URLs."""
    for fault in chain:
        if complaint := getattr(fault, "verify_message", None):
            return f"the other side's certificate is not valid: {complaint}"
        if isinstance(fault, ssl.SSLError) and (reason := getattr(fault, "reason", None)):
            return str(reason).replace("_", " ").lower()
        if isinstance(fault, aiohttp.ClientHttpProxyError):
            return f"the proxy answered {fault.status}"
    return next((fault.strerror for fault in chain if isinstance(fault, OSError) and fault.strerror), "")
