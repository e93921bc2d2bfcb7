"""Reads the pickled dictionaries of the published code without executing anything that they name.

A pickle is a program: it may call any function of any module. Here the few names that dictionaries of numbers need
stand for functions of this file, NumPy's own included, as a forged dtype makes those read foreign memory; every other
name is refused. The published LawDNet code pickled PyTorch tensors, whose bytes go to torch.load(weights_only=True).
"""

import io
import math
import pickle
import re
import warnings
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.lib import format as npy

from config.errors import InputError

NUMBER = re.compile("[biuf][1248]")  # codes of the types of numbers that are read
OBJECT = re.compile("O[48]?")
MOST_AXES = 8
ADVICE = "make it anew with data_processing.py --crop_face, or move it away to go on without it"


def is_pickled(path: Path) -> bool:
    """Whether a .npy file holds pickled objects. False for one that is no .npy file."""
    with path.open("rb") as file:
        try:
            return read_header(file)[1].hasobject
        except ValueError:
            return False


def read_pickled_dict(path: Path) -> dict:
    """The dictionary that np.save pickled into a .npy file; arrays and tensors among its values are NumPy arrays.

    Raises InputError, which names the file, where it holds anything but text, numbers, lists, tuples, dictionaries and
    arrays of numbers.
    """
    with path.open("rb") as file:
        try:
            return load_dict(file)
        except OSError:
            raise
        except MemoryError as error:  # a forged length asks for any amount
            raise InputError(f"{path} is damaged, or larger than memory; {ADVICE}") from error
        except InputError as error:
            raise InputError(f"{path} {error}; nothing of it was executed; {ADVICE}") from error
        except Exception as error:  # a pickle that is cut short or forged raises whatever its opcodes meet
            raise InputError(f"{path} is damaged ({type(error).__name__}: {error}); {ADVICE}") from error


def load_dict(file: BinaryIO) -> dict:
    """The dictionary of an open .npy file, which holds an array of no dimension with a single object."""
    shape, dtype = read_header(file)
    if shape != () or not dtype.hasobject:
        raise InputError(f"holds an array of shape {shape} of {dtype}, expected a pickled dictionary")
    content = DataUnpickler(file).load()
    content = content.values[0] if isinstance(content, Array) and isinstance(content.values, list) else content
    if type(content) is not dict:
        raise InputError(f"holds {type(content).__name__}, expected a dictionary")
    return {key: value.values if isinstance(value, Array) else value for key, value in content.items()}


def read_header(file: BinaryIO) -> tuple[tuple, np.dtype]:
    """Shape and type of an open .npy file."""
    read = npy.read_array_header_1_0 if npy.read_magic(file) == (1, 0) else npy.read_array_header_2_0
    shape, _, dtype = read(file)
    return shape, dtype


class DataUnpickler(pickle.Unpickler):
    """Builds what a pickle describes, from KNOWN alone."""

    def find_class(self, module: str, name: str) -> Any:
        known = KNOWN.get((module.replace("numpy.core", "numpy._core"), name))
        if known is None:
            raise InputError(f"is a pickle that names {module}.{name}, and only numbers, text and arrays are read")
        return known


class Type:
    """Stands for numpy.dtype."""

    def __init__(self, code: str, *_flags: object):
        if not (NUMBER.fullmatch(code) or OBJECT.fullmatch(code)):
            raise InputError(f"holds an array of type {code[:20]!r}, expected numbers")
        self.code, self.order = code, "="

    def __setstate__(self, state: tuple) -> None:
        self.order = {"<": "<", ">": ">"}.get(state[1], "=")

    @property
    def is_object(self) -> bool:
        return self.code.startswith("O")

    def numbers(self, data: bytes) -> np.ndarray:
        """(n,) of the numbers in `data`."""
        return np.frombuffer(data, np.dtype(self.order + self.code))


class Array:
    """Stands for numpy.ndarray: `values` is an array of numbers, or a list where the array holds objects."""

    values: np.ndarray | list = np.empty(0)

    def __init__(self, *_reconstruct: object):
        """Takes what numpy's _reconstruct takes; the content follows as the state."""

    def __setstate__(self, state: tuple) -> None:
        _, shape, kind, is_fortran, data = state
        if len(shape) > MOST_AXES:
            raise InputError(f"holds an array of {len(shape)} axes, expected at most {MOST_AXES}")
        if kind.is_object:
            if type(data) is not list or len(data) != math.prod(shape):
                raise InputError("holds an array of objects whose number is not that of its shape")
            self.values = data
        else:
            self.values = kind.numbers(data).reshape(shape, order="F" if is_fortran else "C")


def scalar(kind: Type, data: bytes) -> int | float | bool:
    return kind.numbers(data).item()


@lru_cache(maxsize=8)  # the landmarks of a clip's frames are parts of one storage, which is stored with each
def tensor_storage(data: bytes) -> np.ndarray:
    """The numbers of a tensor's storage, on whichever device it was."""
    import torch

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that storages of a type are deprecated
        storage = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
        return np.array(storage.tolist(), np.float32)


def tensor(storage: np.ndarray, offset: int, size: tuple, stride: tuple, *_rest: object) -> np.ndarray:
    """The part of a storage that is a tensor, whose values must lie side by side."""
    contiguous = tuple(math.prod(size[axis + 1 :]) for axis in range(len(size)))
    if any(step != expected and length > 1 for step, expected, length in zip(stride, contiguous, size, strict=True)):
        raise InputError("holds a tensor whose values do not lie side by side")
    return storage[offset : offset + math.prod(size)].reshape(size)


KNOWN = {
    ("numpy._core.multiarray", "_reconstruct"): Array,
    ("numpy._core.multiarray", "scalar"): scalar,
    ("numpy", "ndarray"): Array,
    ("numpy", "dtype"): Type,
    ("collections", "OrderedDict"): dict,  # of a tensor's hooks, always empty
    ("torch._utils", "_rebuild_tensor_v2"): tensor,
    ("torch.storage", "_load_from_bytes"): tensor_storage,
}
