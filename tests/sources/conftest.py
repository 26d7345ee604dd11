"""What tests of sources share."""

import pytest


@pytest.fixture
def write(tmp_path):
    """Write a table as parquet, or as CSV where the name says so; returns the path."""

    def write_one(table, name="book.parquet"):
        file = tmp_path / name
        if name.endswith(".parquet"):
            table.to_parquet(file)
        else:
            table.to_csv(file, index=False)
        return file

    return write_one
