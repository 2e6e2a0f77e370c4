"""Pages of the catalogue: every provider, what it can do, and how to begin with it."""

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from gatepost.gateways import tiles
from gatepost.gateways.settings import provider_of
from gatepost.pages.access import PageRequest, page
from gatepost.workspaces.permissions import Right


@page("catalogue/", "catalogue", Right.GATEWAYS_READ)
@require_safe
def show_catalogue(request: PageRequest) -> HttpResponse:
    """Tiles, searched and filtered; htmx asks for the tiles alone."""
    wanted, country = request.GET.get("q", "").strip(), request.GET.get("country", "")
    every = tiles.every()
    fitting = [tile for tile in every if tile.fits(wanted, country)]
    shown = {
        "tiles": [tile for tile in fitting if not tile.manifest.unfit],
        "unfit": [tile for tile in fitting if tile.manifest.unfit],
        "wanted": wanted,
        "country": country,
        "countries": tiles.countries(every),
    }
    is_part = bool(request.headers.get("HX-Request"))
    return render(request, "gateways/tiles.html" if is_part else "gateways/catalogue.html", shown)


@page("catalogue/<slug:provider>/", "provider", Right.GATEWAYS_READ)
@require_safe
def show_provider(request: PageRequest, provider: str) -> HttpResponse:
    """Everything that is known of one provider."""
    tile = tiles.tile(provider_of(provider))
    mine = request.asker.workspace.gateways.filter(provider=provider).order_by("pk")
    return render(request, "gateways/provider.html", {"tile": tile, "page": tiles.quirks(provider), "mine": list(mine)})
