"""A sign-in that has been fetched before is renewed once when it is refused."""

import pytest
from tests.unit.providers.test_http_template import settings

from gatepost.providers import generic_http
from gatepost.providers.base import Batch, Cached, Context, Gateway, Message, Renew, Send
from gatepost.providers.kit.http_template.sending import SAMPLE_CONTEXT
from gatepost.providers.wire import Response
from gatepost.sms.outcomes import Refusal

CHALLENGE = 'Digest realm="r", nonce="old", qop="auth"'


@pytest.mark.parametrize(
    ("auth", "cached", "value"),
    [("login_token", "token", "t-1"), ("oauth2_client", "token", "t-1"), ("digest", "digest", CHALLENGE)],
)
def test_a_refused_value_is_renewed(auth: str, cached: str, value: str) -> None:
    kept = settings(body="t={{text}}", auth=auth, token_url="https://x.example/token", username="u", password="p")
    batch = Batch((Message("r", "48600100200", "Hi"),))
    flow = generic_http.submit(batch, Gateway("generic_http", kept), Context(SAMPLE_CONTEXT.now, "n1"))
    step = next(flow)
    assert isinstance(step, Cached)
    assert step.name == cached
    sent = flow.send(value)
    assert isinstance(sent, Send)
    assert any(name == "authorization" for name, _ in sent.request.headers)
    with pytest.raises(Renew) as renewal:
        flow.send(Response(401, (), b"stale"))
    assert renewal.value.name == cached
    assert renewal.value.otherwise.refusal is Refusal.AUTH
