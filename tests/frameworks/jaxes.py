"""Functions and modules for the JAX adapters: what they may be, and what they must refuse."""

from harness import Case, Dim, TensorSpec, ids, integers, uniform

BATCH = Dim("batch", 1, 4, example=2)
X = TensorSpec(name="x", dtype="float32", shape=(BATCH, 3))
IDS = TensorSpec(name="i", dtype="int64", shape=(BATCH,), domain=ids(5))


def closure():
    import jax.numpy as jnp

    row = jnp.asarray([1.0, 2.0, 3.0])
    return lambda x: x * row


def pair():
    import jax
    import numpy as np

    # A table as NumPy makes it, float64, and a leaf that is no array.
    weights = {"layers": [{"kernel": np.ones((3, 3)), "activation": jax.nn.tanh}], "count": np.arange(3)}

    def net(weights, x):
        layer = weights["layers"][0]
        return {"second": layer["activation"](x @ layer["kernel"]) + weights["count"], "first": x.sum(-1)}

    return net, weights


def module():
    from flax import nnx

    class Net(nnx.Module):
        def __init__(self, rngs):
            self.linear = nnx.Linear(3, 4, rngs=rngs)
            self.norm = nnx.BatchNorm(4, rngs=rngs)
            self.dropout = nnx.Dropout(0.5, rngs=rngs)

        def __call__(self, x):
            return self.dropout(self.norm(self.linear(x)))

    return Net(nnx.Rngs(0))


def casts():
    return lambda x: (x * 2.0).astype("float32")


def whole():
    return lambda i: i + 1


def branches():
    return lambda x: x * 2.0 if x.sum() > 0 else x


def needs_even():
    return lambda x: x[:2] if x.shape[0] > 2 else x


def double():
    import jax.numpy as jnp

    return lambda x, i: (x / 3.0 + jnp.ones(3), i * 2)


CASES = [
    Case(id="closure", inputs=(X,), build={"jax": closure}, weights="random"),
    Case(id="pair", inputs=(X,), build={"jax": pair}, weights="random"),
    Case(id="module", inputs=(X,), build={"jax": module}, weights="random"),
    Case(id="casts", inputs=(X,), build={"jax": casts}),
    Case(id="whole", inputs=(IDS,), build={"jax": whole}),
    Case(id="beyond", inputs=(TensorSpec(name="i", dtype="int64", shape=(4,), domain=integers(2**40, 2**41)),), build={"jax": whole}),
    Case(
        id="branches", inputs=(TensorSpec(name="x", dtype="float32", shape=(BATCH, 3), domain=uniform(1.0, 2.0)),), build={"jax": branches}
    ),
    Case(id="needs-even", inputs=(X,), build={"jax": needs_even}),
    Case(id="double", inputs=(TensorSpec(name="x", dtype="float64", shape=(BATCH, 3)), IDS), build={"jax": double}),
]
