"""``unmask-serve``: load, listen, and serve until Ctrl-C."""

import errno
import socket
import webbrowser
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from importlib import import_module
from threading import Timer
from typing import TYPE_CHECKING

from unmask.datagen.common.errors import ArgumentError, UserError

from .options import ServeOptions

if TYPE_CHECKING:  # of the extra 'serve'
    import uvicorn

_PACKAGES = ("fastapi", "uvicorn", "python_multipart")
_BACKLOG = 128
_GRACE_S = 1  # how long Ctrl-C waits for answers that are on their way
_SOON_S = 0.5


def serve(options: ServeOptions, told: Callable[[str], None] = print) -> None:
    """Serve the pages until Ctrl-C.

    Parameters
    ----------
    options : ServeOptions
    told : callable
        Takes the line that says where.

    Raises
    ------
    UserError
        Before anything is served: a package of the extra ``serve``, weights or the dataset are missing, or the
        address cannot be listened on.
    KeyboardInterrupt
        When Ctrl-C ended it.
    """
    with prepared(options) as (server, listener):
        url = address(options.host, listener)
        told(f"unmask: {url} (Ctrl-C ends it)")
        if options.open:
            opening = Timer(_SOON_S, webbrowser.open, [url])
            opening.daemon = True
            opening.start()
        server.run(sockets=[listener])


@contextmanager
def prepared(options: ServeOptions) -> Iterator[tuple["uvicorn.Server", socket.socket]]:
    """Return a server that is ready to run, and the socket that it shall listen on; raises as `serve`."""
    for name in _PACKAGES:
        try:
            import_module(name)
        except ImportError as error:
            raise UserError(f"serve: {name} is not installed here; pip install 'unmask[serve]'") from error
    import uvicorn

    from unmask.datagen.dataset.wall import Wall

    from .app import make_app
    from .photographs import Photographs

    with ExitStack() as stack:
        listener = stack.enter_context(listen(options.host, options.port))
        wall = None if options.data is None else Wall(options.data)
        workers = stack.enter_context(ExitStack())
        app = make_app(options, Photographs(options), wall, workers)
        config = uvicorn.Config(
            app,
            log_level="warning",
            access_log=False,
            server_header=False,
            lifespan="off",
            ws="none",
            timeout_graceful_shutdown=_GRACE_S,
        )

        class Server(uvicorn.Server):
            async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
                workers.close()  # else the end would wait for what the networks have to do
                await super().shutdown(sockets)

        yield Server(config), listener


def listen(host: str, port: int) -> socket.socket:
    """Take an address before anything is loaded.

    Raises
    ------
    UserError
        Naming ``host`` or ``port``, when it cannot be had.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, *_, place = found[0]
    except (OSError, UnicodeError) as error:
        raise ArgumentError("host", f"{host}: no such address") from error
    try:
        return socket.create_server(place[:2], family=family, backlog=_BACKLOG)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise ArgumentError("port", f"{port}: in use already; 0 takes a free one") from error
        name = "port" if error.errno == errno.EACCES else "host"
        raise ArgumentError(name, f"{port if name == 'port' else host}: {error.strerror}") from error


def address(host: str, listener: socket.socket) -> str:
    """Return where a browser of this machine finds the server."""
    port = listener.getsockname()[1]
    if host in ("0.0.0.0", "::"):  # noqa: S104 - compared, not listened on
        host = "localhost"
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"
