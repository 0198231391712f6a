"""Debian's Chromium, driven by Playwright, and an ASGI application served to it from a thread."""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from collections.abc import Generator
from threading import Thread
from typing import TYPE_CHECKING

import pytest
import uvicorn
from fastapi import FastAPI

from .sinks.brokers import HOW_TO_GET

if TYPE_CHECKING:
    from playwright.sync_api import Browser

START_SECONDS = 60
ARGUMENTS = (
    "--no-sandbox",  # the tests may run as root
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
    "--disable-extensions",
    "--in-process-gpu",  # one process less, and a tenth of the time of the processor
)


@contextlib.contextmanager
def chromium() -> Generator[Browser]:
    """Start the browser, and end it with the block."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 # only where the browser is

    path = shutil.which("chromium", path=f"{os.environ.get('PATH', '')}:/usr/bin")
    if path is None:
        pytest.skip(HOW_TO_GET.format(name="Chromium", package="chromium", program="chromium"))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()


@contextlib.contextmanager
def served(app: FastAPI) -> Generator[str]:
    """Serve an application on a free port of the loopback interface; yield its URL."""
    config = uvicorn.Config(app, host="127.0.0.1", port=0, log_level="warning", access_log=False)
    server = uvicorn.Server(config)
    socket = config.bind_socket()
    thread = Thread(target=server.run, args=([socket],), daemon=True)
    thread.start()
    end = time.monotonic() + START_SECONDS
    while not server.started:
        assert thread.is_alive()
        assert time.monotonic() < end
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{socket.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(START_SECONDS)
