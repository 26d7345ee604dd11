"""What TensorFlow will run on here, and whether cuDNN, XLA and mixed precision pay."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tsdeep.device_facts import Device, cores, devices_of, instruction_sets
from tsdeep.device_timings import WORKS, Timing, time_steps
from tsdeep.random_state import random_state_kept

WORTH = 1.2
"""Times as fast that a setting must be to pay: less is lost in what other processes do meanwhile."""

_MIXED = {"CPU": ("mixed_bfloat16",), "GPU": ("mixed_bfloat16", "mixed_float16")}

RECURRENT = ("lstm", "gru", "deeplob", "deeplob_attention")
"""Models with an LSTM or a GRU at their defaults, on which cuDNN bears; `oflow` has one with `encoder="lstm"`."""


@dataclass(frozen=True)
class DeviceReport:
    """What `device_report` found; it shows itself at a prompt and in a notebook.

    Attributes
    ----------
    tensorflow, keras, backend : str
        Versions, and the backend that Keras runs on.
    devices : tuple of Device
        The CPU, then what else TensorFlow sees. It runs on the first GPU where there is one.
    cores : int
        That this process may use.
    instruction_sets : tuple of str
        Of the CPU, those that matter to matrix products, as the operating system names them.
    cuda, cudnn : str
        Versions that TensorFlow was built with; empty in a build for CPUs.
    timings : tuple of Timing
        Training steps; none where they were not measured.
    policy, why : str
        The recommended dtype policy (`keras.config.set_dtype_policy(policy)`), and the reason in one line.
    """

    tensorflow: str
    keras: str
    backend: str
    devices: tuple[Device, ...]
    cores: int
    instruction_sets: tuple[str, ...]
    cuda: str
    cudnn: str
    timings: tuple[Timing, ...]
    policy: str
    why: str

    @property
    def runs_on(self) -> Device:
        """The device that operations go to by themselves: the first that is no CPU, else the CPU."""
        return next((device for device in self.devices if device.kind != "CPU"), self.devices[0])

    @property
    def xla(self) -> dict[str, float] | None:
        """How many times as fast XLA makes a float32 step, by work; None where nothing was measured."""
        plain, compiled = (_best(self.timings, "float32", xla=on) for on in (False, True))
        return {
            work: plain[work] / compiled[work] for work in plain if compiled.get(work, math.inf) < math.inf
        } or None

    @property
    def cudnn_lstm(self) -> float | None:
        """How many times as fast cuDNN makes a float32 step of an LSTM; None without a GPU, or where not measured."""
        of = {
            t.cudnn: t.seconds
            for t in self.timings
            if (t.work, t.policy, t.xla) == ("LSTM", "float32", False)
        }
        return of[False] / of[True] if True in of else None

    def __str__(self) -> str:
        rows = _timing_rows(self.timings)
        widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))] if rows else []
        table = [
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows
        ]
        return "\n".join([*(f"{label}: {value}" for label, value in self._lines()), *table])

    __repr__ = __str__

    def _repr_markdown_(self) -> str:
        lines = [f"- **{label}**: {value}" for label, value in self._lines()]
        rows = [f"| {' | '.join(row)} |" for row in _timing_rows(self.timings)]
        if rows:
            rows.insert(1, "|---" * (rows[0].count("|") - 1) + "|")
        return "\n".join(lines) + "\n\n" + "\n".join(rows)

    def _lines(self) -> list[tuple[str, str]]:
        from tsdeep.models import model_names, xla_on_cpu

        without = ", ".join(name for name in model_names() if not xla_on_cpu(name))
        build = f"built with CUDA {self.cuda}, cuDNN {self.cudnn}" if self.cuda else "built for CPUs"
        lines = [("TensorFlow", f"{self.tensorflow}, {build}; Keras {self.keras} on {self.backend}")]
        lines += [(device.kind, str(device).partition(": ")[2]) for device in self.devices]
        lines[1] = (lines[1][0], f"{lines[1][1]}; {self.cores} cores; {' '.join(self.instruction_sets)}")
        if self.runs_on.kind == "CPU":
            lines.append(("GPU", "TensorFlow sees none"))
        lines.append(("Runs on", f"{self.runs_on.kind}, {self.runs_on.name}"))
        lines.append(("Precision", f"{self.policy}, as {self.why}"))
        lines.append(
            ("XLA", f"{_pays(self.xla)}. On a CPU tsdeep.walk_forward compiles all models but {without}")
        )
        lines.append(("cuDNN", self._cudnn()))
        lines.append(("Mixed precision", "every model follows the policy; logits are float32 under any"))
        return lines

    def _cudnn(self) -> str:
        conditions = (
            f"{', '.join(RECURRENT)}, and oflow with encoder=lstm, take its LSTM and GRU kernels on a GPU while "
            "recurrent_dropout is 0 and unroll False; XLA is off for them then"
        )
        if self.cudnn_lstm is None:
            return conditions
        return f"its LSTM takes 1/{self.cudnn_lstm:.1f} of the time; {conditions}"


def device_report(*, measure: bool = True) -> DeviceReport:
    """Say what TensorFlow will run on here, and whether XLA, cuDNN and mixed precision pay.

    Training steps of two dense layers, four convolutions and an LSTM are timed in float32 and in mixed precision, with
    XLA and without: about ten seconds of one core, most of them compilation. Where other processes take the cores
    meanwhile the times say little. Of several GPUs the first is timed. The dtype policy, memory growth and the
    generators of random numbers are as they were afterwards.

    Parameters
    ----------
    measure : bool, default True
        Time the steps. It starts TensorFlow's devices, after which TensorFlow refuses to change memory growth or
        the number of threads: set these before. False only lists, and recommends by what the hardware is.

    Returns
    -------
    DeviceReport
        It shows itself at a prompt and in a notebook; `print` it in a script.

    References
    ----------
    TensorFlow, "Mixed precision", https://www.tensorflow.org/guide/mixed_precision; Keras, "LSTM layer",
    https://keras.io/api/layers/recurrent_layers/lstm, for the conditions of the cuDNN kernel.

    Examples
    --------
    >>> report = device_report(measure=False)
    >>> report.runs_on.kind in ("CPU", "GPU")
    True
    """
    import keras
    import tensorflow as tf

    devices = devices_of(tf)
    main = next((device.kind for device in devices if device.kind != "CPU"), "CPU")
    timings: tuple[Timing, ...] = ()
    if measure and main in _MIXED:
        with random_state_kept():
            timings = time_steps(main, ("float32", *_MIXED[main]))
    policy, why = recommended_policy(devices, timings)
    build = tf.sysconfig.get_build_info()
    return DeviceReport(
        tensorflow=tf.__version__,
        keras=keras.__version__,
        backend=keras.backend.backend(),
        devices=devices,
        cores=cores(),
        instruction_sets=instruction_sets(),
        cuda=str(build.get("cuda_version", "")),
        cudnn=str(build.get("cudnn_version", "")),
        timings=timings,
        policy=policy,
        why=why,
    )


def recommended_policy(devices: Sequence[Device], timings: Sequence[Timing]) -> tuple[str, str]:
    """Choose a dtype policy.

    A mixed policy is taken where its steps are `WORTH` times as fast in the geometric mean over the works, each the
    quicker of with XLA and without, and none is slower; bfloat16 before float16, which needs its loss scaled, unless
    float16 is as much quicker again.

    Parameters
    ----------
    devices : sequence of Device
        What there is; the first that is no CPU is run on.
    timings : sequence of Timing
        What was measured on it; where there are none, tensor cores decide, and on a CPU it is float32.

    Returns
    -------
    policy : str
        "float32", "mixed_bfloat16" or "mixed_float16".
    why : str
        One line.

    Examples
    --------
    >>> recommended_policy([Device("CPU", "a CPU")], [])
    ('float32', 'nothing was measured, and few CPUs are quicker in another')
    >>> t4 = Device("GPU", "Tesla T4", compute_capability=(7, 5))
    >>> recommended_policy([Device("CPU", "a CPU"), t4], [])
    ('mixed_float16', 'Tesla T4 has tensor cores for it; not measured')
    """
    device = next((device for device in devices if device.kind != "CPU"), devices[0])
    full = _best(timings, "float32")
    if not full:
        return _by_hardware(device)
    failed = [work for work, seconds in full.items() if math.isinf(seconds)]
    if failed:
        return "float32", f"TensorFlow could not run {' and '.join(failed)} here, or had no memory for it"
    gains = {}
    for policy in dict.fromkeys(t.policy for t in timings if t.policy != "float32"):
        seconds = _best(timings, policy)
        gains[policy] = {work: full[work] / seconds[work] for work in full}
    if not gains:
        return "float32", "nothing else was measured"
    mean = {policy: math.prod(each.values()) ** (1 / len(each)) for policy, each in gains.items()}
    by_speed = sorted(mean, key=lambda policy: mean[policy] * (WORTH if policy == "mixed_bfloat16" else 1.0))
    for policy in reversed(by_speed):
        if mean[policy] >= WORTH and min(gains[policy].values()) >= 1 / WORTH:
            return (
                policy,
                f"its steps are {mean[policy]:.1f} times as fast as float32's ({_each(gains[policy])})",
            )
    best = by_speed[-1]
    said = f"{best} is {mean[best]:.1f} times as fast here ({_each(gains[best])})"
    if mean[best] >= WORTH:
        quicker = ", ".join(work for work, gain in gains[best].items() if gain >= WORTH)
        return "float32", f"{said}: it pays for models of {quicker} alone"
    return "float32", said


def _by_hardware(device: Device) -> tuple[str, str]:
    if device.kind == "CPU":
        return "float32", "nothing was measured, and few CPUs are quicker in another"
    if device.compute_capability is None or device.compute_capability < (7, 0) or "GTX 16" in device.name:
        return "float32", f"{device.name} is not known to have tensor cores; not measured"
    policy = "mixed_bfloat16" if device.compute_capability >= (8, 0) else "mixed_float16"
    return policy, f"{device.name} has tensor cores for it; not measured"


def _best(timings: Sequence[Timing], policy: str, xla: bool | None = None) -> dict[str, float]:
    """Shortest seconds by work, with XLA, without, or either way."""
    found: dict[str, float] = {}
    for t in timings:
        if t.policy == policy and xla in (None, t.xla):
            found[t.work] = min(t.seconds, found.get(t.work, math.inf))
    return found


def _each(gains: Mapping[str, float]) -> str:
    return ", ".join(f"{work} {gain:.1f}" for work, gain in gains.items())


def _pays(xla: Mapping[str, float] | None) -> str:
    if xla is None:
        return "not measured"
    pays = [work for work, gain in xla.items() if gain >= WORTH]
    said = f"steps of bare layers are {_each(xla)} times as fast with it"
    return f"{said}: it pays for {', '.join(pays)}" if pays else f"{said}: it does not pay"


def _timing_rows(timings: Sequence[Timing]) -> list[list[str]]:
    """Milliseconds a step, a work a row, a way a column."""
    ways = list(dict.fromkeys((t.policy, t.xla, t.cudnn) for t in timings))
    if not ways:
        return []
    names = [p + (", XLA" if xla else "") + (", cuDNN" if cudnn else "") for p, xla, cudnn in ways]
    of = {
        (t.work, t.policy, t.xla, t.cudnn): "fails" if math.isinf(t.seconds) else f"{1000 * t.seconds:.2f}"
        for t in timings
    }
    return [
        ["ms a training step", *names],
        *([work, *(of.get((work, *way), "") for way in ways)] for work in WORKS),
    ]
