"""The engine's HTTP server: uvicorn with httptools, where ministack starts hypercorn.

Every call of an upload goes through it, and hypercorn's parsing and writing in Python took a sixth
of the engine's work. Answers stay ministack's: its ASGI application is the same, and adds the Date
itself.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__all__ = ["install"]

BACKLOG = 1024
DRAIN_S = 1
"""How long calls under way may take at the end; a long poll would take up to 20 s."""


async def serve(app: Any, config: Any) -> None:  # noqa: ANN401
    """Stand in for `hypercorn.asyncio.serve`, as far as `ministack.app.main` configures it."""
    uvicorn: Any = import_module("uvicorn")
    host, _, port = config.bind[0].rpartition(":")
    settings = uvicorn.Config(
        app,
        host=host,
        port=int(port),
        http="httptools",
        loop="asyncio",
        ws="none",
        lifespan="on",
        log_level="warning",
        access_log=False,
        server_header=False,
        date_header=False,
        proxy_headers=False,
        backlog=BACKLOG,
        timeout_keep_alive=config.keep_alive_timeout,
        timeout_graceful_shutdown=DRAIN_S,
    )
    await uvicorn.Server(settings).serve()


def install() -> None:
    """Put the replacement where `ministack.app.main` takes the server from."""
    import_module("hypercorn.asyncio").serve = serve  # type: ignore[attr-defined]
