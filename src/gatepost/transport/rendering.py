"""The request of a submit, made once more for those who want to see it: adapters are pure, so none has to be kept."""

from typing import Any

from gatepost.providers.base import Batch, Cached, Context, Forget, Gateway, Send
from gatepost.providers.registry import Provider
from gatepost.providers.wire import Request
from gatepost.transport.egress import Reply
from gatepost.transport.masking import HIDDEN
from gatepost.transport.traces import Exchange, Secrets, Trace

MAX_STEPS = 20


def rendered(provider: Provider, batch: Batch, gateway: Gateway, ctx: Context) -> Trace | None:
    """The `Send` of this batch without its secrets, as it would leave now; nothing is asked of anybody.

    What an adapter keeps between requests (a token, a cookie) is hidden anyway. None where the request cannot be made
    without an answer that the provider gives first.
    """
    try:
        request = _send_of(provider, batch, gateway, ctx)
    except Exception:
        # An adapter that computes with what the provider told it stumbles over the stand-in.
        return None
    if request is None:
        return None
    secrets = Secrets(gateway.settings.get(name) for name in provider.manifest.secret_names)
    secrets.add(*request.sensitive)
    reply = Reply(None, None, request.url, 0.0, 0.0)
    return Exchange("Send", True, ctx.now, request, reply, secrets).trace()


def _send_of(provider: Provider, batch: Batch, gateway: Gateway, ctx: Context) -> Request | None:
    flow = provider.submit(batch, gateway, ctx)
    brought: Any = None
    try:
        for _ in range(MAX_STEPS):
            match flow.send(brought):
                case Send(request):
                    return request
                case Cached():
                    brought = HIDDEN
                case Forget():
                    brought = None
                case _:
                    return None
        return None
    except StopIteration:
        return None
    finally:
        flow.close()
