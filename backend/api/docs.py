"""The API's description, and a page that shows it: all of it served from here, nothing fetched."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.openapi.utils import get_openapi
from fastapi.responses import HTMLResponse, Response

from backend.api.problems import MEDIA_TYPE, ProblemDocument, documented

_ASSETS = {
    "swagger-ui-bundle.js": "text/javascript",
    "swagger-ui.css": "text/css",
    "favicon-32x32.png": "image/png",
}


def install(app: FastAPI) -> None:
    """Serve /docs, and describe errors as they are sent."""
    app.openapi = lambda: _describe(app)

    @app.get("/docs", include_in_schema=False)
    def show_docs() -> HTMLResponse:
        return get_swagger_ui_html(
            openapi_url="openapi.json",
            title=app.title,
            swagger_js_url="docs/swagger-ui-bundle.js",
            swagger_css_url="docs/swagger-ui.css",
            swagger_favicon_url="docs/favicon-32x32.png",
        )

    @app.get("/docs/{asset}", include_in_schema=False)
    def show_docs_asset(asset: str) -> Response:
        if asset not in _ASSETS:
            return Response(status_code=404)
        content = files("fastapi_swagger").joinpath("resources", asset).read_bytes()
        return Response(content, media_type=_ASSETS[asset])


def _describe(app: FastAPI) -> dict[str, Any]:
    if app.openapi_schema is None:
        schema = get_openapi(
            title=app.title,
            version=app.version,
            summary=app.summary,
            description=app.description,
            routes=app.routes,
        )
        schemas = schema.setdefault("components", {}).setdefault("schemas", {})
        schemas["ProblemDocument"] = ProblemDocument.model_json_schema()
        # FastAPI describes an error body of its own, which ours never have.
        for name in ("HTTPValidationError", "ValidationError"):
            schemas.pop(name, None)
        malformed = documented(422)[422]
        for operations in schema["paths"].values():
            for operation in operations.values():
                given = operation["responses"].get("422")
                if given is not None and MEDIA_TYPE not in given["content"]:
                    operation["responses"]["422"] = malformed
        app.openapi_schema = schema
    return app.openapi_schema
