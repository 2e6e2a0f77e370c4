"""Check: does the provider take these settings? A harmless call, step by step, with the exact request and answer."""

from collections.abc import Callable

from gatepost.gateways import trials
from gatepost.gateways.balance import in_words
from gatepost.gateways.settings import provider_of
from gatepost.gateways.trials import TrialResult
from gatepost.problems import Problem
from gatepost.providers import base


def run_check(gateway: base.Gateway, *, verify_tls: bool = True) -> TrialResult:
    """Run the adapter's check, else its balance. Raises Problem `not_supported` where it has neither."""
    provider = provider_of(gateway.slug)
    check = provider.check or (_by_balance(provider.balance) if provider.balance else None)
    if check is None:
        words = f"{provider.manifest.label} offers no call that costs nothing."
        raise Problem("not_supported", words, remedy="Send a test SMS instead.")
    result = trials.attempt(gateway, lambda context: check(gateway, context), verify_tls=verify_tls)
    shown = trials.steps(gateway, result.exchanges)
    if result.value is None:
        assert result.outcome is not None
        return trials.failed(gateway, result.outcome, shown)
    found = result.value
    if found.outcome is not None:
        return trials.failed(gateway, found.outcome, shown, found.words)
    return TrialResult(ok=True, words=found.words, steps=shown, balance=found.balance)


def _by_balance(
    ask: Callable[[base.Gateway, base.Context], base.Flow[base.Balance]],
) -> Callable[[base.Gateway, base.Context], base.Flow[base.Checked]]:
    """Whoever is told the balance has signed in."""

    def check(gateway: base.Gateway, context: base.Context) -> base.Flow[base.Checked]:
        balance = yield from ask(gateway, context)
        return base.Checked(in_words(balance), balance=balance)

    return check
