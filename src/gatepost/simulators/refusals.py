"""How a simulator says no: what it checks raises Refusal, and one place puts that into the provider's words."""

from collections.abc import Callable

from gatepost.simulators.engine import LiveAccount
from gatepost.simulators.wire import Answer, Request

Handle = Callable[[Request, LiveAccount], Answer]


class Refusal(Exception):
    """`code`: the provider's, or the simulator's name for one where its protocols have several."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def refusing(refuse: Callable[[str, Request], Answer]) -> Callable[[Handle], Handle]:
    """Wraps what answers a route: its Refusal becomes `refuse(code, request)`."""

    def wrap(handle: Handle) -> Handle:
        def guarded(request: Request, live: LiveAccount) -> Answer:
            try:
                return handle(request, live)
            except Refusal as refusal:
                return refuse(refusal.code, request)

        return guarded

    return wrap
