"""doctor: says what is there, and the one command that helps where something is not."""

from __future__ import annotations

import io
import os
from importlib import metadata
from pathlib import Path

import pytest

from emocli import hub
from emocli.bundles import bundle
from emocli.cli import checkup, main, registry, serving
from emocli.commands import doctor
from emocli.stages import transcribe

PARTS = ["programs", "packages", "devices", "serves", "models", "places", "fallbacks", "missing"]
PARTS.append("problems")


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take the packages for importable: trying each costs seconds."""
    monkeypatch.setattr(checkup, "CORE", {"orjson": ("", ""), "torch": ("", "networks")})


@pytest.mark.usefixtures("quick")
def test_the_record_has_every_part(emocli):
    done = emocli("doctor", "--json")
    (record,) = done.records
    assert set(PARTS) <= set(record)
    assert record["ready"] is (record["problems"] == [])
    assert [p["name"] for p in record["programs"]] == ["python", "ffmpeg"]
    assert record["devices"][0]["name"] == "cpu"
    assert {m["name"] for m in record["models"]} == set(hub.catalog())


@pytest.mark.usefixtures("quick")
def test_a_model_that_is_not_here_exits_4_with_the_command_that_gets_it(
    emocli, tmp_path, monkeypatch
):
    monkeypatch.setenv("EMOCLI_CACHE_DIR", str(tmp_path))
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    done = emocli("doctor")
    assert done.status == 4
    assert "emocli models pull default" in done.stderr
    assert not any(tmp_path.iterdir()), "doctor writes nothing"


@pytest.mark.usefixtures("quick")
def test_with_the_models_and_the_predictor_here_it_exits_0(emocli, default_models):
    done = emocli("doctor")
    assert (done.status, done.stderr) == (0, "")
    assert done.records[0]["ready"]


@pytest.mark.usefixtures("quick")
def test_a_predictor_that_is_damaged_exits_3(emocli, tmp_path, monkeypatch):
    monkeypatch.setattr(bundle, "DEFAULT", tmp_path)
    monkeypatch.setattr(hub, "expand", lambda *names: [])
    done = emocli("doctor")
    assert done.status == 3
    assert "not a bundle" in done.stderr
    assert "pip install" in done.stderr


def test_a_package_that_is_not_there_or_broken_is_a_problem_and_no_traceback(emocli, monkeypatch):
    core = {"no-such-package": ("", ""), "orjson": ("no_such_module", "")}
    monkeypatch.setattr(checkup, "CORE", core)
    done = emocli("doctor")
    notes = {p["name"]: p["note"] for p in done.records[0]["packages"]}
    assert notes["no-such-package"] == "not installed"
    assert "No module named 'no_such_module'" in notes["orjson"]
    assert "Traceback" not in done.stderr
    assert "pip install 'no-such-package'" in done.stderr
    assert done.status in (3, 4)


def test_an_import_that_kills_the_process_is_reported(tmp_path, monkeypatch):
    (tmp_path / "deadly.py").write_text("import os\nos.abort()\n")
    (tmp_path / "fine.py").write_text("x = 1\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert checkup.import_problem("fine") is None
    assert "exit -6" in (checkup.import_problem("deadly") or "")


def test_what_stands_in_for_a_missing_package_is_said():
    def state(**versions: str | None) -> list[dict[str, object]]:
        names = ("faster-whisper", "silero-vad", "torchaudio")
        given = {n: versions.get(n.replace("-", "_"), "1") for n in names}
        problem = "cannot be imported" if "broken" in versions else None
        return [
            {"name": n, "version": v, "problem": problem if n == versions.get("broken") else None}
            for n, v in given.items()
        ]

    assert list(checkup._fallbacks(state())) == []
    (one,) = checkup._fallbacks(state(faster_whisper=None))
    assert one["of"] == "faster-whisper"
    assert "transformers" in one["now"]
    (masked,) = checkup._fallbacks(state(broken="torchaudio"))
    assert "masked" in masked["now"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_place_is_named(tmp_path: Path):
    tmp_path.chmod(0o500)
    assert not checkup._writable(tmp_path / "cache" / "emocli")


def test_a_place_that_is_not_there_yet_is_judged_by_the_folder_above(tmp_path: Path):
    assert checkup._writable(tmp_path / "cache" / "emocli")
    (tmp_path / "file").touch()
    assert not Path(tmp_path, "cache").exists()


@pytest.mark.usefixtures("quick")
def test_on_a_terminal_it_is_a_table():
    class Terminal(io.BytesIO):
        def isatty(self) -> bool:
            return True

    stdout, stderr = Terminal(), io.StringIO()
    main.run(["doctor"], io.BytesIO(), stdout, stderr)
    shown = stdout.getvalue().decode()
    for title in ("programs", "packages", "devices", "models", "places", "serves"):
        assert title in shown
    assert not shown.startswith("{")


@pytest.mark.usefixtures("quick")
def test_a_mistake_in_the_config_is_a_problem(emocli):
    file = Path(os.environ["XDG_CONFIG_HOME"], "emocli", "config.toml")
    file.parent.mkdir(parents=True)
    for line, says in {"devise = 1": "did you mean device?", "device =": "nvalid value"}.items():
        file.write_text(line)
        done = emocli("doctor")
        assert not done.records[0]["ready"]
        assert done.stderr.count(says) == 1
        assert done.records[0]["problems"][0]["status"] == 3


def packages(**versions: str | None) -> dict[str, dict[str, object]]:
    """Return the packages of a machine on which everything works but for the given ones."""
    names = ("av", "soundfile", "torch", "faster-whisper", "silero-vad", "pocketsphinx")
    state = {name: {"version": "1.2", "problem": None} for name in (*names, "matplotlib")}
    for name, version in versions.items():
        state[name.replace("_", "-")] = {"version": version, "problem": None}
    return state


PROGRAMS = [{"name": "ffmpeg", "version": "7.1", "note": "/opt/ffmpeg"}]


def served(programs: list[dict[str, object]] = PROGRAMS, **versions: str | None) -> dict[str, str]:
    rows = serving.rows(packages(**versions), programs)
    return {row["for"]: f"{row['by']}; {row['note']}" for row in rows}


def test_what_serves_is_what_works(monkeypatch):
    rows = served()
    assert "libsndfile" in rows["wav, flac, aiff, ogg, opus"]
    assert rows[serving.CLIPS].startswith("PyAV 1.2")
    assert rows["all other formats"].startswith("ffmpeg 7.1; /opt/ffmpeg")
    films = served(av="18.0")[serving.FILMS]
    assert films == "PyAV 18.0; in this process; what it does not know: ffmpeg 7.1"
    assert rows[serving.FILMS].startswith("ffmpeg 7.1; /opt/ffmpeg")  # that PyAV is too old
    assert served(av=None)[serving.FILMS].startswith("ffmpeg 7.1; /opt/ffmpeg")
    assert rows["voice activity"] == "Silero VAD; in faster-whisper 1.2"
    assert rows["alignment"].startswith("Pocketsphinx 1.2; English; torchaudio is not")
    assert "silero-vad 1.2" in served(faster_whisper=None)["voice activity"]
    without = served(faster_whisper=None, silero_vad=None, pocketsphinx=None)
    assert without["voice activity"].startswith("nothing")
    assert without["alignment"].startswith("--textgrid or --model alone")
    broken = {**packages(), "torchaudio": {"version": "2", "problem": "cannot be imported"}}
    masked = {row["for"]: row["note"] for row in serving.rows(broken, PROGRAMS)}
    assert "torchaudio is masked" in masked["alignment"]
    monkeypatch.setenv("EMOCLI_FFMPEG", "/opt/ffmpeg")
    rows = served()
    assert serving.CLIPS not in rows
    assert "$EMOCLI_FFMPEG" in rows[f"{serving.CLIPS} and all others"]
    assert "$EMOCLI_FFMPEG" in rows[serving.FILMS]


def test_speech_to_text_is_named_with_its_engine_and_model(monkeypatch, default_models):
    rows = served()
    name, engine = transcribe.serving()
    assert rows["speech to text, English"].startswith(f"{name}; {engine}, ")
    monkeypatch.setattr(transcribe, "DEFAULT", "smollm2-135m-instruct")
    monkeypatch.setenv("EMOCLI_CACHE_DIR", "/nowhere")
    assert "not installed; emocli models pull" in served()["speech to text, English"]


def test_what_a_command_lacks_is_named_with_the_line_that_gets_it():
    lacks = list(serving.missing(packages(matplotlib=None, pocketsphinx=None), []))
    got = {row["command"]: row["get"] for row in lacks}
    assert got == {"plot": "pip install 'emocli[plot]'", "align": "pip install 'emocli[align]'"}
    absent = [{"name": "m", "default": True, "here": False}]
    rows = list(serving.missing(packages(), absent))
    assert {row["command"] for row in rows} >= {"predict", "transcribe", "encode", "fuse"}
    assert {row["get"] for row in rows} == {"emocli models pull default"}
    assert {row["command"] for row in lacks + rows} <= set(registry.names())
    assert list(serving.missing(packages(), [])) == []


def test_every_extra_that_is_named_exists():
    extras = set(metadata.metadata("emocli").get_all("Provides-Extra") or ())
    assert {extra for _, extra, _ in serving.NEEDS.values()} | {"offline"} <= extras


def test_a_heading_without_rows_is_left_out():
    from rich.console import Console

    report = {part: [] for part in PARTS}
    empty = {"programs": [{"name": "python", "version": "3", "note": ""}]}
    stream = io.StringIO()
    for drawing in doctor._tables({**report, **empty}):
        Console(file=stream).print(drawing)
    assert "programs" in stream.getvalue()
    assert "fallbacks" not in stream.getvalue()


def test_what_language_models_need_beside_the_core_is_named_with_its_extra() -> None:
    assert all("[llm]" in checkup.OPTIONAL[name][1] for name in ("gguf", "peft"))
