"""Pickles are read as Python reads them, if they hold arrays and plain values, and never run."""

from __future__ import annotations

import os
import pickle
import pickletools
import tracemalloc
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from emocli.errors import RecordError
from emocli.signals import pickled_arrays
from emocli.signals.stored_arrays import Stored
from tests.datasets.eeg_copies import python2

PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)
CUBE = np.arange(4 * 5 * 300, dtype="f8").reshape(4, 5, 300)
ARRAYS = {
    "doubles": CUBE,
    "columns first": np.asfortranarray(CUBE),
    "big endian": CUBE.astype(">f4"),
    "integers": CUBE.astype("i2"),
    "booleans": CUBE > 9,
    "few": np.array([1.5]),
    "none": np.empty((0, 3)),
    "a number": np.array(3.0),
}
VALUES = [1, -3, 2**70, 2.5, None, True, False, "ä", "x" * 9999, (), (1,), (1, 2), (1, 2, 3, 4), {}]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "a.pkl"


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("name", ARRAYS)
def test_an_array_is_what_was_pickled(name: str, protocol: int, file: Path) -> None:
    array = ARRAYS[name]
    file.write_bytes(pickle.dumps({"data": array, "same": array}, protocol))
    found = pickled_arrays.read(file)
    assert found["data"].shape == array.shape
    np.testing.assert_array_equal(found["data"].read(), array)
    np.testing.assert_array_equal(found["same"].read(), array)
    if array.ndim == 3:
        np.testing.assert_array_equal(found["data"].read((2,)), array[2])
        np.testing.assert_array_equal(found["data"].read((3, 1)), array[3, 1])
    file.write_bytes(pickle.dumps(array, protocol))
    assert pickled_arrays.read(file).shape == array.shape


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_plain_values_are_what_was_pickled(protocol: int, file: Path) -> None:
    values = {"values": VALUES, "nested": {"a": [[1], {"b": (VALUES,)}]}, "number": np.float32(3.5)}
    for data in (
        pickle.dumps(values, protocol),
        pickletools.optimize(pickle.dumps(values, protocol)),
    ):
        file.write_bytes(data)
        assert pickled_arrays.read(file) == values


def test_pickles_of_python_2_are_read_as_python_3_reads_them(file: Path) -> None:
    arrays = {"data": CUBE, "labels": CUBE[:, :, 0]}
    file.write_bytes(python2(arrays))
    expected = pickle.loads(file.read_bytes(), encoding="latin1")
    found = pickled_arrays.read(file)
    for name, array in arrays.items():
        np.testing.assert_array_equal(expected[name], array)  # the test writes what Python reads
        np.testing.assert_array_equal(found[name].read(), array)


def test_text_of_python_2_with_escapes_is_bytes(file: Path) -> None:
    file.write_bytes(b"(dp0\nS'data'\np1\nS'\\x00\\xff\\'\\n'\np2\ns.")
    assert pickled_arrays.read(file) == {"data": b"\x00\xff'\n"}


class Runs:
    def __init__(self, call: Any, *arguments: Any) -> None:
        self.call, self.arguments = call, arguments

    def __reduce__(self) -> tuple[Any, ...]:
        return self.call, self.arguments


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize(
    "call", [os.mkdir, eval, exec, getattr, __import__, OrderedDict, np.fromfile, np.load]
)
def test_whatever_else_a_pickle_names_is_refused_and_not_run(
    call: Any, protocol: int, file: Path
) -> None:
    victim = file.with_name("victim")
    argument = f"__import__('os').mkdir({str(victim)!r})" if call in (eval, exec) else str(victim)
    file.write_bytes(pickle.dumps([1, Runs(call, argument), CUBE], protocol))
    with pytest.raises(RecordError, match="is refused: its pickle runs") as error:
        pickled_arrays.read(file)
    assert error.value.code == "refused_pickle"
    assert not victim.exists()


OBJECTS = {
    "a class": b"\x80\x02c__main__\nX\n)\x81}b.",
    "a class of protocol 0": b"(i__main__\nX\n.",
    "a persistent id": b"\x80\x02P1\n.",
    "a registered extension": b"\x80\x02\x82\x01.",
    "the state of a dict": b"\x80\x02}}b.",
}


@pytest.mark.parametrize("name", OBJECTS)
def test_instructions_that_make_objects_are_refused(name: str, file: Path) -> None:
    file.write_bytes(OBJECTS[name])
    with pytest.raises(RecordError, match="is refused: its pickle runs"):
        pickled_arrays.read(file)


def test_every_cut_of_a_pickle_is_an_error_or_a_value(file: Path) -> None:
    for protocol in (0, 2, 5):
        whole = pickle.dumps({"data": ARRAYS["few"], "values": VALUES[:8]}, protocol)
        for size in range(0, len(whole), 3):
            file.write_bytes(whole[:size])
            with pytest.raises(RecordError, match="no pickle of arrays") as error:
                pickled_arrays.read(file)
            assert error.value.code == "decode_failed"


def test_every_change_of_a_byte_is_an_error_or_a_value(file: Path) -> None:
    random = np.random.default_rng(1)
    whole = pickle.dumps({"data": ARRAYS["few"], "values": VALUES[:8]}, 4)
    refused = 0
    for _ in range(500):
        changed = bytearray(whole)
        changed[random.integers(len(whole))] = random.integers(256)
        file.write_bytes(changed)
        try:
            found = pickled_arrays.read(file)
            if isinstance(found, dict) and isinstance(found.get("data"), Stored):
                found["data"].read()
        except (RecordError, ValueError):
            refused += 1
    assert 100 < refused < 500  # some bytes are only another number


def test_a_shape_that_does_not_fit_the_bytes_is_an_error(file: Path) -> None:
    whole = python2({"data": CUBE})
    file.write_bytes(whole.replace(b"J\x05\x00\x00\x00", b"J\x05\x00\x00\x7f"))
    with pytest.raises(RecordError, match="bytes are not an array of"):
        pickled_arrays.read(file)


def test_a_part_of_an_array_costs_the_memory_of_the_part(file: Path) -> None:
    file.write_bytes(pickle.dumps({"data": np.zeros((40, 40, 2000))}, 4))  # 26 MB
    pickled_arrays.read(file)["data"].read((0, 0))
    tracemalloc.start()
    part = pickled_arrays.read(file)["data"].read((7,))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert part.nbytes < peak < 3 * part.nbytes
