"""Files for the stock TensorFlow Serving image, so that exports are served by one command."""

from __future__ import annotations

import json
import os
import re
import uuid
from collections.abc import Iterable
from pathlib import Path

from tsdeep.errors import RunError
from tsdeep.serving.folders import METADATA, versions

FILES = ("models.config", "batching.config", "compose.yaml")
"""Names of the files, which stand beside the models' folders."""

_MARK = "# Written by tsdeep; the next export with serving files writes it anew."


def check_server_files(folder: Path, new: Iterable[Path] = ()) -> None:
    """Refuse what would keep the files from being written, before an export is made for them.

    Parameters
    ----------
    folder : Path
        The folder of the models' folders.
    new : iterable of Path
        Folders of models that will be there.

    Raises
    ------
    RunError
        If a file of these names is another's, or two models would have one name.
    """
    for name in FILES:
        file = folder / name
        if file.exists() and not file.read_text().startswith(_MARK):
            raise RunError(f"{file}: was not written by tsdeep, expected none; move it, or export elsewhere")
    models_in(folder, new)


def write_server_files(folder: Path) -> Path:
    """Write `models.config`, `batching.config` and `compose.yaml` for all exports in a folder.

    Every subfolder that holds versions is a model of its name; one that holds exports by instrument,
    `symbol=<symbol>`, is a model for each, `<name>-<symbol>`. The server answers each request by itself; `compose.yaml`
    says how it is started to run requests that wait together as one batch, of which one that is refused fails all.

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
    models = None
    while models != (found := models_in(folder)):  # another process may add a model meanwhile
        models = found
        _write(folder / "models.config", _models_config(list(models)))
        _write(folder / "batching.config", _BATCHING)
        sources = {name: place.relative_to(folder).as_posix() for name, place in models.items()}
        _write(folder / "compose.yaml", _compose(sources))
    return folder / "compose.yaml"


def models_in(folder: Path, new: Iterable[Path] = ()) -> dict[str, Path]:
    """Find the exports in a folder, and those that will be there, by the name under which they are served."""
    places = {place for pattern in ("*", "*/symbol=*") for place in folder.glob(pattern) if _exported(place)}
    found: dict[str, Path] = {}
    for place in sorted(places | set(new)):
        name = place.name
        if place.parent != folder:
            name = f"{place.parent.name}-{name.removeprefix('symbol=')}"
        plain = re.sub(r"[^A-Za-z0-9._-]", "_", name)  # what is a part of a URL
        if plain in found:
            raise RunError(f"{place} and {found[plain]} would both be served as '{plain}'; rename one")
        found[plain] = place
    return found


def _exported(model: Path) -> bool:
    newest = versions(model)[-1:]
    return bool(newest) and (model / str(newest[0]) / METADATA).is_file()


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


def _compose(models: dict[str, str]) -> str:
    binds = models | {f"{name}": name for name in FILES[:2]}
    mounts = "".join(
        f"""\
      - type: bind
        source: {json.dumps(f"./{source}".replace("$", "$$"))}
        target: {json.dumps(f"/models/{target}")}
        read_only: true
"""
        for target, source in binds.items()
    )
    return f"""\
# Requests that wait can be run together, as one batch: more answers a second, but one request that is refused fails all
# of its batch, and a signature for one batch size alone (compiled_1) takes no other. To have it so, start it with
#   TENSORFLOW_SERVING_FLAGS="--enable_batching=true --batching_parameters_file=/models/batching.config"
services:
  tensorflow-serving:
    image: ${{TENSORFLOW_SERVING_IMAGE:-tensorflow/serving:latest}}
    command: --model_config_file=/models/models.config ${{TENSORFLOW_SERVING_FLAGS:-}}
    ports: # of this machine alone; without 127.0.0.1 of every network that it is in
      - 127.0.0.1:8500:8500 # gRPC
      - 127.0.0.1:8501:8501 # REST
    volumes:
{mounts}\
"""


def _write(file: Path, content: str) -> None:
    part = file.with_name(f".{file.name}.{uuid.uuid4().hex}.part")
    try:
        part.write_text(f"{_MARK}\n{content}")
        os.replace(part, file)
    finally:
        part.unlink(missing_ok=True)
