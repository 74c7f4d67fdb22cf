"""The networks of EEG compute what braindecode computes, on what they were trained on."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from emocli import encoders
from emocli.encoders import Encoder, Settings, braindecode_import
from emocli.encoders.biot import PAIRS
from emocli.encoders.eegpt import MONTAGES
from emocli.errors import ConfigError, RecordError, lack_of_memory
from emocli.signals import eeg_splines
from emocli.signals.eeg import Eeg
from tests.encoders import tiny_eeg
from tests.encoders.tiny_eeg import NAMES, eeg

TINY: dict[str, Callable[[Path], None]] = {
    "eegpt": tiny_eeg.eegpt,
    "labram": tiny_eeg.labram,
    "cbramod": tiny_eeg.cbramod,
    "biot": tiny_eeg.biot,
}
CLASSES = {"eegpt": "EEGPT", "labram": "Labram", "cbramod": "CBraMod", "biot": "BIOT"}
every_network = pytest.mark.parametrize("family", TINY)
Folders = Callable[[str], Path]


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Folders:
    @functools.cache
    def made(family: str) -> Path:
        torch.manual_seed(2)
        folder = tmp_path_factory.mktemp(family)
        TINY[family](folder)
        return folder

    return made


def load(folder: Path, pooling: str = "frames", **more: Any) -> Encoder:
    return encoders.of_folder(folder, "eeg").encoder(folder, Settings(None, pooling, **more))


def windows_of(given: Eeg) -> np.ndarray:
    return np.concatenate(list(given.windows()))


def original(folder: Path, family: str, **options: Any) -> Any:
    """The network as braindecode itself loads it, or with other options and the same weights."""
    kind = getattr(braindecode_import.imported(), CLASSES[family])
    config = json.loads((folder / "config.json").read_text())
    network = kind.from_config({**config, **options})
    state = load_file(folder / "model.safetensors")
    own = network.state_dict()
    state = {name: tensor for name, tensor in state.items() if name != "chans_id"}
    if "temporal_embedding" in own:
        state["temporal_embedding"] = state["temporal_embedding"][
            :, : len(own["temporal_embedding"][0])
        ]
    lost = network.load_state_dict(state, strict=False)
    assert set(lost.missing_keys) <= {"chans_id"}
    return network.eval()


@torch.inference_mode()
def of_braindecode(folder: Path, family: str, given: Eeg) -> np.ndarray:
    """What braindecode's own forward makes of the windows: (windows, dim)."""
    x = torch.from_numpy(windows_of(given))
    if family == "eegpt":
        channels = {"n_chans": x.shape[1], "chs_info": [{"ch_name": n} for n in given.names]}
        network = original(folder, family, **channels, n_times=1024, sfreq=256, patch_stride=64)
        x = x / 1000 - x.mean(1, keepdim=True) / 1000
        return network(x, return_features=True)["features"].mean(1).numpy()
    if family == "labram":
        network = original(folder, family, n_chans=x.shape[1], n_times=800)
        called = network(x / 100, return_features=True, ch_names=list(given.names))
        return called["features"].mean(1).numpy()
    if family == "cbramod":
        network = original(folder, family)
        network.proj_out = torch.nn.Identity()
        return network(x / 100, return_features=True)["features"].mean((1, 2)).numpy()
    network = original(folder, family)
    pairs = [[given.names.index(name) for name in pair.split("-")] for pair in PAIRS.split()]
    x = torch.stack([x[:, first] - x[:, second] for first, second in pairs], dim=1)
    return network(x / x.abs().quantile(0.95, 2, keepdim=True), return_features=True)[
        "features"
    ].numpy()


@every_network
@pytest.mark.filterwarnings("ignore:A window was not provided", "ignore:Labram chs_info")
def test_the_numbers_are_braindecode_s(family: str, folders: Folders) -> None:
    rate, names = (256.0, MONTAGES[0]) if family == "eegpt" else (200.0, NAMES)
    given = eeg(11, seed=3, names=names, rate_hz=rate)
    [found] = load(folders(family))([given])
    assert found.warning == ("" if family != "biot" else found.warning)
    np.testing.assert_allclose(
        found.values, of_braindecode(folders(family), family, given), atol=2e-5
    )


@every_network
def test_patches_are_the_parts_of_frames(family: str, folders: Folders) -> None:
    rate = 256.0 if family == "eegpt" else 200.0
    given = eeg(9, seed=3, rate_hz=rate)
    [frames], [parts] = (load(folders(family), p)([given]) for p in ("frames", "patches"))
    patches = {"eegpt": 16, "biot": 7}.get(family, 4)
    assert parts.values.shape == (3 * patches, frames.values.shape[1])
    means = parts.values.reshape(3, patches, -1).mean(axis=1)
    np.testing.assert_allclose(means, frames.values, atol=1e-5)


@every_network
def test_pooled_over_windows(family: str, folders: Folders) -> None:
    given = eeg(12, seed=4)
    [frames] = load(folders(family))([given])
    [both] = load(folders(family), "mean+std")([given])
    [seven] = load(folders(family), "statistics")([given])
    wanted = np.concatenate([frames.values.mean(0), frames.values.std(0)])
    np.testing.assert_allclose(both.values, wanted, atol=1e-5)
    assert seven.values.shape == (7 * frames.values.shape[1],)


@every_network
def test_a_wrong_channel_is_interpolated_and_a_wrong_window_is_not_a_number(
    family: str, folders: Folders
) -> None:
    encode, given = load(folders(family)), eeg(12, seed=5, rate_hz=256.0)
    wrong = np.zeros_like(given.wrong)
    wrong[1, NAMES.index("C3")] = True  # mostly right
    wrong[3, :10] = True  # more than half
    [whole], [found] = encode([given]), encode([replace(given, wrong=wrong)])
    assert np.isnan(found.values[3]).all()
    assert "1 of 5 windows cannot be used" in found.warning
    for window in (0, 2, 4):
        np.testing.assert_allclose(found.values[window], whole.values[window], atol=1e-5)
    assert np.isfinite(found.values[1]).all()
    assert not np.allclose(found.values[1], whole.values[1], atol=1e-5)

    samples = given.samples.copy()  # what the neighbours of C3 say, throughout
    others = [name for name in NAMES if name != "C3"]
    made = eeg_splines.interpolation(others, ["C3"]) @ np.delete(samples, NAMES.index("C3"), 0)
    samples[NAMES.index("C3")] = made[0]
    [elsewhere] = encode([replace(given, samples=samples)])
    np.testing.assert_allclose(found.values[1], elsewhere.values[1], atol=2e-3)

    [mean] = load(folders(family), "mean")([replace(given, wrong=wrong)])
    np.testing.assert_allclose(mean.values, np.nanmean(found.values, axis=0), atol=1e-5)
    with pytest.raises(RecordError, match="no window can be used") as caught:
        encode([replace(given, wrong=np.ones_like(wrong))])
    assert caught.value.code == "no_good_windows"


@every_network
def test_the_order_of_electrodes_does_not_matter(family: str, folders: Folders) -> None:
    encode, given = load(folders(family)), eeg(6, seed=6)
    turned = replace(given, samples=given.samples[::-1].copy(), names=given.names[::-1])
    [first], [second] = encode([given]), encode([turned])
    np.testing.assert_allclose(first.values, second.values, atol=1e-4)


@every_network
def test_recordings_of_different_caps_and_rates_go_together(family: str, folders: Folders) -> None:
    encode = load(folders(family))
    without = tuple(name for name in NAMES if name not in ("Cz", "P8"))
    caps = [NAMES, without, MONTAGES[0], (*NAMES, "CB1", "AFp3h")]
    batch = [
        eeg(7, seed, names=names, rate_hz=200.0 + 56 * (seed % 2))
        for seed, names in enumerate(caps)
    ]
    for together, given in zip(encode(batch), batch, strict=True):
        [alone] = encode([given])
        np.testing.assert_allclose(alone.values, together.values, atol=1e-4)
        assert alone.warning == together.warning


def test_what_is_interpolated_or_left_out_is_told(folders: Folders) -> None:
    without = tuple(name for name in NAMES if name not in ("Cz", "P8"))
    given = eeg(6, names=(*without, "CB1", "AFp3h"))
    said = {family: load(folders(family))([given])[0].warning for family in TINY}
    for family in ("eegpt", "cbramod"):
        assert "2 of 19 electrodes interpolated: " in said[family]
        assert "does not take them: CB1, AFp3h" in said[family]
    assert "1 of 16 electrodes interpolated: P8" in said["biot"]
    assert said["labram"] == "electrodes left out, since LaBraM does not take them: AFp3h"


@every_network
def test_a_recording_that_does_not_fit_is_refused(family: str, folders: Folders) -> None:
    encode = load(folders(family))
    for given, code in (
        (eeg(6, names=("AFp3h", "AFp4h")), "missing_electrode"),
        (eeg(6, rate_hz=100.0), "rate_too_low"),
        (replace(eeg(20), window_s=4.1), "bad_windows"),
        (replace(eeg(200), window_s=90.0, wrong=np.zeros((2, 19), bool)), "bad_windows"),
    ):
        with pytest.raises(RecordError) as caught:
            encode([given])
        assert caught.value.code == code


def test_other_windows_of_whole_patches_are_taken(folders: Folders) -> None:
    given = replace(eeg(12), window_s=2.0, overlap_s=0.0, wrong=np.zeros((6, 19), bool))
    for family in TINY:
        assert load(folders(family))([given])[0].values.shape[0] == 6


@every_network
def test_half_precision_is_close(family: str, folders: Folders) -> None:
    given = [eeg(6, seed=8)]
    [exact] = load(folders(family))(given)
    [rough] = load(folders(family), dtype="bfloat16")(given)
    assert rough.values.dtype == np.float32
    assert not np.array_equal(exact.values, rough.values)
    assert np.abs(exact.values - rough.values).max() < 0.1 * np.abs(exact.values).max()


def changed(folder: Path, to: Path, **config: Any) -> Path:
    """The same model with another config.json."""
    for file in ("config.json", "model.safetensors"):
        (to / file).write_bytes((folder / file).read_bytes())
    content = json.loads((to / "config.json").read_text())
    (to / "config.json").write_text(json.dumps({**content, **config}))
    return to


@pytest.mark.parametrize("name", ["os.system", "torch.hub.load", "torch.nn.modules.activation.no"])
def test_a_config_can_name_no_class_but_those_of_torch(
    name: str, folders: Folders, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=r"is no class of torch\.nn"):
        load(changed(folders("labram"), tmp_path, activation=name))


def test_another_activation_is_another_network(folders: Folders, tmp_path: Path) -> None:
    given = [eeg(6)]
    other = changed(folders("labram"), tmp_path, activation="torch.nn.modules.activation.ReLU")
    [found], [before] = load(other)(given), load(folders("labram"))(given)
    assert not np.allclose(found.values, before.values, atol=1e-3)


def test_a_rate_of_its_own_is_that_of_the_network(folders: Folders, tmp_path: Path) -> None:
    given = eeg(6, rate_hz=128.0)
    with pytest.raises(RecordError, match="128 Hz"):
        load(folders("eegpt"))([given])
    own = load(changed(folders("eegpt"), tmp_path, sfreq=128.0), "patches")
    assert own([given])[0].values.shape == (2 * 8, 32)  # of 64 samples, half a second


def test_a_biot_of_channels_that_nobody_knows_is_refused(tmp_path: Path) -> None:
    tiny_eeg.biot(tmp_path, channels=12)
    with pytest.raises(ConfigError, match="a BIOT of 12 channels"):
        load(tmp_path)


@every_network
def test_no_number_is_made_up(family: str, folders: Folders, tmp_path: Path) -> None:
    folder = changed(folders(family), tmp_path)
    tensors = load_file(folder / "model.safetensors")
    unused = ("final_layer", "chans_id", "proj_out", "patch_embedding.mask_encoding")
    needed = [name for name in sorted(tensors) if not name.startswith(unused)]
    save_file({name: tensors[name] for name in needed}, folder / "model.safetensors")
    load(folder)
    for name in needed[:: max(1, len(needed) // 8)]:
        kept = {other: tensors[other] for other in needed if other != name}
        save_file(kept, folder / "model.safetensors")
        with pytest.raises(ConfigError, match=f"no tensor {name}"):
            load(folder)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
@every_network
def test_a_gpu_computes_the_same(family: str, folders: Folders) -> None:
    given = [eeg(30, seed=9), eeg(6, seed=10)]
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    here, there = (load(folders(family), device=device)(given) for device in ("cpu", "cuda:0"))
    for first, second in zip(here, there, strict=True):
        np.testing.assert_allclose(first.values, second.values, atol=1e-3)
    [rough] = load(folders(family), device="cuda:0", dtype="bfloat16")(given[1:])
    assert np.abs(rough.values - here[1].values).max() < 0.1 * np.abs(here[1].values).max()


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_a_lack_of_gpu_memory_is_what_batches_shrink_for(folders: Folders) -> None:
    encode, given = load(folders("eegpt"), device="cuda:0"), [eeg(300, seed=9)]
    torch.cuda.empty_cache()
    torch.cuda.set_per_process_memory_fraction(1e-5)
    try:
        with pytest.raises(RuntimeError) as caught:
            encode(given)
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    assert lack_of_memory(caught.value)
    assert np.isfinite(encode(given)[0].values).all()
