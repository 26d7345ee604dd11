"""Packaging that setup.cfg cannot express: the specs are packaged from `data_specs/`, never copied."""

from setuptools import find_packages, setup

setup(
    packages=[*find_packages(include=["tsdeep", "tsdeep.*"]), "tsdeep.data_specs"],
    package_dir={"tsdeep.data_specs": "data_specs"},
    package_data={
        "tsdeep": ["py.typed", "evaluation/*.html"],
        "tsdeep.data_specs": ["*.yaml", "*.json"],
    },
)
