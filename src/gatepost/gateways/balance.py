"""The balance of an account, asked for now."""

from gatepost.gateways import trials
from gatepost.gateways.settings import provider_of
from gatepost.gateways.trials import TrialResult
from gatepost.problems import Problem
from gatepost.providers import base


def run_balance(gateway: base.Gateway, *, verify_tls: bool = True) -> TrialResult:
    """Run the adapter's balance; it stands in the result. Raises Problem `not_supported` where there is none."""
    ask = provider_of(gateway.slug).balance
    if ask is None:
        raise Problem("not_supported", f"{provider_of(gateway.slug).manifest.label} tells no balance.")
    result = trials.attempt(gateway, lambda context: ask(gateway, context), verify_tls=verify_tls)
    shown = trials.steps(gateway, result.exchanges)
    if result.value is None:
        assert result.outcome is not None
        return trials.failed(gateway, result.outcome, shown)
    return TrialResult(ok=True, words=in_words(result.value), steps=shown, balance=result.value)


def in_words(balance: base.Balance) -> str:
    """The balance as people read it: the provider's own words where it has some."""
    return balance.words or f"{balance.amount} {balance.unit}".strip()
