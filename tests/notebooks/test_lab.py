"""JupyterLab comes up on the notebooks: only on loopback, only with a token, and opens a text file as a notebook."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

import pytest

from evals.notebook.lab import FIRST, compose_command

ROOT = Path(__file__).resolve().parents[2]
TOKEN = "a-token-of-the-tests"
PATIENCE_S = 120.0


def ask(port: int, path: str, *, token: str | None = TOKEN, method: str = "GET") -> Any:
    """What the server answers, as JSON."""
    headers = {"Authorization": f"token {token}"} if token else {}
    request = Request(f"http://127.0.0.1:{port}{path}", headers=headers, method=method)
    with urlopen(request, timeout=30) as answer:
        return json.loads(answer.read() or b"null")


def find_free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


@contextmanager
def open_lab(port: int, log: Path) -> Iterator[None]:
    """The lab as `./just lab` starts it, until it has answered; ended afterwards."""
    command = [sys.executable, "-m", "evals.notebook.lab", "--no-browser", f"--ServerApp.port={port}"]
    command += [f"--IdentityProvider.token={TOKEN}", "--ServerApp.port_retries=0"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=output, stderr=output)
    try:
        give_up_at = time.monotonic() + PATIENCE_S
        while True:
            try:
                ask(port, "/api/status")
                break
            except (URLError, ConnectionError) as error:
                if isinstance(error, HTTPError):
                    error.close()
                assert process.poll() is None and time.monotonic() < give_up_at, log.read_text()[-3000:]
                time.sleep(0.3)
        yield
    finally:
        process.terminate()
        process.wait(30)


@pytest.mark.slow
def test_the_lab_opens_a_notebook_and_ends(groups: None, server_url: str, tmp_path: Path) -> None:
    """Through the contents API, as the browser does; without the token nobody gets anything."""
    port = find_free_port()

    with open_lab(port, tmp_path / "log"):
        status = ask(port, "/api/status")
        opened = ask(port, f"/api/contents/{FIRST}?type=notebook&content=1")
        with pytest.raises(HTTPError) as refused:
            ask(port, "/api/status", token=None)
        refused.value.close()

    assert status["kernels"] == 0
    assert opened["type"] == "notebook"
    kinds = [cell["cell_type"] for cell in opened["content"]["cells"]]
    assert {"markdown", "code"} == {*kinds}
    assert refused.value.code == 403
    with pytest.raises(URLError):
        ask(port, "/api/status")


def test_whatever_is_asked_for_it_listens_on_loopback() -> None:
    """The last word on a command line counts."""
    command = compose_command(["--no-browser", "--ServerApp.ip=0.0.0.0"], is_root=False)

    assert command[-1] == "--ServerApp.ip=127.0.0.1"
    assert "--allow-root" not in command
