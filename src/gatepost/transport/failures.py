"""What was raised, as a failure on the right side of "bytes left"."""

import ssl
from collections.abc import Callable

import structlog

from gatepost.transport.addresses import Guarded
from gatepost.transport.egress import Cause, Failure

log = structlog.get_logger(__name__)

Table = tuple[tuple[type[BaseException], Cause], ...]

BEFORE: Table = (
    (TimeoutError, Cause.DEADLINE),
    (ssl.SSLError, Cause.TLS),
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

AFTER: Table = (
    (TimeoutError, Cause.TIMEOUT),
    (OSError, Cause.LOST),
)
"""What failed once bytes may have left, the first that fits."""


def no_words(_: BaseException) -> str:
    """Nothing to add to what the system said."""
    return ""


def failure_of(
    fault: Exception,
    *,
    is_crossed: bool,
    is_first_tls13: bool = False,
    before: Table = BEFORE,
    after: Table = AFTER,
    words_of: Callable[[BaseException], str] = no_words,
) -> Failure:
    """`is_crossed`: whether the line was crossed, so that bytes may have left. `is_first_tls13`: over TLS 1.3, by the
    first request of its connection. `words_of`: what a library's exception says, if it says anything.

    In TLS 1.3 a server's verdict on our certificate comes after our handshake is complete, maybe after the request was
    written. But the server reads no request before its own handshake is complete, so nothing was processed.
    """
    chain = _chain(fault)
    guarded = next((link for link in chain if isinstance(link, Guarded)), None)
    if guarded is not None and not is_crossed:
        return Failure(Cause.GUARD, False, str(guarded))
    rejection = next((link for link in chain if isinstance(link, ssl.SSLError) and _rejects_certificate(link)), None)
    if rejection is not None and (is_first_tls13 or not is_crossed):
        return Failure(Cause.TLS, False, "the other side refuses our client certificate")
    cause = next((cause for kind, cause in (after if is_crossed else before) if isinstance(fault, kind)), Cause.FAULT)
    if cause is Cause.FAULT:
        log.error("transport_fault", error=type(fault).__name__, is_sent=is_crossed)
    return Failure(cause, is_crossed, _words(chain, words_of))


def _chain(fault: BaseException) -> list[BaseException]:
    chain: list[BaseException] = []
    following: BaseException | None = fault
    while following is not None and following not in chain:
        chain.append(following)
        following = following.__cause__ or following.__context__
    return chain


def _rejects_certificate(fault: ssl.SSLError) -> bool:
    return getattr(fault, "reason", None) in CERTIFICATE_ALERTS


def _words(chain: list[BaseException], words_of: Callable[[BaseException], str]) -> str:
    """What the system said, without the library's sentences: those may quote URLs."""
    for fault in chain:
        if complaint := getattr(fault, "verify_message", None):
            return f"the other side's certificate is not valid: {complaint}"
        if isinstance(fault, ssl.SSLError) and (reason := getattr(fault, "reason", None)):
            return str(reason).replace("_", " ").lower()
        if words := words_of(fault):
            return words
    return next((fault.strerror for fault in chain if isinstance(fault, OSError) and fault.strerror), "")
