"""desk api: serve the HTTP API in this process."""

from __future__ import annotations

from typing import Annotated

import typer

from backend.settings import load_settings

app = typer.Typer(add_completion=False, no_args_is_help=True)


@app.callback()
def api() -> None:
    """Serve the HTTP API and the webhook."""


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(min=1, max=65_535, help="Port to listen on.")] = None,
) -> None:
    """Serve until Ctrl-C.

    Example: `DATABASE_URL=… desk api serve --host 0.0.0.0 --port 8420`.
    """
    import uvicorn

    from backend.api.app import create_app
    from backend.log import configure_logging
    from cli.reach import with_database

    settings = with_database(load_settings())
    configure_logging(settings)
    uvicorn.run(
        create_app(settings),
        host=host or settings.api_host,
        port=port or settings.api_port or 8420,
        access_log=False,
        proxy_headers=False,
        log_level="warning",
    )
