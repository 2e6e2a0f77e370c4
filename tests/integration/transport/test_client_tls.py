"""TLS: who is trusted, who we are, and that no private key is ever readable on disk."""

import os
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path

import pytest
import trustme
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from tests.integration.transport.clients import Make
from tests.integration.transport.hostile_server import HostileServer, always, answer, then_close

from gatepost.providers.wire import Identity, Link, Request
from gatepost.transport import tls
from gatepost.transport.addresses import parse_allow_list
from gatepost.transport.client import Client
from gatepost.transport.egress import Cause, Failure, Reply

CA = trustme.CA()
OTHER_CA = trustme.CA()
CA_PEM = CA.cert_pem.bytes().decode()


def server_context(issuer: trustme.CA = CA, *names: str, expects_client: bool = False) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    issuer.issue_cert(*(names or ("127.0.0.1",))).configure_cert(context)
    if expects_client:
        context.verify_mode = ssl.CERT_REQUIRED
        CA.configure_trust(context)
    return context


def identity(issuer: trustme.CA = CA, password: str = "", form: PrivateFormat = PrivateFormat.PKCS8) -> Identity:
    issued = issuer.issue_cert("client@gatepost.example")
    key = load_pem_private_key(issued.private_key_pem.bytes(), None)
    encryption = BestAvailableEncryption(password.encode()) if password else NoEncryption()
    return Identity(
        certificate_pem="".join(blob.bytes().decode() for blob in issued.cert_chain_pems),
        key_pem=key.private_bytes(Encoding.PEM, form, encryption).decode(),
        key_password=password,
    )


def failure_of(reply: Reply) -> Failure:
    assert reply.failure is not None
    return reply.failure


async def test_a_private_ca_is_trusted_where_it_is_named(client: Client) -> None:
    async with HostileServer(always(answer(b"secure")), server_context()) as server:
        named = await client.exchange(Request("GET", server.url(), link=Link(ca_pem=CA_PEM)))
        public = failure_of(await client.exchange(Request("GET", server.url())))
        other = failure_of(
            await client.exchange(Request("GET", server.url(), link=Link(ca_pem=OTHER_CA.cert_pem.bytes().decode())))
        )
    assert named.response is not None
    assert named.response.body == b"secure"
    assert {(f.cause, f.is_sent) for f in (public, other)} == {(Cause.TLS, False)}
    assert "certificate is not valid" in public.words
    assert len(server.requests) == 1


async def test_the_name_in_the_certificate_counts(client: Client) -> None:
    async with HostileServer(always(answer()), server_context(CA, "other.example")) as server:
        failure = failure_of(await client.exchange(Request("POST", server.url(), link=Link(ca_pem=CA_PEM))))
    assert (failure.cause, failure.is_sent) == (Cause.TLS, False)
    assert server.requests == []


async def test_the_name_that_was_asked_for_is_checked_not_the_address(make: Make) -> None:
    async def lookup(host: str, port: int) -> list[str]:
        return ["127.0.0.1"]

    async with (
        HostileServer(always(answer()), server_context(CA, "sms.example")) as server,
        make(parse_allow_list(["127.0.0.0/8"]), lookup=lookup) as client,
    ):
        link = Link(ca_pem=CA_PEM)
        right = await client.exchange(Request("GET", f"https://sms.example:{server.port}/", link=link))
        wrong = await client.exchange(Request("GET", f"https://other.example:{server.port}/", link=link))
    assert right.response is not None
    assert failure_of(wrong).cause is Cause.TLS


async def test_verification_can_be_switched_off_for_one_link_only(client: Client) -> None:
    async with HostileServer(always(answer()), server_context(OTHER_CA, "x.example")) as server:
        lax = await client.exchange(Request("GET", server.url(), link=Link(verify_tls=False)))
        strict = await client.exchange(Request("GET", server.url()))
    assert lax.response is not None
    assert failure_of(strict).cause is Cause.TLS


async def test_a_server_that_speaks_no_tls_is_not_sent_to(client: Client) -> None:
    async with HostileServer(then_close(answer())) as server:
        url = server.url().replace("http:", "https:")
        failure = failure_of(await client.exchange(Request("POST", url, (), b"x", link=Link(connect_timeout_s=1))))
    assert failure.is_sent is False
    assert failure.cause in (Cause.TLS, Cause.CONNECT, Cause.CONNECT_TIMEOUT)
    assert server.requests == []


@pytest.mark.parametrize("password", ["", "pass wörd"])
@pytest.mark.parametrize("form", [PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL])
async def test_a_client_certificate_is_presented(client: Client, password: str, form: PrivateFormat) -> None:
    link = Link(ca_pem=CA_PEM, identity=identity(password=password, form=form))
    async with HostileServer(always(answer()), server_context(expects_client=True)) as server:
        for _ in range(2):
            reply = await client.exchange(Request("GET", server.url(), link=link))
            assert reply.response is not None, reply.failure
    assert server.connections == 1


@pytest.fixture
def strict_server() -> Iterator[Callable[[ssl.TLSVersion], tuple[int, list[bytes]]]]:
    """A blocking server that wants a client certificate and says so with an alert, which asyncio's servers do not."""
    with socket.create_server(("127.0.0.1", 0)) as listener, ExitStack() as threads:
        requests: list[bytes] = []

        def serve(context: ssl.SSLContext) -> None:
            connection, _ = listener.accept()
            connection.settimeout(5)
            secured = context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
            try:
                secured.do_handshake()
                requests.append(secured.recv(1000))
                secured.sendall(answer())
            except ssl.SSLError:
                # Closing with unread bytes would reset the connection and overtake the alert.
                with socket.socket(fileno=secured.detach()) as plain, suppress(OSError):
                    plain.settimeout(5)
                    while plain.recv(1000):
                        pass
            secured.close()

        def start(version: ssl.TLSVersion) -> tuple[int, list[bytes]]:
            context = server_context(expects_client=True)
            context.maximum_version = version
            thread = threading.Thread(target=serve, args=(context,))
            thread.start()
            threads.callback(thread.join)
            return listener.getsockname()[1], requests

        yield start


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("who", [None, identity(OTHER_CA)], ids=["nobody", "a stranger"])
async def test_a_refused_client_certificate_is_not_sent(
    client: Client,
    strict_server: Callable[[ssl.TLSVersion], tuple[int, list[bytes]]],
    version: ssl.TLSVersion,
    who: Identity | None,
) -> None:
    port, requests = strict_server(version)
    link = Link(ca_pem=CA_PEM, identity=who)
    failure = failure_of(await client.exchange(Request("POST", f"https://127.0.0.1:{port}/", (), b"x", link=link)))
    assert (failure.cause, failure.is_sent) == (Cause.TLS, False), failure
    assert requests == []


async def test_a_server_that_hangs_up_over_the_certificate_without_a_word_leaves_it_unknown(client: Client) -> None:
    """In TLS 1.3 that cannot be told from a crash after the request was read."""
    async with HostileServer(always(answer()), server_context(expects_client=True)) as server:
        failure = failure_of(await client.exchange(Request("POST", server.url(), link=Link(ca_pem=CA_PEM))))
    assert (failure.cause, failure.is_sent) == (Cause.LOST, True)


LOCKED = identity(password="right")
BROKEN = [
    (Identity(certificate_pem="nonsense", key_pem=identity().key_pem), "cannot be read or does not belong"),
    (Identity(certificate_pem=identity().certificate_pem, key_pem="nonsense"), "cannot be read"),
    (Identity(certificate_pem=identity().certificate_pem, key_pem=identity().key_pem), "does not belong"),
    (replace(LOCKED, key_password="wrong"), "is its password right"),
    (replace(LOCKED, key_password=""), "needs a password"),
]


@pytest.mark.parametrize(("broken", "words"), BROKEN)
async def test_an_identity_that_cannot_be_used_is_told_without_quoting_it(
    client: Client, broken: Identity, words: str
) -> None:
    async with HostileServer(always(answer()), server_context()) as server:
        link = Link(ca_pem=CA_PEM, identity=broken)
        failure = failure_of(await client.exchange(Request("GET", server.url(), link=link)))
    assert (failure.cause, failure.is_sent) == (Cause.TLS, False)
    assert words in failure.words
    assert "PRIVATE KEY" not in failure.words
    assert server.connections == 0


async def test_a_broken_private_ca_is_told(client: Client) -> None:
    failure = failure_of(await client.exchange(Request("GET", "https://127.0.0.1:1/", link=Link(ca_pem="nonsense"))))
    assert failure.cause is Cause.TLS
    assert "private CA" in failure.words


@pytest.fixture
def files_written(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[str, bytes]]]:
    """What OpenSSL was given to read: the path and its content at that moment."""
    seen: list[tuple[str, bytes]] = []
    load = ssl.SSLContext.load_cert_chain

    def recorded(self: ssl.SSLContext, certfile: str, *args: object, **kw: object) -> None:
        seen.append((os.path.realpath(certfile), Path(certfile).read_bytes()))
        load(self, certfile, *args, **kw)  # type: ignore[arg-type]

    monkeypatch.setattr(tls.ssl.SSLContext, "load_cert_chain", recorded)
    return seen


@pytest.mark.parametrize("has_memfd", [True, False])
def test_the_key_is_never_in_a_named_file_and_never_in_the_clear(
    monkeypatch: pytest.MonkeyPatch, files_written: list[tuple[str, bytes]], tmp_path: Path, has_memfd: bool
) -> None:
    monkeypatch.setattr(tls.tempfile, "tempdir", str(tmp_path))
    if not has_memfd:
        monkeypatch.delattr(os, "memfd_create")
    mine = identity()
    tls.TlsContexts().context_for(Link(identity=mine))
    ((path, content),) = files_written
    assert "(deleted)" in path or path.startswith("/memfd:")
    assert b"ENCRYPTED PRIVATE KEY" in content
    secret_line = mine.key_pem.splitlines()[1].encode()
    assert secret_line not in content
    assert list(tmp_path.iterdir()) == []


def test_contexts_are_built_once_per_link() -> None:
    contexts = tls.TlsContexts()
    mine = identity()
    link = Link(identity=mine, ca_pem=CA_PEM)
    assert contexts.context_for(link) is contexts.context_for(Link(identity=mine, ca_pem=CA_PEM, total_timeout_s=9))
    assert contexts.context_for(link) is not contexts.context_for(Link(ca_pem=CA_PEM))
    assert contexts.context_for(Link()) is contexts.context_for(Link(max_bytes=7))
    assert contexts.context_for(Link()) is not contexts.context_for(Link(verify_tls=False))
    assert mine.key_pem.encode() not in repr(contexts._contexts).encode()


def test_the_number_of_contexts_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tls, "LIMIT", 3)
    contexts = tls.TlsContexts()
    for _ in range(5):
        contexts.context_for(Link(ca_pem=trustme.CA().cert_pem.bytes().decode()))
    assert len(contexts._contexts) == 3
