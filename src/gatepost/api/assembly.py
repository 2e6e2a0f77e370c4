"""The one API object: routers of the slices in the order of the document."""

from typing import Final

from ninja import NinjaAPI, Swagger
from ninja.openapi.schema import OpenAPISchema
from ninja.operation import Operation

from gatepost.api import errors, openapi
from gatepost.api.parser import StrictParser

ROUTERS: Final = (
    "gatepost.gateways.api.router",
    "gatepost.gateways.api_sender_ids.router",
    "gatepost.routing.api_health.router",
    "gatepost.routing.api.router",
    "gatepost.messages.api_where.router",
    "gatepost.messages.api.router",
    "gatepost.dispatch.api.router",
    "gatepost.audience.api.router",
    "gatepost.audience.api_documents.router",
    "gatepost.channels.api.router",
    "gatepost.audience.api_imports.router",
    "gatepost.texts.api.router",
    "gatepost.links.api.router",
    "gatepost.campaigns.api.router",
    "gatepost.campaigns.api_running.router",
    "gatepost.campaigns.api_prices.router",
    "gatepost.workspaces.api.router",
)
"""Each slice adds the dotted path of its router here; the paths inside a router are complete below /api/v1."""


class Api(NinjaAPI):
    """Serves the document that `openapi.document` makes, so that the page and the snapshot show the same."""

    def get_openapi_schema(
        self, *, path_prefix: str | None = None, path_params: dict[str, object] | None = None
    ) -> OpenAPISchema:
        plain = super().get_openapi_schema(path_prefix=path_prefix, path_params=path_params)
        return openapi.completed(plain, self)

    def get_openapi_operation_id(self, operation: Operation) -> str:
        return operation.view_func.__name__


def assemble() -> NinjaAPI:
    """The API with every router. Its documents load nothing from elsewhere: no CDN, no validator badge."""
    api = Api(
        title="Gatepost",
        version="1",
        description="Send SMS through many providers, and see what became of them.",
        urls_namespace="api",
        docs=Swagger(settings={"validatorUrl": None, "persistAuthorization": False}),
        parser=StrictParser(),
    )
    for router in ROUTERS:
        api.add_router("", router)
    errors.install(api)
    return api


api: Final = assemble()
