"""One process that serves any number of simulated accounts on the loopback interface."""

import asyncio
import inspect
import secrets
import signal
from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import partial

import uvloop
from aiohttp import web

from gatepost.simulators import control
from gatepost.simulators.courier import Courier, is_loopback
from gatepost.simulators.engine import Account, LiveAccount
from gatepost.simulators.mailbox import Mailbox
from gatepost.simulators.records import Records
from gatepost.simulators.registry import all_simulators
from gatepost.simulators.spoil import drop, respond, spoil
from gatepost.simulators.wire import Answer, Request, text_answer

MAX_BODY = 64 * 1024 * 1024
STOPS_WITHIN_S = 1.0


class _Listener:
    """A port that can be closed, idle connections included, and opened again where it was."""

    def __init__(
        self, handler: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]], host: str, port: int
    ) -> None:
        self._handler = handler
        self._host = host
        self.port = port
        self._socket: asyncio.Server | None = None

    async def open(self) -> None:
        if self._socket is None:
            self._web = web.Server(self._handler, access_log=None)
            self._socket = await asyncio.get_running_loop().create_server(self._web, self._host, self.port)
            self.port = self._socket.sockets[0].getsockname()[1]

    async def close(self, *, within_s: float) -> None:
        """Refuse connections from now on; requests under way may end within so many seconds."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None
            self._web.pre_shutdown()
            await self._web.shutdown(within_s)


class Server:
    """The accounts under http://HOST:PORT/<name>/..., one of them perhaps at the root too.

    `token` opens the control interface (made up where empty). `root` names the account that also answers at `/`.
    `callback_hosts`: where callbacks may go beside this machine. `patience`: a factor on the pauses of repeats.
    `mailbox`: a mail server that starts and stops with it. Raises ValueError for a host that others could reach, a slug
    without a simulator, or a name given twice.
    """

    def __init__(
        self,
        accounts: Sequence[Account],
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        token: str = "",
        root: str = "",
        callback_hosts: Iterable[str] = (),
        patience: float = 1.0,
        mailbox: Mailbox | None = None,
    ) -> None:
        if not is_loopback(host):
            raise ValueError(f"Simulators take anybody's word: {host} is not on the loopback interface.")
        self.token = token or secrets.token_urlsafe(24)
        self.records = Records()
        self.mailbox = mailbox
        self.courier = Courier(callback_hosts, patience)
        self.accounts = {account.name: self._opened(account) for account in accounts}
        if len(self.accounts) < len(accounts) or control.RESERVED_NAMES & self.accounts.keys():
            raise ValueError(f"Give each account its own name, and none of {sorted(control.RESERVED_NAMES)}.")
        self._root = self.accounts[root] if root else None
        self._host = host
        self._shared = _Listener(self._handle_shared, host, port)
        self._own = {
            name: _Listener(partial(self._handle_own, live), host, live.account.port)
            for name, live in self.accounts.items()
            if live.account.port is not None
        }

    async def start(self) -> None:
        """Listen; raises OSError where a port is taken."""
        await self.courier.start()
        if self.mailbox is not None:
            await self.mailbox.start()
        await self._shared.open()
        for live in self.accounts.values():
            await self.apply(live)

    async def stop(self) -> None:
        for live in self.accounts.values():
            live.stop()
        for listener in (*self._own.values(), self._shared):
            await listener.close(within_s=STOPS_WITHIN_S)
        if self.mailbox is not None:
            await self.mailbox.stop()
        await self.courier.stop()

    async def __aenter__(self) -> "Server":
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    @property
    def url(self) -> str:
        """Where everything is, without a slash at the end."""
        return self._url(self._shared.port)

    def url_of(self, name: str) -> str:
        """Where the account's provider is: on its own port if it has one."""
        return self._url(self._own[name].port) if name in self._own else f"{self.url}/{name}"

    async def apply(self, live: LiveAccount) -> None:
        """Open or close the account's own port as its fault `break` says."""
        listener = self._own.get(live.name)
        if listener is None:
            return
        if live.faults.broken == "refuse":
            await listener.close(within_s=STOPS_WITHIN_S)
        else:
            await listener.open()

    def _opened(self, account: Account) -> LiveAccount:
        simulator = all_simulators().get(account.slug)
        if simulator is None:
            raise ValueError(f"There is no simulator {account.slug!r}. Known: {', '.join(all_simulators())}.")
        return LiveAccount(account, simulator, self.records, self.courier)

    def _url(self, port: int) -> str:
        return f"http://{f'[{self._host}]' if ':' in self._host else self._host}:{port}"

    async def _handle_shared(self, raw: web.BaseRequest) -> web.StreamResponse:
        request = await _read(raw)
        if request is None:
            return respond(text_answer("The body is too long.", 413))
        if request.path.startswith(("/_phone", "/_control")):
            return respond(await control.answer(request, self))
        name, slash, rest = request.path[1:].partition("/")
        if slash and name in self.accounts:
            return await self._serve(self.accounts[name], raw, _at(request, "/" + rest))
        if self._root:
            return await self._serve(self._root, raw, request)
        return respond(text_answer(f"Accounts here: {', '.join(f'/{name}/' for name in self.accounts)}", 404))

    async def _handle_own(self, live: LiveAccount, raw: web.BaseRequest) -> web.StreamResponse:
        request = await _read(raw)
        return await self._serve(live, raw, request) if request else respond(text_answer("The body is too long.", 413))

    async def _serve(self, live: LiveAccount, raw: web.BaseRequest, request: Request) -> web.StreamResponse:
        live.requests += 1
        if live.faults.broken == "503":
            return respond(text_answer("Service Unavailable", 503))
        if live.faults.broken:
            return await drop(raw, Answer(), live.faults)
        found = live.simulator.find(request)
        if found is None:
            return respond(live.simulator.not_found(request))
        route, request = found
        if not route.submits(request):
            return respond(await _resolved(route.handler(request, live)))
        return await self._submit(live, raw, request, route.handler)

    async def _submit(
        self, live: LiveAccount, raw: web.BaseRequest, request: Request, handler: Callable[..., object]
    ) -> web.StreamResponse:
        faults = live.faults
        code = _fault_code(live)
        if code:
            answer = live.simulator.refuse(code, request)
            await asyncio.sleep(faults.delay_ms / 1000)
            return respond(answer)
        spoiling = live.is_spoiling()
        if not spoiling or faults.takes_when_spoilt:
            answer = await _resolved(handler(request, live))
        else:
            answer = Answer()
        if live.early:
            await self.courier.send_early(live)
        if faults.delay_ms:
            await asyncio.sleep(faults.delay_ms / 1000)
        return await spoil(raw, answer, faults, live.simulator) if spoiling else respond(answer)


def run(
    accounts: Sequence[Account],
    host: str = "127.0.0.1",
    port: int = 0,
    *,
    token: str = "",
    root: str = "",
    callback_hosts: Iterable[str] = (),
    patience: float = 1.0,
    mailbox: Mailbox | None = None,
    ready: Callable[[Server], None] | None = None,
) -> None:
    """Serve until SIGINT or SIGTERM; `ready` is called when the ports are open. Arguments and errors as of Server."""

    async def serve() -> None:
        stopped = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stopped.set)
        server = Server(
            accounts,
            host,
            port,
            token=token,
            root=root,
            callback_hosts=callback_hosts,
            patience=patience,
            mailbox=mailbox,
        )
        async with server:
            if ready:
                ready(server)
            await stopped.wait()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve())


async def _resolved(answer: object) -> Answer:
    resolved = await answer if inspect.isawaitable(answer) else answer
    if not isinstance(resolved, Answer):
        raise TypeError(f"A handler answered {type(resolved).__name__}.")
    return resolved


def _fault_code(live: LiveAccount) -> str:
    """The provider's own code that this submit is refused with by a switch, or nothing."""
    if live.is_over_limit():
        return live.simulator.throttled
    if live.faults.refuse:
        return live.faults.refuse
    return live.simulator.failed if live.is_failing() else ""


async def _read(raw: web.BaseRequest) -> Request | None:
    """The request with its whole body, None where that is too long."""
    body = bytearray()
    async for chunk in raw.content.iter_any():
        body += chunk
        if len(body) > MAX_BODY:
            return None
    path, _, query = raw.raw_path.partition("?")
    headers = {name.lower(): value for name, value in raw.headers.items()}
    return Request(raw.method, path, query.encode("utf-8", "surrogateescape"), headers, bytes(body))


def _at(request: Request, path: str) -> Request:
    return Request(request.method, path, request.query, request.headers, request.body)
