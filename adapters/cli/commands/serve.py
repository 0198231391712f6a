"""`addressee serve`: the HTTP service, in one process or several."""

from __future__ import annotations

import gc
import logging
import sys
from collections.abc import Callable, Sequence
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from socket import IPPROTO_TCP, TCP_NODELAY
from typing import TYPE_CHECKING, Annotated

import typer

from addressee.adapters.push.senders_file import Senders, read_senders
from addressee.adapters.sql import Rebuild, SqlStore
from addressee.domain import InvalidValue

from ..options.sealing_keys_from_environment import named_keys
from ..options.store_option import check_erasures, opened_store
from ..options.traces_option import tracing

if TYPE_CHECKING:
    from fastapi import FastAPI

    from addressee.adapters.portal import Maintenance

CorsOrigins = Annotated[
    list[str] | None,
    typer.Option(
        help="The origin of pages that may use the mobile API from a browser, such as "
        "https://shop.example; * for all; may be repeated."
    ),
]
Portal = Annotated[
    bool, typer.Option("--portal/--no-portal", help="Serve the operators' pages at /portal.")
]
PortalHttp = Annotated[
    bool,
    typer.Option(
        "--portal-http", help="Let sessions of the portal pass without TLS, on this machine."
    ),
]
PortalOidc = Annotated[
    Path | None,
    typer.Option(
        help="A TOML file about the identity provider that operators of the portal sign in at; "
        "docs/portal.md says what it may have."
    ),
]
Replicas = Annotated[
    list[str] | None,
    typer.Option(
        envvar="ADDRESSEE_REPLICAS",
        help="The URL of a read replica of PostgreSQL, which queries go to; may be repeated. The "
        "environment variable has several with spaces in between.",
    ),
]
RemoteApply = Annotated[
    bool,
    typer.Option(
        "--remote-apply",
        help="Have queries not wait for replicas, since commits do: "
        "synchronous_commit=remote_apply, which is checked.",
    ),
]
LOOPBACK = ("127.0.0.1", "::1", "localhost")


def serve_store(  # noqa: PLR0913 # the command's options
    url: str,
    host: str,
    port: int,
    workers: int,
    senders: Path | None = None,
    *,
    cors_origins: Sequence[str] = (),
    traces: bool = False,
    portal: bool = True,
    portal_http: bool = False,
    portal_oidc: Path | None = None,
    replicas: Sequence[str] = (),
    remote_apply: bool = False,
) -> None:
    """Serve a store until a signal ends it, and send pushes if there are senders.

    Raises:
        InvalidValue: what serving takes is not installed, the URL can't be read, or the file of
            senders or of the portal's identity provider is wrong.
        StoreUnavailable: the database can't be opened.
        ErasureForgotten: the ledger was restored, and persons are to be erased again first.
    """
    try:
        from uvicorn import Config, Server  # noqa: PLC0415 # an extra: the rest works without it
        from uvicorn.supervisors import Multiprocess  # noqa: PLC0415 # likewise
    except ImportError:
        raise InvalidValue("serve", "needs more: pip install 'addressee[http]'") from None
    from addressee.adapters.http.security.allowed_origins import checked_origins  # noqa: PLC0415 # likewise

    portal = portal and portal_is_there(host, http=portal_http)
    tracing(asked=traces)
    # What is wrong with these is said at once, and not by every worker.
    checked_origins(cors_origins)
    if senders is not None:
        read_senders(senders)
    if portal_oidc is not None:
        checked_oidc(portal_oidc, portal=portal)
    with opened_store(url, replicas, remote_apply=remote_apply) as store:
        applications = store.applications.all()
        check_erasures(store)
    codes = [each.code for each in applications]
    if any(each.issuers for each in applications) and find_spec("cryptography") is None:
        raise InvalidValue("issuers", "need more: pip install 'addressee[oidc]'")
    if not codes:
        typer.echo("no application may speak yet: see addressee app add --help", err=True)
    config = Config(
        partial(
            served,
            url,
            senders,
            cors_origins=cors_origins,
            traces=traces,
            portal=portal,
            portal_http=portal_http,
            portal_oidc=portal_oidc,
            replicas=replicas,
            remote_apply=remote_apply,
        ),
        factory=True,
        host=host,
        port=port,
        workers=workers,
        access_log=False,  # its paths name installations; the application writes its own
        log_level="warning",
        server_header=False,
        timeout_graceful_shutdown=10,
        # A worker that is still loading must not be taken for a dead one: on a busy machine
        # it takes longer than uvicorn's 5 seconds, and none would ever come up.
        timeout_worker_healthcheck=60,
    )
    socket = config.bind_socket()
    # Connections inherit it. Without, the end of each answer waits 40 ms for the client's system.
    socket.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1)
    shown = f"[{host}]" if ":" in host else host
    typer.echo(f"serving {', '.join(codes)} on http://{shown}:{socket.getsockname()[1]}", err=True)
    if workers > 1:
        Multiprocess(config, [socket]).run()
    else:
        Server(config).run([socket])


def portal_is_there(host: str, *, http: bool) -> bool:
    """Return whether the portal is installed, and say how it is if not.

    Raises:
        InvalidValue: sessions would pass a network without TLS.
    """
    if http and host not in LOOPBACK:
        only = f"is for a loopback host alone ({', '.join(LOOPBACK)}): sessions could be stolen"
        raise InvalidValue("portal-http", only)
    if find_spec("jinja2") is None:
        typer.echo("without the portal, which needs: pip install 'addressee[portal]'", err=True)
        return False
    return True


def checked_oidc(file: Path, *, portal: bool) -> None:
    """Raise InvalidValue where operators can't sign in at the identity provider of a file."""
    if not portal:
        raise InvalidValue("portal-oidc", "is for the portal, which is left out")
    if find_spec("cryptography") is None:
        raise InvalidValue("portal-oidc", "needs more: pip install 'addressee[oidc]'")
    from addressee.adapters.portal import read_oidc  # noqa: PLC0415 # an extra

    read_oidc(file)


def maintenance_of(store: SqlStore) -> Maintenance:
    """Return what operators may have done to a store."""
    from addressee.adapters.portal import Maintenance  # noqa: PLC0415 # as above

    def rebuild(progress: Callable[[int, int], object]) -> str:
        last = Rebuild(store).run(lambda done: progress(done.position, done.last))
        return f"rebuilt from the ledger up to position {last:,}"

    def seal(progress: Callable[[int, int], object]) -> str:
        last = store.last()
        newest = store.seal(lambda made: progress(made.last, last))
        return "the ledger is empty" if newest is None else f"sealed up to position {newest.last:,}"

    return Maintenance({"rebuild": rebuild, "seal": seal})


def served(  # noqa: PLR0913 # the command's options
    url: str,
    senders: Path | None,
    *,
    cors_origins: Sequence[str],
    traces: bool,
    portal: bool,
    portal_http: bool,
    portal_oidc: Path | None,
    replicas: Sequence[str],
    remote_apply: bool,
) -> FastAPI:
    """Return the app on a store of its own, which it keeps to the process's end."""
    from addressee.adapters.http import create_app  # noqa: PLC0415 # as above

    log = logging.getLogger("addressee")
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    # The pool logs a session that is gone with a traceback; the call that finds out has a line.
    logging.getLogger("sqlalchemy.pool").setLevel(logging.CRITICAL)
    # The event loop gets its turn beside busy threads ten times sooner than by default.
    sys.setswitchinterval(0.0005)
    keys = named_keys(create=True)
    store = SqlStore(url, keys=keys, replicas=replicas, remote_apply=remote_apply)
    read = read_senders(senders) if senders is not None else Senders({}, {})
    app = create_app(
        store,
        store.applications,
        transports=read.transports,
        push_rates=read.rates,
        tracing=tracing(asked=traces),
        cors_origins=cors_origins,
    )
    if portal:
        from addressee.adapters.portal import PortalSettings, mount_portal, read_oidc  # noqa: PLC0415 # as above

        settings = PortalSettings(
            secure=not portal_http,
            maintenance=maintenance_of(store),
            oidc=None if portal_oidc is None else read_oidc(portal_oidc),
        )
        mount_portal(app, settings)
    # What is loaded stays: to look for garbage in it would stop all threads for a tenth of a second
    # whenever large requests have made enough objects.
    gc.collect()
    gc.freeze()
    # What was loaded since, such as caches, is searched a fiftieth as often as by default.
    gc.set_threshold(5_000, 10, 70)
    return app
