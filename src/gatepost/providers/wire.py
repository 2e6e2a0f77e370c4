"""What crosses the wire, as values: requests and responses of ours, callbacks of the providers."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from urllib.parse import parse_qsl

from gatepost.sms.values import quick_dataclass

Headers = tuple[tuple[str, str], ...]
EPOCH = datetime.fromtimestamp(0, UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """A TLS client certificate with its private key, both PEM; never written to disk in the clear."""

    certificate_pem: str = field(repr=False)
    key_pem: str = field(repr=False)
    key_password: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """How to reach the other side, where it differs from the installation's defaults. Times in seconds."""

    verify_tls: bool = True
    ca_pem: str = ""
    identity: Identity | None = None
    proxy_url: str = field(default="", repr=False)
    connect_timeout_s: float = 5.0
    total_timeout_s: float = 30.0
    max_bytes: int = 256 * 1024


@quick_dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request, complete: the URL is already encoded, the body is bytes.

    `sensitive`: secrets that were derived on the way (tokens, signatures, encoded passwords) and must be masked in
    traces besides the gateway's declared secrets. `backup_urls` are tried in order, and only when the host before
    them could not be reached at all. `link` None: as the gateway says.
    """

    method: str
    url: str
    headers: Headers = ()
    body: bytes = b""
    sensitive: tuple[str, ...] = field(default=(), repr=False)
    backup_urls: tuple[str, ...] = ()
    link: Link | None = None

    def __repr__(self) -> str:
        """Where to, and no more: a URL, a header or a body may hold a credential."""
        return f"Request({self.method} {self.url.partition('?')[0].partition('://')[2].partition('/')[0]})"

    def with_headers(self, *headers: tuple[str, str], sensitive: Iterable[str] = ()) -> "Request":
        return replace(self, headers=(*self.headers, *headers), sensitive=(*self.sensitive, *sensitive))


@quick_dataclass(frozen=True, slots=True)
class Response:
    """A complete answer: header names in lower case, body decoded from nothing (identity encoding)."""

    status: int
    headers: Headers = field(default=(), repr=False)
    body: bytes = field(default=b"", repr=False)

    def header(self, name: str) -> str | None:
        return _first(self.headers, name)


@quick_dataclass(frozen=True, slots=True)
class RawCallback:
    """A request that a provider made to us, untouched.

    `kind` is the URL it came to: `receipt`, `inbound`, `media`, `stop`, or `any` for a fixed path that takes several.
    `url` is the public URL as the provider sees it, query included, bytes outside ASCII as latin-1. `tail` is what
    follows our token in the path. `receipt_ref` is the `ref` that we put into the URL ourselves, if any.
    """

    kind: str
    method: str
    url: str
    headers: Headers = ()
    body: bytes = b""
    peer: str = ""
    tail: str = ""
    received_at: datetime = EPOCH

    def header(self, name: str) -> str | None:
        return _first(self.headers, name)

    @property
    def query(self) -> str:
        return self.url.partition("?")[2]

    @property
    def content_type(self) -> str:
        return (self.header("content-type") or "").split(";")[0].strip().lower()

    @property
    def receipt_ref(self) -> str:
        query = self.query
        return dict(parse_qsl(query)).get("ref", "") if "ref=" in query or "%" in query else ""


def _first(headers: Headers, name: str) -> str | None:
    wanted = name.lower()
    return next((value for key, value in headers if key.lower() == wanted), None)
