"""EEG in .mat, pickles and .npy: what is asked for, or what is there instead."""

from __future__ import annotations

import pickle
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import scipy.io

from emocli.errors import RecordError
from emocli.signals import array_files, eeg_arrays, mat_elements, mat_files

NAMES = ["Fp1", "Cz", "Oz"]
RATE_HZ = 200.0
CUBE = np.random.default_rng(0).normal(0, 10, (4, 3, 400))
ONE = CUBE[2]


def samples(recording: Any) -> np.ndarray:
    return np.concatenate(list(recording.blocks()), axis=1)


def read(path: Path, *where: Any, **how: Any) -> Any:
    return eeg_arrays.read(path, *where, **{"names": NAMES, "rate_hz": RATE_HZ, **how})


def matlab(path: Path, **values: Any) -> Path:
    scipy.io.savemat(path, values)
    return path


def packed(path: Path, **values: Any) -> Path:
    scipy.io.savemat(path, values, do_compression=True)
    return path


def hdf5(path: Path, **values: Any) -> Path:
    """Write numbers, text, structs and cells as MATLAB 7.3 does: axes in reverse."""
    with h5py.File(path, "w", userblock_size=512) as file:
        file.create_group("#refs#")
        for name, value in values.items():
            put(file, file, name, value)
    with path.open("r+b") as stream:
        stream.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(124) + b"\x00\x02IM")
    return path


def put(file: Any, group: Any, name: str, value: Any) -> None:
    kind = "double"
    if isinstance(value, dict):
        node, kind = group.create_group(name), "struct"
        for inner, part in value.items():
            put(file, node, inner, part)
    elif isinstance(value, np.ndarray) and value.dtype == object:
        kind, references = "cell", []
        for part in value.ravel(order="F"):
            key = f"n{len(file['#refs#'])}"
            put(file, file["#refs#"], key, part)
            references.append(file["#refs#"][key].ref)
        flat = np.array(references, h5py.ref_dtype).reshape(value.shape[::-1])
        node = group.create_dataset(name, data=flat, dtype=h5py.ref_dtype)
    else:
        array = np.asarray(value)
        if array.dtype.kind == "U":
            array, kind = np.array([ord(c) for c in str(value)], "u2"), "char"
        node = group.create_dataset(name, data=array.T)
    node.attrs["MATLAB_class"] = np.bytes_(kind)


def pickled(path: Path, **values: Any) -> Path:
    path.write_bytes(pickle.dumps(values))
    return path


WAYS: dict[str, tuple[Callable[..., Path], str]] = {
    "matlab": (matlab, "a.mat"),
    "matlab, packed": (packed, "a.mat"),
    "matlab 7.3": (hdf5, "a.mat"),
    "pickle": (pickled, "a.pkl"),
    "dat": (pickled, "s01.dat"),
}


@pytest.fixture(params=WAYS)
def write(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[..., Path]:
    how, name = WAYS[request.param]
    return lambda **values: how(tmp_path / name, **values)


def test_the_samples_are_those_of_the_variable(write: Callable[..., Path]) -> None:
    path = write(trial=ONE, turned=ONE.T, cube=CUBE, single=ONE.astype("f4"), word="hello")
    for where in (("trial",), ("turned",), ("cube", [2])):
        recording = read(path, *where)
        np.testing.assert_allclose(samples(recording), ONE, rtol=1e-12)
        assert (recording.names, recording.rate_hz) == (tuple(NAMES), RATE_HZ)
        assert recording.duration == 2.0
    assert np.abs(samples(read(path, "single")) - ONE).max() < 1e-5
    assert array_files.shapes(path)["cube"] == CUBE.shape


def test_millivolts_and_volts_become_microvolts(write: Callable[..., Path]) -> None:
    path = write(v=ONE * 1e-6, mv=ONE * 1e-3)
    for name, unit in (("v", "V"), ("mv", "mV")):
        np.testing.assert_allclose(samples(read(path, name, unit=unit)), ONE, rtol=1e-9)


def test_what_is_asked_for_and_is_not_there_is_told_with_what_is(
    write: Callable[..., Path],
) -> None:
    path = write(trial=ONE, cube=CUBE, word="hello")
    for where, code, message in (
        (("x",), "no_variable", f"{path.name}: x is not there"),
        (("trial.EEG",), "no_variable", "trial.EEG is not there"),
        (("trial{1}",), "no_variable", "is not there"),
        (("../trial",), "no_variable", "is not there"),
        (("",), "no_variable", "an array is not"),
        (("word",), "not_numeric", f"{path.name}: word is not of real numbers"),
        (("cube", [4]), "wrong_index", r"cube has no part \[4\]"),
        (("cube", [0, 0, 0, 0]), "wrong_index", "cube has no part"),
    ):
        if where == ("",) and path.suffix != ".mat":
            code, message = "not_numeric", "an array is not of real numbers"
        with pytest.raises(RecordError, match=message) as error:
            read(path, *where)
        assert error.value.code == code
        assert "(4, 3, 400)" in error.value.hint
    with pytest.raises(RecordError, match=rf"{path.name}: cube is \(4, 3, 400\), not 3 channels"):
        read(path, "cube")
    with pytest.raises(RecordError, match=r"trial is \(3, 400\), not 2 channels by time"):
        read(path, "trial", names=["Cz", "Oz"])


@pytest.mark.parametrize("write", [way for way in WAYS if "matlab" in way], indirect=True)
def test_structs_and_cells_are_entered_as_matlab_writes_it(write: Callable[..., Path]) -> None:
    trials = np.empty((2, 1), object)
    trials[:, 0] = [ONE.T, CUBE[1].T]
    person = {"EEG": {"stimuli": trials}, "Age": "22"}
    people = np.empty((1, 2), object)
    people[0, :] = [person, person]
    path = write(DREAMER={"Data": people})
    found = samples(read(path, "DREAMER.Data{2}.EEG.stimuli{2}"))
    np.testing.assert_allclose(found, CUBE[1], rtol=1e-12)
    for wrong in ("DREAMER.Data{3}.EEG.stimuli{1}", "DREAMER.Data{0}.Age", "DREAMER.Data.EEG"):
        with pytest.raises(RecordError, match="is not there"):
            read(path, wrong)
    for other in ("DREAMER.Data{1}.EEG.stimuli", "DREAMER.Data"):
        with pytest.raises(RecordError, match="not of real numbers"):
            read(path, other)


def test_the_unit_is_checked_as_that_of_every_recording(write: Callable[..., Path]) -> None:
    path = write(trial=ONE)
    with pytest.raises(RecordError, match=r"typical SD is .*read as V: .*--unit uV") as error:
        read(path, "trial", unit="V")
    assert error.value.code == "wrong_unit"
    with pytest.raises(RecordError, match="unknown unit kV"):
        read(path, "trial", unit="kV")


def test_numbers_of_any_size_are_refused_without_a_warning(tmp_path: Path) -> None:
    path = matlab(tmp_path / "a.mat", trial=ONE * 1e200)
    with pytest.raises(RecordError, match="the typical SD is inf uV"):
        read(path, "trial")


def test_channels_that_are_no_eeg_are_named_and_not_read(tmp_path: Path) -> None:
    path = matlab(tmp_path / "a.mat", trial=ONE * [[1], [1e9], [1]])
    recording = read(path, "trial", names=["Fp1", "GSR", "Fp1"])
    assert (recording.names, recording.others) == (("Fp1", "Fp1"), ("GSR (misc)",))
    np.testing.assert_allclose(samples(recording), ONE[[0, 2]], rtol=1e-12)
    with pytest.raises(RecordError, match=r"no EEG channels, only hEOG \(eog\)"):
        read(path, "trial", names=["hEOG", "GSR", "ECG"])


def test_samples_that_are_no_numbers_stay_in_their_place(tmp_path: Path) -> None:
    holed = ONE.copy()
    holed[1, 50:60] = np.nan
    found = samples(read(matlab(tmp_path / "a.mat", trial=holed), "trial"))
    np.testing.assert_allclose(found, holed, rtol=1e-12)


def test_numpy_arrays_and_bare_pickles_have_no_variable(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", CUBE)
    (tmp_path / "a.pkl").write_bytes(pickle.dumps(CUBE))
    for name in ("a.npy", "a.pkl"):
        np.testing.assert_allclose(samples(read(tmp_path / name, "", [2])), ONE, rtol=1e-12)
        with pytest.raises(RecordError, match=r"x is not there .*has \(4, 3, 400\) float64"):
            read(tmp_path / name, "x")


@pytest.mark.parametrize("suffix", [".mat", ".pkl", ".dat", ".npy"])
@pytest.mark.parametrize(
    "contents",
    [b"", b"hello" * 200, b"MATLAB 5.0 MAT-file".ljust(126) + b"IM" + b"\xff" * 99,
     b"MATLAB 7.3 MAT-file".ljust(512) + b"\x89HDF\r\n\x1a\n" + b"\xff" * 99,
     b"\x93NUMPY\x01\x00v\x00{'descr': 'O', 'fortran_order': False, 'shape': (1,)}"],
)  # fmt: skip
def test_other_files_are_named_and_refused(contents: bytes, suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"odd{suffix}"
    path.write_bytes(contents)
    with pytest.raises(RecordError, match=f"odd{suffix} is no ") as error:
        read(path, "trial")
    assert error.value.code == "decode_failed"
    with pytest.raises(RecordError, match=r"cannot be read|is no"):
        read(tmp_path / f"none{suffix}", "trial")


def test_sizes_that_a_damaged_header_claims_are_not_allocated(tmp_path: Path) -> None:
    path = matlab(tmp_path / "a.mat", trial=ONE)
    whole = path.read_bytes()
    place = whole.index((3).to_bytes(4, "little") + (400).to_bytes(4, "little"))
    path.write_bytes(whole[:place] + b"\xff\xff\xff\x7f" * 2 + whole[place + 8 :])
    with pytest.raises(RecordError, match="larger than the file can hold"):
        read(path, "trial")


def test_only_the_variable_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = matlab(tmp_path / "a.mat", trial=ONE, cube=CUBE)
    load, asked = scipy.io.loadmat, []
    monkeypatch.setattr(
        scipy.io, "loadmat", lambda *a, **k: asked.append(k["variable_names"]) or load(*a, **k)
    )
    read(path, "trial")
    for place in (0, 1, 2):  # a variable that several records share is read once
        read(path, "cube", [place])
    assert asked == [["trial"], ["cube"]]


@pytest.mark.parametrize("compress", [True, False])
@pytest.mark.parametrize("noise", [0, 1])
def test_a_part_of_a_struct_costs_the_memory_of_the_part(
    compress: bool, noise: int, tmp_path: Path
) -> None:
    parts, random = np.empty((40, 1), object), np.random.default_rng(0)
    for place in range(40):
        parts[place, 0] = np.full((60, 3000), place) + noise * random.integers(9, size=(60, 3000))
    path = tmp_path / "a.mat"
    scipy.io.savemat(path, {"s": {"inner": {"trials": parts}}}, do_compression=compress)
    array_files.load(path, "s.inner.trials{1}")
    for place in (39, 3, 17, 0, 39):
        tracemalloc.start()
        found = array_files.load(path, f"s.inner.trials{{{place + 1}}}")
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        np.testing.assert_array_equal(found, parts[place, 0])
        assert peak < 2 * found.nbytes + 3 * mat_elements.MOST


def test_structs_of_another_order_of_bytes_are_refused(tmp_path: Path) -> None:
    path = matlab(tmp_path / "a.mat", s={"x": ONE})
    whole = path.read_bytes()
    path.write_bytes(whole[:126] + b"MI" + whole[128:])
    with pytest.raises(RecordError, match=r"a\.mat"):
        read(path, "s.x")


def test_a_file_that_changed_is_read_again(tmp_path: Path) -> None:
    path = matlab(tmp_path / "a.mat", cube=CUBE)
    read(path, "cube", [0])
    matlab(path, cube=CUBE * 2, more=1)
    np.testing.assert_allclose(samples(read(path, "cube", [0])), CUBE[0] * 2, rtol=1e-12)


@pytest.mark.parametrize("rate_hz", [0, -1, float("nan"), float("inf")])
def test_a_rate_has_to_be_one(rate_hz: float, tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="the rate of the samples"):
        read(matlab(tmp_path / "a.mat", trial=ONE), "trial", rate_hz=rate_hz)


def test_matlab_7_3_without_h5py_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = hdf5(tmp_path / "a.mat", trial=ONE)
    monkeypatch.setitem(__import__("sys").modules, "h5py", None)
    with pytest.raises(RecordError, match=r"needs h5py .*pip install 'emocli\[eeg\]'"):
        mat_files.contents(path)
