"""Files for the stock TensorFlow Serving image, so that exports are served by one command."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

from tsdeep.errors import RunError
from tsdeep.serving.folders import METADATA, versions

FILES = ("models.config", "batching.config", "compose.yaml")
"""Names of the files, which stand beside the models' folders."""

_MARK = "# Written by tsdeep; the next export with serving files writes it anew."


def check_server_files(folder: Path) -> None:
    """Refuse a folder that holds files of these names which tsdeep did not write.

    Raises
    ------
    RunError
        With the name of the file.
    """
    for name in FILES:
        file = folder / name
        if file.exists() and not file.read_text().startswith(_MARK):
            raise RunError(f"{file}: was not written by tsdeep, expected none; move it, or export elsewhere")


def write_server_files(folder: Path) -> Path:
    """Write `models.config`, `batching.config` and `compose.yaml` for all exports in a folder.

    Every subfolder that holds versions is a model of its name; one that holds exports by instrument,
    `symbol=<symbol>`, is a model for each, `<name>-<symbol>`. Requests are batched by the server unless a model has
    a signature for one batch size alone, which batched requests would not fit.

    Parameters
    ----------
    folder : Path
        The folder of the models' folders.

    Returns
    -------
    Path
        `compose.yaml`: `docker compose -f <it> up` serves REST on port 8501 and gRPC on 8500 of this machine.

    Raises
    ------
    RunError
        If a file of these names is another's, or two models would have one name.
    """
    check_server_files(folder)
    models = models_in(folder)
    batched = all(_any_batch(place) for place in models.values())
    _write(folder / "models.config", _models_config(list(models)))
    _write(folder / "batching.config", _BATCHING)
    _write(
        folder / "compose.yaml",
        _compose({name: place.relative_to(folder).as_posix() for name, place in models.items()}, batched),
    )
    return folder / "compose.yaml"


def models_in(folder: Path) -> dict[str, Path]:
    """Find the exports in a folder, by the name under which they are served."""
    found: dict[str, Path] = {}
    for place in sorted(path for path in folder.iterdir() if path.is_dir()):
        each = {place.name: place} | {
            f"{place.name}-{part.name.removeprefix('symbol=')}": part
            for part in sorted(place.glob("symbol=*"))
        }
        for name, path in each.items():
            newest = versions(path)[-1:]
            if not newest or not (path / str(newest[0]) / METADATA).is_file():
                continue
            plain = re.sub(r"[^A-Za-z0-9._-]", "_", name)  # what is a part of a URL
            if plain in found:
                raise RunError(f"{path} and {found[plain]} would both be served as '{plain}'; rename one")
            found[plain] = path
    return found


def _any_batch(model: Path) -> bool:
    about = json.loads((model / str(versions(model)[-1]) / METADATA).read_text())
    shapes = [
        spec["shape"]
        for signature in about.get("signatures", {}).values()
        for spec in signature["inputs"].values()
    ]
    return all(shape and shape[0] is None for shape in shapes)


def _models_config(names: list[str]) -> str:
    each = "".join(
        f'  config {{\n    name: "{name}"\n    base_path: "/models/{name}"\n    model_platform: "tensorflow"\n  }}\n'
        for name in names
    )
    return f"model_config_list {{\n{each}}}\n"


_BATCHING = """\
# A batch is run as soon as a thread is free, with all requests that wait by then.
max_batch_size { value: 64 }
batch_timeout_micros { value: 0 }
max_enqueued_batches { value: 1000 }
# Padding would add rows at the end of shorter requests, where the newest rows are read.
pad_variable_length_inputs: false
"""


def _compose(models: dict[str, str], batched: bool) -> str:
    batching = (
        """\
      - --enable_batching=true
      - --batching_parameters_file=/models/batching.config
"""
        if batched
        else """\
      # No batching: a model has a signature for one batch size alone, which batched requests would not fit.
"""
    )
    binds = models | {f"{name}": name for name in FILES[:2]}
    mounts = "".join(
        f"""\
      - type: bind
        source: {json.dumps(f"./{source}")}
        target: {json.dumps(f"/models/{target}")}
        read_only: true
"""
        for target, source in binds.items()
    )
    return f"""\
services:
  tensorflow-serving:
    image: ${{TENSORFLOW_SERVING_IMAGE:-tensorflow/serving:latest}}
    command:
      - --model_config_file=/models/models.config
{batching}\
    ports: # of this machine alone; without 127.0.0.1 of every network that it is in
      - 127.0.0.1:8500:8500 # gRPC
      - 127.0.0.1:8501:8501 # REST
    volumes:
{mounts}\
"""


def _write(file: Path, content: str) -> None:
    part = file.with_name(f".{file.name}.part")
    part.write_text(f"{_MARK}\n{content}")
    os.replace(part, file)
