"""The pages, the routes behind them, and how trouble is told: with one sentence, and a status that fits."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, JSONResponse
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from unmask.datagen.common.errors import UnreadablePictureError, UserError
from unmask.datagen.common.memory import is_want_of_memory
from unmask.datagen.dataset.again import Again
from unmask.datagen.dataset.wall import Wall

from .data_routes import data_routes
from .guard import Guard
from .options import ServeOptions
from .photo_routes import photo_routes
from .photographs import Photographs
from .worker import Worker

PAGES = {"/": "photograph.html", "/data": "data.html", "/docs": "docs.html"}
_ABOUT = """Take face masks off photographs, and look through datasets of masked faces.

A restored face is a network's guess, and no evidence of who somebody is."""


def page_folder() -> Path:
    """Return the folder of the pages."""
    return Path(str(files("unmask.assets") / "serve"))


def make_app(
    options: ServeOptions, photographs: Photographs, wall: Wall | None, workers: ExitStack
) -> ASGIApp:
    """Put the server together.

    Parameters
    ----------
    options : ServeOptions
    photographs : Photographs
        Is made warm in the background.
    wall : Wall or None
        The dataset of the data page.
    workers : ExitStack
        Ends its threads when it is closed.

    Raises
    ------
    UserError
        When the dataset does not say what its masks are made of.
    """
    app = FastAPI(
        title="unmask", version=version("unmask"), description=_ABOUT, docs_url=None, redoc_url=None
    )
    _tell_trouble(app)
    networks = _worker("networks", workers)
    networks.start(photographs.warm)
    app.include_router(photo_routes(photographs, networks, options))
    if wall is not None:
        app.include_router(data_routes(wall, Again(wall.folder), _worker("render", workers)))
    for address, name in PAGES.items():
        app.get(address, include_in_schema=False)(_page(page_folder() / name))
    app.mount("/static", StaticFiles(directory=page_folder()), name="static")
    return Guard(app, options.host, _own_names(), options.max_bytes)


def _worker(name: str, workers: ExitStack) -> Worker:
    worker = Worker(name)
    workers.callback(worker.close)
    return worker


def _page(path: Path) -> Any:
    def page() -> FileResponse:
        return FileResponse(path, headers={"Cache-Control": "no-cache"})

    return page


def _own_names() -> Iterator[str]:
    name = socket.gethostname()
    yield from (name, f"{name}.local", socket.getfqdn())


def _tell_trouble(app: FastAPI) -> None:
    """Answer every error as `Problem`; what is a bug is one sentence there, and a traceback here."""

    def told(status: int, words: str) -> JSONResponse:
        return JSONResponse({"detail": words}, status)

    @app.exception_handler(HTTPException)
    async def of_http(_: Request, error: HTTPException) -> JSONResponse:
        return JSONResponse({"detail": str(error.detail)}, error.status_code, headers=error.headers)

    @app.exception_handler(RequestValidationError)
    async def of_values(_: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"][1:]) or "the body"
        return told(422, f"{where}: {first['msg']}")

    @app.exception_handler(UserError)
    async def of_user(_: Request, error: UserError) -> JSONResponse:
        return told(409 if error.marked.startswith(("`data`", "`keep`")) else 422, str(error))

    @app.exception_handler(UnreadablePictureError)
    async def of_picture(_: Request, error: UnreadablePictureError) -> JSONResponse:
        return told(409, str(error))

    @app.exception_handler(ClientDisconnect)
    async def of_client(_: Request, __: ClientDisconnect) -> JSONResponse:
        return told(400, "the request ended before it was whole")  # nobody hears it

    @app.exception_handler(Exception)
    async def of_bug(_: Request, error: Exception) -> JSONResponse:
        if is_want_of_memory(error):
            return told(503, "out of memory; a smaller picture may do")
        return told(500, "a bug in the server; its terminal says more")
