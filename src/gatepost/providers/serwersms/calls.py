"""How the interface is asked, and how its answers are read."""

from collections.abc import Mapping
from typing import Any

from gatepost.providers.base import Context, Flow, Gateway, Stop, call
from gatepost.providers.kit import answers, requests
from gatepost.providers.kit.refusals import refusal
from gatepost.providers.serwersms.tables import REFUSED
from gatepost.providers.wire import Link, Request, Response
from gatepost.sms.outcomes import Outcome

# Answers repeat every text, and pictures come inside them.
LINK = Link(total_timeout_s=60.0, max_bytes=32 * 1024 * 1024)


def post(gw: Gateway, action: str, body: Mapping[str, Any]) -> Request:
    is_token = gw["auth_mode"] == "token"
    headers = (requests.bearer(gw["api_token"]),) if is_token else ()
    login = {} if is_token else {"username": gw["login"], "password": gw["password"]}
    return requests.post_json(gw.url(f"/{action}.json"), {**login, **body}, headers=headers, link=LINK)


def read(response: Response, ctx: Context) -> tuple[answers.Node, Outcome | None]:
    """The answer, and the refusal in it: errors come with 200."""
    answer = answers.maybe_json(response) or answers.Node({})
    code, words = answer.maybe_text("error", "code"), answer.maybe_text("error", "message")
    if outcome := refusal(response, ctx, REFUSED, code, words):
        return answer, outcome
    return answers.read_json(response), REFUSED.outcome(code, words) if code else None


def ask(gw: Gateway, ctx: Context, action: str, body: Mapping[str, Any], label: str) -> Flow[answers.Node]:
    response: Response = yield call(post(gw, action, body), label)
    answer, outcome = read(response, ctx)
    if outcome:
        raise Stop(outcome)
    return answer
