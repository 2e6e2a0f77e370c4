"""SMTP through the same door as HTTP: sockets behind the address table, and answers that end in time and in size.

The module tells where the line is: `before_content` is called once per mail, after the server has taken sender and
recipient and before DATA. What fails without having been called was not sent; what fails after it may have arrived.
"""

import smtplib
import socket
import ssl
import time
from collections.abc import Callable, Sequence
from typing import Any, Final, NoReturn

from gatepost.transport.addresses import AllowList, check_address
from gatepost.transport.sockets import NEXT_ADDRESS_S

CONNECT_S: Final = 10.0
EXCHANGE_S: Final = 60.0
"""How long the server may take for a whole mail, and for signing in."""
MAX_REPLY: Final = 64 * 1024
MAX_LINES: Final = 200
MAX_TAKEN: Final = 500
MAX_SAID: Final = 1000
_MASK: Final = "••••"

Said = tuple[str, str]
"""A line of the conversation: `>` what we said or `<` what the server answered, and the words, secrets masked."""


class Session(smtplib.SMTP):
    """One connection. `host` is checked and looked up once: what was checked is what is connected to.

    `said` takes down what is said; `taken` is the answer to the last content. Raises Guarded, OSError and
    SMTPException. `before_content` may raise to stop the mail; nothing of it has left then.
    """

    def __init__(
        self,
        host: str,
        port: int,
        *,
        allow: AllowList,
        context: ssl.SSLContext | None = None,
        local_hostname: str | None = None,
        timeout: float = CONNECT_S,
        said: list[Said] | None = None,
    ) -> None:
        self.before_content: Callable[[], None] | None = None
        self.taken = ("", "")
        self._said = said
        self._allow = allow
        self._tls_from_the_start = context
        self._received = b""
        self._is_secret = False
        self.give(CONNECT_S + timeout)
        super().__init__(host, port, local_hostname=local_hostname, timeout=timeout)

    def give(self, seconds: float) -> None:
        """Whatever comes next has that long altogether."""
        self._until = time.monotonic() + seconds

    def getreply(self) -> tuple[int, bytes]:
        """The code and the words of an answer; -1 for what is none. Raises SMTPServerDisconnected."""
        lines: list[bytes] = []
        while True:
            line = self._line()
            lines.append(line[4:].strip())
            if not line[:3].isdigit() or line[3:4] != b"-":
                break
            if len(lines) >= MAX_LINES:
                self._give_up("the answer does not end")
        words = b"\n".join(lines)
        code = int(line[:3]) if line[:3].isdigit() else -1
        self._note("<", f"{code} {words.decode('utf-8', 'replace')}" if code >= 0 else "no SMTP answer")
        return code, words

    def putcmd(self, cmd: str, args: str = "") -> None:
        self._note(">", _MASK if self._is_secret else f"{cmd} {args}".strip())
        super().putcmd(cmd, args)

    def login(self, user: str, password: str, *, initial_response_ok: bool = True) -> tuple[int, bytes]:
        self.ehlo_or_helo_if_needed()
        self._note(">", "AUTH")
        self._is_secret = True
        try:
            return super().login(user, password, initial_response_ok=initial_response_ok)
        finally:
            self._is_secret = False

    def starttls(self, *, context: ssl.SSLContext | None = None) -> tuple[int, bytes]:  # type: ignore[override]
        answer = super().starttls(context=context)
        if self._received:
            # Whoever sits on the line in the clear may have put words into the server's mouth.
            self._give_up("the server spoke before TLS was there")
        return answer

    def data(self, msg: Any) -> tuple[int, bytes]:
        if self.before_content is not None:
            self.before_content()
        code, words = super().data(msg)
        self.taken = (str(code), words.decode("utf-8", "replace")[:MAX_TAKEN])
        return code, words

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        addresses = list(dict.fromkeys((family, str(address[0])) for family, _, _, _, address in found))
        for _, ip in addresses:
            check_address(ip, port, host, self._allow)
        plain = _connected(addresses, port, timeout)
        if self._tls_from_the_start is None:
            return plain
        try:
            return self._tls_from_the_start.wrap_socket(plain, server_hostname=host)
        except BaseException:
            plain.close()
            raise

    def _line(self) -> bytes:
        while b"\n" not in self._received:
            left = self._until - time.monotonic()
            if left <= 0 or self.sock is None:
                self._give_up("no answer in time" if self.sock else "the connection is closed")
            if len(self._received) > MAX_REPLY:
                self._give_up("the answer does not end")
            try:
                self.sock.settimeout(left)
                chunk = self.sock.recv(4096)
            except TimeoutError:
                self._give_up("no answer in time")
            except OSError as error:
                self._give_up(error.strerror or type(error).__name__)
            if not chunk:
                self._give_up("the server closed the connection")
            self._received += chunk
        line, _, self._received = self._received.partition(b"\n")
        return line

    def _note(self, who: str, words: str) -> None:
        if self._said is not None:
            self._said.append((who, words[:MAX_SAID]))

    def _give_up(self, words: str) -> NoReturn:
        self.close()
        self._note("<", words)
        raise smtplib.SMTPServerDisconnected(words)


def _connected(addresses: Sequence[tuple[socket.AddressFamily, str]], port: int, timeout: float) -> socket.socket:
    """A socket to the first of these that answers; those before the last one get less time."""
    failure = OSError("the name has no address")
    for position, (family, ip) in enumerate(addresses, 1):
        is_last = position == len(addresses)
        candidate = socket.socket(family, socket.SOCK_STREAM)
        try:
            candidate.settimeout(timeout if is_last else min(timeout, NEXT_ADDRESS_S * 8))
            candidate.connect((ip, port))
        except OSError as error:
            candidate.close()
            failure = error
        else:
            candidate.settimeout(timeout)
            return candidate
    raise failure
