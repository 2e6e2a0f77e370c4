"""The pages of the docs about providers, in Markdown: a matrix of all, and a page for each."""

from collections.abc import Iterable

from gatepost.providers.fields import Field
from gatepost.providers.manifest import Confidence, Manifest
from gatepost.providers.quality import Quality
from gatepost.providers.registry import Provider

CONFIDENCE: dict[Confidence, str] = {
    "documented": "documented: from the provider's own documents",
    "client-code": "client code: from programs that use it",
    "operator-supplied": "operator supplied: the protocol is not public, you fill it in",
}
YES, NO = "yes", "–"


def matrix(graded: Iterable[tuple[Provider, Quality]]) -> str:
    """Every provider and what it can do."""
    rows = [_row(provider, quality) for provider, quality in graded]
    return "\n".join(
        [
            "# Providers",
            "",
            "What each adapter can do, how well its protocol is known, and its grade. *Bronze*: sends, knows the",
            "errors, is described. *Silver*: receipts, inbound, authenticated callbacks, at least twelve exchanges.",
            "*Gold*: balance, status query, check, and exchanges from the provider's own documents.",
            "",
            "| provider | countries | batch | receipts | inbound | balance | sent again safely | known from | grade |",
            "|---|---|---|---|---|---|---|---|---|",
            *rows,
            "",
        ]
    )


def page(provider: Provider, quality: Quality) -> str:
    """One provider: what it can do, its settings, how it is set up."""
    manifest = provider.manifest
    links = [
        f"[documentation]({manifest.docs})" if manifest.docs else "",
        f"[sign up]({manifest.sign_up})" if manifest.sign_up else "",
    ]
    lines = [
        f"# {manifest.label}",
        "",
        f"Known from {CONFIDENCE[manifest.confidence]}; facts of {manifest.facts}. Grade: {quality.grade.label}.",
        " ".join(link for link in links if link),
        "",
        "| what | |",
        "|---|---|",
        *(f"| {name} | {value} |" for name, value in abilities(provider)),
        "",
        "## Settings",
        "",
        "| setting | default | meaning |",
        "|---|---|---|",
        *(_setting(field) for field in manifest.fields),
        "",
    ]
    if manifest.setup:
        lines += ["## Set-up at the provider", "", *(f"{n}. {step}" for n, step in enumerate(manifest.setup, 1)), ""]
    lines += [f"Limits and quirks: [{manifest.label}](quirks/{manifest.slug}.md).", ""]
    return "\n".join(lines)


def abilities(provider: Provider) -> list[tuple[str, str]]:
    """What it can do, in words, in a fixed order."""
    manifest = provider.manifest
    return [
        ("countries", ", ".join(manifest.countries) or "world-wide"),
        ("batch", _batch(manifest)),
        ("receipts", ", ".join(manifest.receipts) or NO),
        ("inbound", ", ".join(kind.upper() for kind in manifest.inbound) or NO),
        ("balance", YES if provider.balance else NO),
        ("check", YES if provider.check or provider.balance else NO),
        ("sent again safely", _again(provider)),
        (
            "callbacks proven by",
            "signature" if manifest.callback_auth == "signature" else "unguessable address, allowed addresses",
        ),
        ("pace", _pace(manifest)),
    ]


def _row(provider: Provider, quality: Quality) -> str:
    shown = dict(abilities(provider))
    manifest = provider.manifest
    cells = [
        f"[{manifest.label}]({manifest.slug}.md)",
        *(shown[name] for name in ("countries", "batch", "receipts", "inbound", "balance", "sent again safely")),
        manifest.confidence,
        quality.grade.label,
    ]
    return f"| {' | '.join(cells)} |"


def _batch(manifest: Manifest) -> str:
    if manifest.batch is None:
        return NO
    same = f", same {' and '.join(manifest.batch.same)}" if manifest.batch.same else ""
    return f"up to {manifest.batch.limit}{same}"


def _again(provider: Provider) -> str:
    if provider.manifest.dedupe is not None:
        return "by the provider"
    return "after a look-up" if provider.find is not None else NO


def _pace(manifest: Manifest) -> str:
    rate = manifest.pace.requests_per_second
    return f"{rate:g} {manifest.pace.counts}/s" if rate else "not limited by default"


def _setting(field: Field) -> str:
    notes = [
        field.help,
        "Needed." if field.required else "",
        "Secret." if field.secret else "",
        "Unverified: the sheet could not prove it." if field.confidence == "unverified" else "",
        f"One of {', '.join(f'`{key}`' for key, _ in field.choices)}." if field.choices else "",
    ]
    default = f"`{field.default}`" if field.default not in (None, "", (), False) and not field.secret else ""
    text = " ".join(note for note in notes if note).replace("|", "&#124;").replace("\n", " ")
    return f"| {field.title} (`{field.name}`) | {default.replace('|', '&#124;')} | {text} |"
