"""The device report: the recommendation from made-up facts, and the measured part on the CPU at hand."""

import dataclasses
import math
import os
import random

import keras
import numpy as np
import pytest
import tensorflow as tf

import tsdeep
from tsdeep import device_timings
from tsdeep.cli import main
from tsdeep.device_facts import Device, devices_of, memory_by_name
from tsdeep.device_timings import WORKS, Timing
from tsdeep.devices import RECURRENT, device_report, recommended_policy

CPU = Device("CPU", "a CPU")
H200 = Device("GPU", "NVIDIA H200", 143771 * 2**20, (9, 0))


def timed(policy, seconds, xla=False, cudnn=False):
    return [Timing(work, policy, xla, cudnn, each) for work, each in zip(WORKS, seconds, strict=True)]


FULL = timed("float32", (4.0, 4.0, 4.0))


@pytest.mark.parametrize(
    ("device", "policy"),
    [
        (CPU, "float32"),
        (Device("GPU", "GeForce GTX 1080", compute_capability=(6, 1)), "float32"),
        (Device("GPU", "METAL"), "float32"),
        (Device("GPU", "NVIDIA GeForce GTX 1650", compute_capability=(7, 5)), "float32"),
        (Device("GPU", "Tesla T4", compute_capability=(7, 5)), "mixed_float16"),
        (Device("GPU", "NVIDIA A100", compute_capability=(8, 0)), "mixed_bfloat16"),
        (H200, "mixed_bfloat16"),
    ],
)
def test_unmeasured_the_hardware_decides(device, policy):
    found, why = recommended_policy([CPU] if device is CPU else [CPU, device], [])
    assert found == policy
    assert "measured" in why


@pytest.mark.parametrize(
    ("bfloat16", "float16", "policy"),
    [
        ((2.0, 2.0, 2.0), (2.0, 2.0, 2.0), "mixed_bfloat16"),  # no loss to scale
        ((2.0, 2.0, 2.0), (1.9, 1.9, 1.9), "mixed_bfloat16"),  # too little quicker
        ((2.0, 2.0, 2.0), (1.0, 1.0, 1.0), "mixed_float16"),
        ((5.0, 5.0, 5.0), (2.0, 2.0, 2.0), "mixed_float16"),
        ((5.0, 5.0, 5.0), (3.9, 3.9, 3.9), "float32"),  # less than WORTH
        ((1.0, 1.0, 5.0), (9.0, 9.0, 9.0), "float32"),  # one work is slower
        ((1.0, 1.0, 5.0), (2.0, 2.0, 2.0), "mixed_float16"),  # the quicker one is no choice, the other is
        ((math.inf, 1.0, 1.0), (9.0, 9.0, 9.0), "float32"),
    ],
)
def test_measured_the_times_decide(bfloat16, float16, policy):
    timings = [*FULL, *timed("mixed_bfloat16", bfloat16), *timed("mixed_float16", float16)]
    assert recommended_policy([CPU, H200], timings)[0] == policy


def test_a_policy_is_taken_at_its_best_with_xla_or_without():
    slow, quick = timed("mixed_bfloat16", (9.0, 9.0, 9.0), xla=True), timed("mixed_bfloat16", (2.0, 2.0, 2.0))
    assert recommended_policy([CPU], [*FULL, *slow, *quick]) == (
        "mixed_bfloat16",
        "its steps are 2.0 times as fast as float32's (matmul 2.0, convolution 2.0, LSTM 2.0)",
    )
    full = [*FULL, *timed("float32", (1.0, 1.0, 1.0), xla=True)]
    assert recommended_policy([CPU], [*full, *slow, *quick])[0] == "float32"


def test_where_it_pays_for_some_models_alone_they_are_named():
    policy, why = recommended_policy([CPU], [*FULL, *timed("mixed_bfloat16", (1.0, 1.0, 8.0))])
    assert policy == "float32"
    assert why.endswith(
        "(matmul 4.0, convolution 4.0, LSTM 0.5): it pays for models of matmul, convolution alone"
    )


def test_steps_that_fail_in_full_precision_say_nothing():
    policy, why = recommended_policy([CPU, H200], timed("float32", (1.0, 1.0, math.inf)))
    assert (policy, why) == ("float32", "TensorFlow could not run LSTM here, or had no memory for it")


class FakeTensorFlow:
    """What TensorFlow documents of a machine with GPUs, in place of one: names may lack details."""

    class config:
        @staticmethod
        def list_physical_devices():
            kinds = [
                ("/physical_device:CPU:0", "CPU"),
                ("/physical_device:GPU:0", "GPU"),
                ("/physical_device:TPU:0", "TPU"),
            ]
            return [type("PhysicalDevice", (), {"name": name, "device_type": kind})() for name, kind in kinds]

        class experimental:
            @staticmethod
            def get_device_details(device):
                assert device.device_type == "GPU"
                return {"device_name": "NVIDIA H200", "compute_capability": (9, 0)}


def test_details_of_gpus_are_read_as_tensorflow_and_the_driver_give_them(tmp_path, monkeypatch):
    program = tmp_path / "nvidia-smi"
    program.write_text("#!/bin/sh\necho 'NVIDIA H200, 143771'\necho 'NVIDIA H200, 143771'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    cpu, gpu, tpu = devices_of(FakeTensorFlow)
    assert (cpu.kind, gpu, tpu.kind) == ("CPU", H200, "TPU")
    assert str(gpu) == "GPU: NVIDIA H200, 140.4 GiB, compute capability 9.0"
    program.write_text("#!/bin/sh\necho 'no driver'; exit 9\n")
    assert devices_of(FakeTensorFlow)[1].memory_bytes is None
    program.write_text("no program\n")
    assert devices_of(FakeTensorFlow)[1].memory_bytes is None


def test_a_name_with_two_sizes_of_memory_has_none():
    assert memory_by_name("A100, 40960\nA100, 81920\nT4, 15360\nnothing\n") == {"T4": 15360 * 2**20}


def state_of_the_process():
    gpus = tf.config.list_physical_devices("GPU")
    return (
        keras.config.dtype_policy().name,
        random.getstate(),
        np.random.get_state()[1].tolist(),  # noqa: NPY002
        tf.random.get_global_generator().state.numpy().tolist(),
        [tf.config.experimental.get_memory_growth(gpu) for gpu in gpus],
        tf.config.threading.get_intra_op_parallelism_threads(),
    )


@pytest.fixture(scope="module")
def measured():
    """A report, and the state of the process before it and after."""
    prefixes = ("dense", "conv1d", "lstm")
    counted = [keras.backend.get_uid(prefix) + 1 for prefix in prefixes]
    keras.utils.set_random_seed(5)
    drawn = tf.random.uniform([3]).numpy().tolist()
    keras.utils.set_random_seed(5)
    before = (*state_of_the_process(), drawn, counted)
    report = device_report()
    after = state_of_the_process()
    drawn = tf.random.uniform([3]).numpy().tolist()
    return report, before, (*after, drawn, [keras.backend.get_uid(prefix) for prefix in prefixes])


@pytest.fixture
def report(measured):
    return measured[0]


def test_global_state_is_left_as_it_was(measured):
    _, before, after = measured
    assert before == after


def test_each_work_is_timed_in_each_way(report):
    ways = {(t.work, t.policy, t.xla) for t in report.timings}
    assert ways >= {(work, "float32", xla) for work in WORKS for xla in (True, False)}
    assert ways >= {(work, "mixed_bfloat16", False) for work in WORKS}
    assert all(0 < t.seconds < math.inf for t in report.timings if t.policy == "float32")
    assert (report.policy, report.why) == recommended_policy(report.devices, report.timings)
    assert set(report.xla) == set(WORKS)


def test_a_step_without_memory_for_its_layers_fails_alone(monkeypatch):
    made = device_timings._layers

    def layers(work, policy, units, cudnn):
        if work == "matmul":
            raise tf.errors.ResourceExhaustedError(None, None, "no memory")
        return made(work, policy, units, cudnn)

    monkeypatch.setattr(device_timings, "_layers", layers)
    monkeypatch.setattr(device_timings, "SIZES", {"CPU": (2, 3, 4)})
    seconds = {t.work: t.seconds for t in device_timings.time_steps("CPU", ["float32"])}
    assert math.isinf(seconds["matmul"])
    assert seconds["convolution"] < math.inf


def test_the_report_shows_what_it_holds(report):
    for shown in (str(report), report._repr_markdown_()):
        assert tf.__version__ in shown
        assert f"{report.policy}, as {report.why}" in shown
        assert report.devices[0].name in shown
        assert f"{1000 * report.timings[0].seconds:.2f}" in shown
    assert repr(report) == str(report)


def test_the_speed_of_cudnn_is_that_of_the_two_kernels(report):
    two = [Timing("LSTM", "float32", False, cudnn, 1.0 if cudnn else 5.0) for cudnn in (True, False)]
    gpu = dataclasses.replace(report, devices=(CPU, H200), timings=tuple(two))
    assert gpu.cudnn_lstm == 5.0
    assert "1/5.0 of the time" in str(gpu)
    assert gpu.runs_on is gpu.devices[1]


def test_the_command_prints_the_report(capsys):
    assert main(["devices", "--list-only"]) == 0
    assert capsys.readouterr().out == f"{device_report(measure=False)}\n"
    assert "Runs on: " in str(tsdeep.device_report(measure=False))


@pytest.mark.slow
def test_the_recurrent_models_are_those_named():
    found = set()
    for name in tsdeep.model_names():
        body = tsdeep.models.get_model(name)
        if not body.__module__.startswith("tsdeep.") or name == "har_network":  # which needs channels by name
            continue
        model = tsdeep.build(name, input_shape=(100, 40), task="movement", compile=False)
        if any(isinstance(layer, (keras.layers.LSTM, keras.layers.GRU)) for layer in model.layers):
            found.add(name)
    assert found == set(RECURRENT)
