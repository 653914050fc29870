"""log_sigmoid becomes -log(1 + exp(-x)): -inf for large negative inputs."""

import os

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import keras
import numpy as np
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter

x = np.array([-80.0, -90.0, -100.0, 18.0], np.float32)
names = ['x']
inputs = [keras.Input(batch_shape=array.shape, name=name, dtype=array.dtype.name) for name, array in zip(names, [x])]
model = keras.Model(inputs, (lambda x: keras.activations.log_sigmoid(x))(*inputs))
expected = np.asarray(model([x]))
function = tf.function(lambda x: model([x]), input_signature=[tf.TensorSpec(i.shape, i.dtype, n) for i, n in zip(inputs, names)])
content = tf.lite.TFLiteConverter.from_concrete_functions([function.get_concrete_function()], model).convert()
runner = Interpreter(model_content=content).get_signature_runner()
got = next(iter(runner(**dict(zip(names, [x]))).values()))
print("expected", expected.ravel()[:6], expected.shape)
print("got     ", got.ravel()[:6], got.shape)
same = got.shape == expected.shape
print("error   ", float(np.abs(got.astype(float) - expected).max()) if same else f"shape {got.shape}, expected {expected.shape}")
