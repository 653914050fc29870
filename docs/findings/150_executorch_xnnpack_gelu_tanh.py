"""ExecuTorch's XNNPACK backend computes the exact Gelu for approximate = tanh."""

# toolchain: executorch
import numpy as np
import torch
from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner
from executorch.exir import to_edge_transform_and_lower
from executorch.runtime import Runtime

x = torch.linspace(-4, 4, 17)
program = torch.export.export(torch.nn.GELU(approximate="tanh"), (x,))
edge = to_edge_transform_and_lower(program, partitioner=[XnnpackPartitioner()])
loaded = Runtime.get().load_program(edge.to_executorch().buffer)
expected = program.module()(x).numpy()
got = loaded.load_method("forward").execute([x])[0].numpy()
print("expected", expected[4:8])
print("got     ", got[4:8], "the exact one is", torch.nn.GELU()(x).numpy()[4:8])
print("error   ", float(np.abs(got.astype(float) - expected).max()) if got.shape == expected.shape else f"shape {got.shape}, expected {expected.shape}")
