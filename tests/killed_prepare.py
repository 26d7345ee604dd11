"""Prepare in a process that kills itself at a moment: python -m tests.killed_prepare MOMENT N SPEC DIR."""

import os
import shutil
import signal
import sys

import tensorflow_datasets as tfds

import tests.pipeline.prepared_sets  # noqa: F401  (registers the source)
import tsdeep


def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)


def dying(function, number, *, named="", after):
    """The function, which kills the process at its `number`-th call that has a last argument that ends in `named`."""
    count = iter(range(number - 1, -1, -1))

    def called(*arguments, **options):
        mine = str(arguments[-1]).endswith(named)
        last = mine and next(count) == 0
        if last and not after:
            die()
        result = function(*arguments, **options)
        if last:
            die()
        return result

    return called


def main(moment, number, spec, data_dir):
    if moment == "piece":  # done, and said so
        os.replace = dying(os.replace, number, named=".json", after=True)
    elif moment == "record":  # within a shard
        features = tfds.features.FeaturesDict
        features.serialize_example = dying(features.serialize_example, number, after=True)
    elif moment == "shard":  # written, and not named yet
        os.replace = dying(os.replace, number, named=".tfrecord", after=False)
    elif moment == "link":  # while shards become the data set's
        os.link = dying(os.link, number, after=True)
    elif moment == "metadata":  # all of TFDS' files are written, and the folder not named yet
        tfds.core.DatasetInfo.write_to_directory = dying(
            tfds.core.DatasetInfo.write_to_directory, number, after=True
        )
    elif moment == "named":  # the data set is there, and what was left is not removed
        shutil.rmtree = dying(shutil.rmtree, number, named=".unfinished-1.0.0", after=False)
    tsdeep.prepare(spec, data_dir, chunk_rows=16)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), *sys.argv[3:])
