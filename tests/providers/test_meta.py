"""What holds for every provider: one module, one folder of exchanges, one page, and no word of it elsewhere."""

import re
from collections import Counter
from importlib import import_module
from pathlib import Path

import pytest
from tests.providers.evidence import PAGES, ROOT
from tests.providers.exchange_files import HERE, load_all

from gatepost.providers.quality import ENOUGH_EXCHANGES
from gatepost.providers.registry import OPTIONAL, all_providers

PROVIDERS = all_providers()
FIT = [slug for slug, provider in PROVIDERS.items() if not provider.manifest.unfit]
HEADINGS = ["What it does", "Set-up at the provider", "Limits", "Quirks", "Not supported", "Sources' confidence"]
SOURCES = {".py", ".html", ".txt", ".js", ".css", ".md", ".json", ".yaml", ".toml", ".svg"}
MAY_NAME_PROVIDERS = (
    "src/gatepost/simulators/",
    "src/gatepost/providers/evidence.json",
    "src/gatepost/providers/generic_http/presets",
    "docs/providers/",
    "docs/simulators",
    "docs/decisions/",
    "docs/benchmarks/",  # profiles name whatever file took time
)


@pytest.mark.parametrize("slug", FIT)
def test_has_a_page_of_quirks_with_the_fixed_headings(slug: str) -> None:
    page = (PAGES / f"{slug}.md").read_text("utf-8")
    assert re.findall(r"^## (.+)$", page, re.MULTILINE) == HEADINGS
    empty = re.findall(r"^## (.+)\n+(?=## |\Z)", page, re.MULTILINE)
    assert not empty, f"nothing stands under {empty}"
    assert page.startswith(f"# {PROVIDERS[slug].manifest.label}\n")


@pytest.mark.parametrize("slug", PROVIDERS)
def test_lives_in_the_module_of_its_name(slug: str) -> None:
    assert import_module(f"gatepost.providers.{slug}").manifest is PROVIDERS[slug].manifest
    assert re.fullmatch(r"[a-z][a-z0-9_]{1,40}", slug)


@pytest.mark.parametrize("slug", FIT)
def test_a_documented_provider_has_enough_exchanges(slug: str) -> None:
    if PROVIDERS[slug].manifest.confidence == "documented":
        count = Counter(exchange.slug for exchange in load_all())[slug]
        assert count >= ENOUGH_EXCHANGES, f"{slug} has {count} exchanges, {ENOUGH_EXCHANGES} are needed"


@pytest.mark.parametrize("slug", FIT)
def test_every_function_has_an_exchange(slug: str) -> None:
    kinds = {exchange.kind for exchange in load_all() if exchange.slug == slug}
    if PROVIDERS[slug].manifest.confidence == "operator-supplied":
        # Described, not programmed: the functions are those of the generic gateway, whose exchanges prove them.
        assert "submit" in kinds
        return
    wanted = {"submit"} | {name for name in ("query", "find", "poll", "balance", "check") if has(slug, name)}
    if has(slug, "parse_callback"):
        manifest = PROVIDERS[slug].manifest
        wanted |= {"receipt"} if "push" in manifest.receipts else set()
        wanted |= {"inbound"} if "push" in manifest.inbound_delivery else set()
    assert wanted <= kinds, f"{slug} has no exchange of {sorted(wanted - kinds)}"


@pytest.mark.parametrize("slug", FIT)
def test_declares_no_more_than_it_has(slug: str) -> None:
    manifest = PROVIDERS[slug].manifest
    ways = {*manifest.receipts, *manifest.inbound_delivery}
    assert ("push" not in ways) or has(slug, "parse_callback")
    assert ("query" not in ways) or has(slug, "query")
    assert not manifest.feeds or has(slug, "poll")
    assert manifest.callback_auth != "signature" or has(slug, "verify")
    assert bool(manifest.inbound) == bool(manifest.inbound_delivery)
    names = {field.name for field in manifest.fields}
    for setting in (
        *manifest.own_shortener,
        manifest.max_segments_setting,
        manifest.pace.shared_by,
        manifest.batch and manifest.batch.limit_setting,
    ):
        assert not setting or setting in names, f"there is no setting {setting}"
    for field in manifest.fields:
        assert field.when is None or field.when[0] in names, f"{field.name} depends on a setting that is not there"


@pytest.mark.parametrize("slug", FIT)
def test_two_names_never_meet(slug: str) -> None:
    names = [field.name for field in PROVIDERS[slug].manifest.fields]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("slug", PROVIDERS)
def test_every_setting_says_what_it_is(slug: str) -> None:
    silent = [field.name for field in PROVIDERS[slug].manifest.fields if not field.help.strip()]
    assert not silent, f"{slug} has no help for {silent}"


def test_no_exchange_belongs_to_nobody() -> None:
    assert {exchange.slug for exchange in load_all()} <= set(PROVIDERS)


def test_every_exchange_has_a_name_of_its_own() -> None:
    twice = [name for name, count in Counter(exchange.id for exchange in load_all()).items() if count > 1]
    assert not twice


def test_every_yaml_file_is_in_the_folder_of_a_provider() -> None:
    strays = [path for path in HERE.rglob("*.y*ml") if path.parent.name not in PROVIDERS and path.name != "grades.yaml"]
    assert not strays


def test_no_other_file_names_a_provider() -> None:
    # A host is no name: two providers may share a company.
    host = r"\.(?:com|2way|vsms|pl|ru|uz|tech)\b"
    named = re.compile(rf"(?<![a-z0-9_])({'|'.join(map(re.escape, PROVIDERS))})(?![a-z0-9_]|{host})")
    found = {}
    for path in sources():
        words = set(named.findall(path.read_text("utf-8", "replace"))) - {owner(path)}
        if words:
            found[str(path.relative_to(ROOT))] = sorted(words)
    assert not found


def sources() -> list[Path]:
    files = [path for top in ("src", "docs") for path in (ROOT / top).rglob("*") if path.suffix in SOURCES]
    return [path for path in files if not str(path.relative_to(ROOT)).startswith(MAY_NAME_PROVIDERS)]


def owner(path: Path) -> str:
    """The provider whose module or package the file is, else an empty text."""
    parts = path.relative_to(ROOT).parts
    is_provider = parts[:3] == ("src", "gatepost", "providers") and len(parts) > 3
    name = parts[3].removesuffix(".py") if is_provider else ""
    return name if name in PROVIDERS else ""


def has(slug: str, function: str) -> bool:
    assert function in OPTIONAL
    return getattr(PROVIDERS[slug], function) is not None
