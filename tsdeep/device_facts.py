"""The processors that TensorFlow sees, and what is known of them."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_INSTRUCTIONS = (
    *("sse4_2", "avx", "avx2", "fma", "avx512f", "avx512_vnni", "avx512_bf16", "avx512_fp16"),
    *("amx_tile", "amx_int8", "amx_bf16", "asimd", "asimdhp", "sve", "bf16", "i8mm"),
)


@dataclass(frozen=True)
class Device:
    """A processor that TensorFlow sees.

    Attributes
    ----------
    kind : str
        "CPU", "GPU" or another of TensorFlow's types.
    name : str
        Of the model, such as "NVIDIA H200".
    memory_bytes : int or None
        All of it, used or not; None where nobody says.
    compute_capability : tuple of int or None
        Of an NVIDIA GPU; tensor cores for float16 from (7, 0) on (but for GTX 16), for bfloat16 from (8, 0) on.
    """

    kind: str
    name: str
    memory_bytes: int | None = None
    compute_capability: tuple[int, int] | None = None

    def __str__(self) -> str:
        about = [self.name]
        if self.memory_bytes is not None:
            about.append(f"{self.memory_bytes / 2**30:.1f} GiB")
        if self.compute_capability is not None:
            about.append("compute capability {}.{}".format(*self.compute_capability))
        return f"{self.kind}: {', '.join(about)}"


def devices_of(tf: Any) -> tuple[Device, ...]:
    """List the CPU, then what else TensorFlow (the module) sees, without starting any."""
    memory = _nvidia_memory()
    found = [_cpu()]
    for device in tf.config.list_physical_devices():
        if device.device_type == "CPU":
            continue
        details = tf.config.experimental.get_device_details(device) if device.device_type == "GPU" else {}
        name = details.get("device_name", device.name)
        found.append(Device(device.device_type, name, memory.get(name), details.get("compute_capability")))
    return tuple(found)


def _nvidia_memory() -> dict[str, int]:
    """Bytes of memory by the GPU's name, from NVIDIA's driver; empty where there is none."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return {}
    asked = [program, "--query-gpu=name,memory.total", "--format=csv,noheader,nounits"]
    try:
        answer = subprocess.run(asked, capture_output=True, text=True, check=False, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return {}
    return memory_by_name(answer.stdout) if answer.returncode == 0 else {}


def memory_by_name(answer: str) -> dict[str, int]:
    """Read bytes by name from lines `name, MiB`; a name that has several sizes is left out, as any may be meant.

    Examples
    --------
    >>> memory_by_name("NVIDIA H200, 143771")
    {'NVIDIA H200': 150754820096}
    """
    found: dict[str, set[int]] = {}
    for line in answer.splitlines():
        name, _, size = line.rpartition(",")
        if size.strip().isdigit():
            found.setdefault(name.strip(), set()).add(int(size) * 2**20)
    return {name: sizes.pop() for name, sizes in found.items() if len(sizes) == 1}


def _cpu() -> Device:
    said = re.search(r"^model name\s*:\s*(.+)$", _cpuinfo(), re.MULTILINE)
    name = said.group(1) if said else platform.processor() or platform.machine()
    known = hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names
    return Device("CPU", name, os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") if known else None)


def instruction_sets() -> tuple[str, ...]:
    """Name the instruction sets as Linux does, elsewhere as NumPy does."""
    flags = re.search(r"^(?:flags|Features)\s*:\s*(.+)$", _cpuinfo(), re.MULTILINE)
    if flags:
        there = set(flags.group(1).split())
        return tuple(name for name in _INSTRUCTIONS if name in there)
    import numpy as np

    extensions: Any = np.show_config(mode="dicts")
    return tuple(extensions["SIMD Extensions"].get("found", ()))


def _cpuinfo() -> str:
    path = Path("/proc/cpuinfo")
    return path.read_text(encoding="utf-8") if path.is_file() else ""


def cores() -> int:
    """Count the cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
