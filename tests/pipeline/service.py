"""A server of the `tf.data` service: `service.py dispatcher`, or `service.py worker ADDRESS`; ends with its input."""

import sys

import tensorflow as tf

service = tf.data.experimental.service
if sys.argv[1] == "dispatcher":
    server = service.DispatchServer()
    print(server.target, flush=True)
else:
    server = service.WorkerServer(service.WorkerConfig(dispatcher_address=sys.argv[2]))
    print("ready", flush=True)
sys.stdin.read()
