"""A server of the `tf.data` service: `service.py dispatcher`, or `service.py worker ADDRESS`; ends with its input."""

import sys

import tensorflow as tf


def main(kind, address=None):
    service = tf.data.experimental.service
    if kind == "dispatcher":
        server = service.DispatchServer()
        print(server.target, flush=True)
    else:
        server = service.WorkerServer(service.WorkerConfig(dispatcher_address=address))
        print("ready", flush=True)
    sys.stdin.read()
    del server  # it served until here


if __name__ == "__main__":
    main(*sys.argv[1:])
