"""What an answer outside 2xx means, by the provider's own codes and else by what HTTP says."""

from dataclasses import replace

from gatepost.providers.base import Context, MalformedAnswer
from gatepost.providers.kit.answers import retry_after
from gatepost.providers.kit.tables import THROTTLED, Refused
from gatepost.providers.wire import Response
from gatepost.sms.outcomes import Outcome, Refusal

HTTP_SAYS = Refused(
    {
        401: (Refusal.AUTH, "Not authorised"),
        402: (Refusal.NO_CREDIT, "Payment required"),
        403: (Refusal.CONFIG, "Forbidden"),
        404: (Refusal.CONFIG, "Not found: check the address"),
        429: (THROTTLED, "Too many requests"),
    }
)


def refusal(response: Response, ctx: Context, table: Refused, code: str = "", words: str = "") -> Outcome | None:
    """The outcome of an answer that is no success; None for 2xx.

    `table` may hold the provider's codes and HTTP statuses. The code stands before the status, the status before its
    usual meaning. What is neither listed nor a 4xx that proves a refusal (408 does not) is a MalformedAnswer.
    """
    status, wait_s = response.status, retry_after(response, ctx.now)
    if 200 <= status < 300:
        return None
    if code and code in table:
        return table.outcome(code, words, wait_s)
    if status not in table and (status == 408 or not 400 <= status < 500):
        raise MalformedAnswer(f"HTTP status {status}", words)
    source = table if status in table else HTTP_SAYS
    found = source.outcome(status, words or source.words(status) or f"HTTP status {status}", wait_s)
    return replace(found, code=code or str(status))
