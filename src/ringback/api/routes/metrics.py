"""What Prometheus reads. It is text for machines of the operator's, and no part of the document of the API."""

from litestar.handlers import HTTPRouteHandler

from ringback.api.bodies import AnyRequest
from ringback.api.operation import Api
from ringback.api.reply import Reply


def metrics_routes(api: Api) -> list[HTTPRouteHandler]:
    """`GET /metrics`, where the API is to answer it."""
    scrape = api.settings.scrape
    if scrape is None:
        return []

    async def get_metrics(request: AnyRequest) -> Reply:
        body, content_type = await scrape(request.headers.get("accept", ""))
        return Reply(200, body, content_type=content_type.encode())

    return [HTTPRouteHandler("/metrics", http_method="GET", status_code=200)(get_metrics)]
