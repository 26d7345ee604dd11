"""One of two workers that train one model: `python -m tests.pipeline.worker FOLDER EPOCHS OUT`, with TF_CONFIG set."""

import sys

import keras
import numpy as np
import tensorflow as tf

import tsdeep
from tests.pipeline import prepared_sets  # noqa: F401  registers the source of the data set


def shard_of(prepared, number, count):
    """Windows of one worker; the order of an epoch follows from the seed, which all have in common."""
    return tsdeep.windows(prepared, batch_size=32, shuffle=True, seed=0, shard=(number, count))


def untrained(prepared):
    """A model that begins with the same weights everywhere."""
    keras.utils.set_random_seed(0)
    return tsdeep.build("mlp", prepared, dropout=0.0, learning_rate=0.01)


def main(folder, epochs, out):
    strategy = tf.distribute.MultiWorkerMirroredStrategy()  # before TensorFlow does anything else
    prepared = tsdeep.load_prepared(folder)
    batches = strategy.distribute_datasets_from_function(
        lambda context: shard_of(prepared, context.input_pipeline_id, context.num_input_pipelines)
    )
    with strategy.scope():
        model = untrained(prepared)
        model.optimizer.build(model.trainable_variables)

    def learn(x, y):
        with tf.GradientTape() as tape:
            loss = model.compute_loss(x, y, model(x, training=True))  # its part of the mean over both workers
        gradients = tape.gradient(loss, model.trainable_variables)
        model.optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
        return loss

    @tf.function
    def step(x, y):
        return strategy.reduce("SUM", strategy.run(learn, (x, y)), axis=None)

    seen, losses = {}, []
    for epoch in range(epochs):
        parts = []
        for x, y in batches:
            losses.append(float(step(x, y)))
            parts.append([strategy.experimental_local_results(each)[0].numpy() for each in (x, y)])
        seen[f"x{epoch}"], seen[f"y{epoch}"] = (np.concatenate(part) for part in zip(*parts, strict=True))
    weights = {f"weight{number:02d}": value for number, value in enumerate(model.get_weights())}
    np.savez(out, loss=np.array(losses).reshape(epochs, -1), **seen, **weights)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3])
