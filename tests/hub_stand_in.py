"""A small Hugging Face Hub on this machine: as much of its HTTP API as fetching and pushing a model takes."""

import base64
import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import huggingface_hub.constants
import pytest

from unmask.model.checkpoints.hub import fetch_model


class HubStandIn:
    """Repositories by name, each a list of commits: (sha, branch, files).

    Attributes
    ----------
    url : str
        For ``HF_ENDPOINT``.
    asked : list of str
        Method and path of every request.
    refuse : int
        HTTP status of every answer; 0 is none.
    """

    def __init__(self) -> None:
        self.repositories: dict[str, dict[str, dict[str, bytes]]] = {}
        self.asked: list[str] = []
        self.refuse = 0
        self.url = ""

    def commit(self, repository: str, files: dict[str, bytes], branch: str = "main") -> str:
        """Add files to a branch; returns the commit's sha, under which they stay."""
        branches = self.repositories.setdefault(repository, {})
        branches[branch] = branches.get(branch, {}) | files
        text = repr(
            sorted((name, hashlib.sha256(data).hexdigest()) for name, data in branches[branch].items())
        )
        sha = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()
        branches[sha] = dict(branches[branch])
        return sha

    def find(self, repository: str, revision: str) -> tuple[str, dict[str, bytes]] | None:
        """Return a revision's sha and files."""
        branches = self.repositories.get(repository, {})
        if revision not in branches:
            return None
        return next(
            (sha, files) for sha, files in branches.items() if len(sha) == 40 and files == branches[revision]
        )


@contextmanager
def hub_stand_in() -> Iterator[HubStandIn]:
    """Open one on a free port of this machine."""
    hub = HubStandIn()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"hub": hub}))
    hub.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def hub_in_this_process(monkeypatch: pytest.MonkeyPatch, kept: Path) -> Iterator[HubStandIn]:
    """Open one that `huggingface_hub` in this process talks to, with ``kept`` for what it fetches."""
    with hub_stand_in() as opened:
        resolve = opened.url + "/{repo_id}/resolve/{revision}/{filename}"
        for name, value in (("ENDPOINT", opened.url), ("HUGGINGFACE_CO_URL_TEMPLATE", resolve)):
            monkeypatch.setattr(huggingface_hub.constants, name, value)
        monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(kept))
        monkeypatch.setenv("HF_TOKEN", "hf_x")
        fetch_model.cache_clear()
        yield opened
    fetch_model.cache_clear()


class _Handler(BaseHTTPRequestHandler):
    hub: HubStandIn
    protocol_version = "HTTP/1.1"

    def log_message(self, *told: Any) -> None:
        """Say nothing."""

    def _answer(self, status: int, content: Any = None, headers: dict[str, str] | None = None) -> None:
        data = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        for name, value in {"Content-Length": str(len(data)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def _begin(self) -> list[str] | None:
        path = unquote(urlsplit(self.path).path)
        self.hub.asked.append(f"{self.command} {path}")
        length = int(self.headers.get("Content-Length") or 0)
        self.body = self.rfile.read(length) if length else b""
        if self.headers.get("Transfer-Encoding") == "chunked":
            self.body = self._chunks()
        if self.hub.refuse:
            self._answer(self.hub.refuse, {"error": "no"})
            return None
        return path.strip("/").split("/")

    def _chunks(self) -> bytes:
        parts = []
        while size := int(self.rfile.readline(), 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def do_GET(self) -> None:
        """What a repository has, or one of its files."""
        parts = self._begin()
        if parts is None:
            return
        if parts[:2] == ["api", "models"]:
            self._info(parts[2:])
        elif len(parts) > 4 and parts[2] == "resolve":
            self._file("/".join(parts[:2]), parts[3], "/".join(parts[4:]))
        else:
            self._answer(404, {"error": "not here"})

    do_HEAD = do_GET  # noqa: N815 - the names are http.server's

    def _info(self, parts: list[str]) -> None:
        repository, revision = "/".join(parts[:2]), parts[3] if len(parts) > 3 else "main"
        if repository not in self.hub.repositories:
            self._answer(404, {"error": "not found"}, {"X-Error-Code": "RepoNotFound"})
            return
        found = self.hub.find(repository, revision)
        if found is None:
            self._answer(404, {"error": "no revision"}, {"X-Error-Code": "RevisionNotFound"})
        elif len(parts) > 2 and parts[2] == "tree":
            self._answer(200, [_entry(name, data) for name, data in found[1].items()])
        else:
            files = [{"rfilename": name} for name in found[1]]
            self._answer(
                200, {"id": repository, "sha": found[0], "siblings": files, "private": False, "tags": []}
            )

    def _file(self, repository: str, revision: str, name: str) -> None:
        found = self.hub.find(repository, revision)
        if found is None or name not in found[1]:
            code = "EntryNotFound" if found else "RepoNotFound"
            self._answer(404, {"error": "not found"}, {"X-Error-Code": code})
            return
        data = found[1][name]
        etag = hashlib.sha1(data, usedforsecurity=False).hexdigest()
        self._answer(200, data, {"X-Repo-Commit": found[0], "ETag": f'"{etag}"'})

    def do_POST(self) -> None:
        """Make a repository or a branch, ask how files are sent, commit them."""
        parts = self._begin()
        if parts is None:
            return
        if parts == ["api", "repos", "create"]:
            asked = json.loads(self.body)
            name = "/".join(filter(None, (asked.get("organization"), asked["name"])))
            if name not in self.hub.repositories:
                self.hub.commit(name, {})
            self._answer(200, {"url": f"{self.hub.url}/{name}"})
        elif parts[:2] == ["api", "models"] and parts[4] == "branch":
            branches = self.hub.repositories["/".join(parts[2:4])]
            branches.setdefault(parts[5], dict(branches["main"]))
            self._answer(200, {})
        elif parts[:2] == ["api", "models"] and parts[4] == "preupload":
            files = json.loads(self.body)["files"]
            told = [{"path": one["path"], "uploadMode": "regular", "shouldIgnore": False} for one in files]
            self._answer(200, {"files": told})
        elif parts[:2] == ["api", "models"] and parts[4] == "commit":
            self._commit("/".join(parts[2:4]), parts[5])
        else:
            self._answer(200, {})

    def _commit(self, repository: str, branch: str) -> None:
        lines = [json.loads(line) for line in self.body.splitlines() if line]
        files = {
            line["value"]["path"]: base64.b64decode(line["value"]["content"])
            for line in lines
            if line["key"] == "file"
        }
        sha = self.hub.commit(repository, files, branch)
        self._answer(
            200, {"commitUrl": f"{self.hub.url}/{repository}/commit/{sha}", "commitOid": sha, "success": True}
        )


def _entry(name: str, data: bytes) -> dict[str, Any]:
    oid = hashlib.sha1(data, usedforsecurity=False).hexdigest()
    return {"type": "file", "path": name, "size": len(data), "oid": oid}
