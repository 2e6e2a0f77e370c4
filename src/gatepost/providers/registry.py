"""Every provider there is, found by discovery: a module of this package that has a `manifest` is a provider."""

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from gatepost import providers
from gatepost.providers.base import (
    Balance,
    Batch,
    Callback,
    Checked,
    Context,
    Flow,
    Found,
    Gateway,
    Later,
    Receipt,
    Results,
    Sent,
)
from gatepost.providers.manifest import Manifest
from gatepost.providers.wire import RawCallback, Request


@dataclass(frozen=True, slots=True)
class Provider:
    """A manifest with the functions of its module; a function that the module lacks is None."""

    manifest: Manifest
    submit: Callable[[Batch, Gateway, Context], Flow[Results]]
    parse_callback: Callable[[RawCallback, Gateway], Callback] | None = None
    verify: Callable[[RawCallback, Gateway], bool | None] | None = None
    query: Callable[[tuple[Sent, ...], Gateway, Context], Flow[list[Receipt]]] | None = None
    poll: Callable[[str, str, Gateway, Context], Flow[Later]] | None = None
    find: Callable[[tuple[Sent, ...], Gateway, Context], Flow[dict[str, Found]]] | None = None
    balance: Callable[[Gateway, Context], Flow[Balance]] | None = None
    check: Callable[[Gateway, Context], Flow[Checked]] | None = None
    prepare: Callable[[Mapping[str, Any]], Mapping[str, Any]] | None = None
    capabilities: Callable[[Mapping[str, Any]], Mapping[str, Any]] | None = None
    preview: Callable[[Mapping[str, Any]], Request] | None = None
    export_preset: Callable[[Mapping[str, Any]], dict[str, Any]] | None = None
    import_preset: Callable[[Any], dict[str, Any]] | None = None

    @property
    def slug(self) -> str:
        return self.manifest.slug

    def manifest_for(self, settings: Mapping[str, Any]) -> Manifest:
        """The manifest as it is under these settings: several providers speak more than one protocol."""
        return replace(self.manifest, **self.capabilities(settings)) if self.capabilities else self.manifest


OPTIONAL = (
    *("parse_callback", "verify", "query", "poll", "find", "balance", "check", "prepare", "capabilities"),
    "preview",
)
OWN = ("export_preset", "import_preset")
"""Of a provider that others are described by, not of those that it describes."""


@cache
def all_providers() -> Mapping[str, Provider]:
    """Slug to provider, in order of the slug."""
    found = {}
    for module_info in pkgutil.iter_modules(providers.__path__):
        module = importlib.import_module(f"{providers.__name__}.{module_info.name}")
        manifest = getattr(module, "manifest", None)
        if isinstance(manifest, Manifest):
            # A provider that is only described says where its functions are: `adapter = http_template`.
            adapter = getattr(module, "adapter", module)
            functions = {name: getattr(adapter, name, None) for name in OPTIONAL}
            functions |= {name: getattr(module, name, None) for name in OWN}
            found[manifest.slug] = Provider(manifest, adapter.submit, **functions)
    return dict(sorted(found.items()))


def provider(slug: str) -> Provider:
    """The provider of that slug; raises KeyError."""
    return all_providers()[slug]


def by_callback_name(name: str) -> Provider | None:
    """The provider whose slug or alias stands in a fixed callback path, any case."""
    wanted = name.lower()
    return next(
        (p for p in all_providers().values() if wanted in (p.slug, *map(str.lower, p.manifest.callback_names))), None
    )
