"""Resizing with interpolation area becomes another interpolation."""

import os

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import keras
import numpy as np
import onnxruntime
import tensorflow as tf
import tf2onnx

rng = np.random.default_rng(0)
x = rng.normal(size=(1, 8, 10, 1)).astype(np.float32)
names = ['x']
inputs = [keras.Input(batch_shape=array.shape, name=name, dtype=array.dtype.name) for name, array in zip(names, [x])]
model = keras.Model(inputs, (lambda x: keras.layers.Resizing(4, 5, interpolation="area")(x))(*inputs))
expected = np.asarray(model([x]))
function = tf.function(lambda x: model([x]), input_signature=[tf.TensorSpec(i.shape, i.dtype, n) for i, n in zip(inputs, names)])
proto, _ = tf2onnx.convert.from_function(function, input_signature=function.input_signature, opset=17)
session = onnxruntime.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
got = session.run(None, dict(zip([i.name for i in session.get_inputs()], [x])))[0]
print("expected", expected.ravel()[:6], expected.shape)
print("got     ", got.ravel()[:6], got.shape)
same = got.shape == expected.shape
print("error   ", float(np.abs(got.astype(float) - expected).max()) if same else f"shape {got.shape}, expected {expected.shape}")
