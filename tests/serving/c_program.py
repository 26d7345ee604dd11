"""The C program that runs a SavedModel with no Python in its process: built, fed and read."""

import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

SOURCE = Path(__file__).with_name("saved_model.c")


def tensorflow_folder() -> Path:
    """Where the installed wheel has its headers and libraries."""
    return Path(tf.__file__).parent


def build(folder: Path, libraries: Path | None = None) -> Path:
    """Compile the program against the installed wheel's headers, and its libraries or those of another version.

    The C API is the same in all versions that are tested; the wheel of 2.20 lacks a header. Skips where there is no
    compiler.
    """
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        pytest.skip("no C compiler on this system")
    libraries = libraries or tensorflow_folder()
    program = folder / "saved_model"
    subprocess.run(
        [
            compiler,
            "-std=c11",
            "-D_POSIX_C_SOURCE=200809L",
            "-O2",
            "-Wall",
            "-Werror",
            f"-I{tensorflow_folder() / 'include'}",
        ]
        + ["-o", str(program), str(SOURCE)]
        + [str(libraries / name) for name in ("libtensorflow_cc.so.2", "libtensorflow_framework.so.2")]
        + [f"-Wl,-rpath,{libraries}"],
        check=True,
    )
    return program


def run(program: Path, version: Path, signature: str, inputs: dict, folder: Path) -> dict:
    """Answer of a signature: float32 arrays, or arrays of str."""
    folder.mkdir(parents=True, exist_ok=True)
    write_inputs(inputs, folder)
    done = subprocess.run(
        [program, version, signature, folder], capture_output=True, text=True, env=_environment(), check=False
    )
    assert done.returncode == 0, done.stderr
    return {file.stem: _read(file) for file in folder.glob("*.out")}


def nanoseconds(
    program: Path, version: Path, signature: str, inputs: dict, folder: Path, calls: int
) -> np.ndarray:
    """Time of each of many calls, one thread, int64 `[calls]`."""
    folder.mkdir(parents=True, exist_ok=True)
    write_inputs(inputs, folder)
    done = subprocess.run(
        [program, version, signature, folder, str(calls)],
        capture_output=True,
        text=True,
        env=_environment() | {"ONE_THREAD": "1"},
        check=True,
    )
    return np.array(done.stdout.split(), np.int64)


def write_inputs(inputs: dict, folder: Path) -> None:
    """Write each array as the program reads it: dtype, axes, sizes, values."""
    for name, values in inputs.items():
        values = np.asarray(values)
        head = np.array([tf.as_dtype(values.dtype).as_datatype_enum, values.ndim, *values.shape], np.int64)
        (folder / f"{name}.in").write_bytes(head.tobytes() + values.tobytes())


def _read(file: Path) -> np.ndarray:
    content = file.read_bytes()
    number, rank = np.frombuffer(content, np.int64, 2).tolist()
    shape = np.frombuffer(content, np.int64, rank, offset=16)
    rest, dtype = content[8 * (2 + rank) :], tf.as_dtype(number)
    if dtype == tf.string:
        return np.array(rest.decode().splitlines()).reshape(shape)
    return np.frombuffer(rest, dtype.as_numpy_dtype).reshape(shape)


def _environment() -> dict:
    """No Python anywhere, and no messages."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    return kept | {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"}
