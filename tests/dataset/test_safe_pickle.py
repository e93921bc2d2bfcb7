"""dataset/safe_pickle.py: the published code's dictionaries are read, and no pickle gets to run anything."""

import os
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch

from config.errors import InputError
from dataset.safe_pickle import is_pickled, read_pickled_dict

CROP = "./asserts/training_data/split_video_25fps_crop_face/视频 1/000000/000003.jpg"
HEADER = b"\x93NUMPY\x01\x00\x76\x00" + b"{'descr': '|O', 'fortran_order': False, 'shape': (), }".ljust(117) + b"\n"


def saved(folder: Path, content: object) -> Path:
    path = folder / "landmark_crop_dic.npy"
    np.save(path, content, allow_pickle=True)
    return path


def pickled(folder: Path, stream: bytes) -> Path:
    path = folder / "landmark_crop_dic.npy"
    path.write_bytes(HEADER + stream)
    return path


@pytest.mark.parametrize("dtype", ["<f4", ">f4", "<f8", "<i4", "u1", "?", "<f2"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_arrays_are_what_was_saved(tmp_path, dtype, order):
    points = np.asarray(np.arange(136).reshape(68, 2) % 2 * 3, dtype, order)
    path = saved(tmp_path, {CROP: points, "one": points[0, 0], "empty": np.empty((0, 68, 2), dtype)})
    assert is_pickled(path)
    content = read_pickled_dict(path)
    assert content[CROP].dtype == points.dtype and np.array_equal(content[CROP], points)
    assert content["one"] == points[0, 0] and content["empty"].shape == (0, 68, 2)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16])
def test_tensors_of_the_published_code_are_what_was_saved(tmp_path, dtype):
    clip = torch.arange(9 * 136, dtype=dtype).reshape(9, 68, 2)  # one storage, of which every frame is a part
    content = read_pickled_dict(saved(tmp_path, {f"{number}": clip[number] for number in range(9)}))
    for number in range(9):
        assert np.array_equal(content[str(number)], clip[number].float().numpy())


def test_numbers_text_and_lists_pass(tmp_path):
    content = {"text": "视频", "number": 5, "list": [1.5, (2, "x")], "dict": {"a": None}}
    assert read_pickled_dict(saved(tmp_path, content)) == content


class Runs:
    """What a hostile pickle holds: loading it calls a function of its choice."""

    def __init__(self, call, *arguments):
        self.call, self.arguments = call, arguments

    def __reduce__(self):
        return self.call, self.arguments


HOSTILE = {
    "posix.system": lambda flag: Runs(os.system, f"touch '{flag}'"),
    "builtins.exec": lambda flag: Runs(exec, f"open({str(flag)!r}, 'w')"),
    "pathlib": lambda flag: Runs(Path.touch, flag),
    "builtins.getattr": lambda flag: Runs(getattr, "", "join"),
    "numpy.": lambda flag: Runs(np.savetxt, str(flag), [1]),
    "torch.serialization.load": lambda flag: Runs(torch.load, str(flag)),
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("place", ["value", "key", "nested", "instead"])
def test_nothing_that_a_pickle_names_is_executed(tmp_path, name, place):
    flag, hostile = tmp_path / "executed", HOSTILE[name](tmp_path / "executed")
    content = {"value": {"a": hostile}, "key": {1: 2, "b": {(hostile,): 1}}, "nested": {"a": [hostile]}}
    path = saved(tmp_path, content.get(place, hostile))
    with pytest.raises(InputError) as refused:
        read_pickled_dict(path)
    assert not flag.exists()
    assert str(path) in str(refused.value) and name in str(refused.value) and "nothing of it was" in str(refused.value)


def test_a_tensor_s_bytes_are_loaded_as_weights_only(tmp_path):
    """torch.storage._load_from_bytes, which tensors are pickled by, would itself unpickle anything."""
    flag = tmp_path / "executed"
    inner = pickle.dumps(Runs(os.system, f"touch '{flag}'"), 2)
    path = saved(tmp_path, {"a": Runs(torch.storage._load_from_bytes, inner)})
    with pytest.raises(InputError, match="damaged"):
        read_pickled_dict(path)
    assert not flag.exists()


def test_a_forged_type_of_objects_does_not_read_memory(tmp_path):
    """NumPy's own unpickling takes bytes for addresses where a dtype "O8" says that its flags are 0."""
    good = pickle.dumps(np.array([None]), 4)
    forged = good.replace(b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK?t", b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00t")
    forged = forged.replace(b"]\x94Na", b"C\x08" + b"A" * 8)
    assert forged != good and b"AAAA" in forged
    with pytest.raises(InputError, match="objects"):
        read_pickled_dict(pickled(tmp_path, forged))


def test_what_is_cut_short_or_forged_is_one_error(tmp_path):
    whole = saved(tmp_path, {CROP: np.zeros((68, 2), np.float32), "t": torch.zeros(68, 2)}).read_bytes()
    for length in (0, 5, 60, 128, 140, 400, len(whole) - 1):
        path = tmp_path / "landmark_crop_dic.npy"
        path.write_bytes(whole[:length])
        with pytest.raises(InputError, match="landmark_crop_dic.npy"):
            read_pickled_dict(path)
    rng = np.random.default_rng(0)
    for _ in range(300):
        noisy = bytearray(whole)
        for place in rng.integers(128, len(whole), 3):
            noisy[place] = rng.integers(256)
        path.write_bytes(noisy)
        try:
            read_pickled_dict(path)
        except InputError:
            pass


@pytest.mark.parametrize(
    "content, said",
    [
        ([1, 2], "shape (2,)"),
        ("text", "shape ()"),
        (np.array({"a": 1}, object)[None], "shape (1,)"),
        ({"a": np.array(["x"])}, "'U1'"),
        ({"a": np.zeros(2, [("x", "f4")])}, "'V4'"),
        ({"a": np.zeros(2, "M8[s]")}, "'M8'"),
        ({"a": torch.zeros(2, 68).T}, "side by side"),
    ],
)
def test_other_content_is_refused(tmp_path, content, said):
    with pytest.raises(InputError) as refused:
        read_pickled_dict(saved(tmp_path, content))
    assert said in str(refused.value)


def test_a_plain_file_is_not_pickled(tmp_path):
    path = tmp_path / "a.npy"
    np.save(path, np.zeros(3))
    assert not is_pickled(path)
    path.write_bytes(b"text")
    assert not is_pickled(path)
