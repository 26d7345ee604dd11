"""Prepare with Apache Beam on this machine: python -m tests.prepare_by_beam MODE SPEC DIR."""

import sys

import tsdeep


def main(mode, spec, data_dir):
    from apache_beam.options.pipeline_options import PipelineOptions

    options = PipelineOptions(["--direct_num_workers=2", f"--direct_running_mode={mode}"])
    tsdeep.prepare(spec, data_dir, chunk_rows=64, beam_runner="DirectRunner", beam_options=options)


if __name__ == "__main__":
    main(*sys.argv[1:])
