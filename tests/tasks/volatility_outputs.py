"""Made-up outcomes of a volatility task, and logits around them."""

import numpy as np

NAMES = ("q025", "q100", "q250", "q500", "q750", "q900", "q975")


def market(n, quantiles=7, seed=0, error=0.5, shape=()):
    """Realised log variances, and logits around them."""
    random = np.random.default_rng(seed)
    m = random.normal(-3.8, 1, (n, *shape))
    logits = np.concatenate([m[..., None], random.normal(0, 0.3, (*m.shape, quantiles))], axis=-1)
    return (m + random.normal(0.05, error, m.shape)).astype("float32"), logits.astype("float32")


def numpy_of(outputs):
    return {name: np.asarray(value) for name, value in outputs.items()}


def symbols(n):
    return np.full(n, "A", object)
