"""ExecuTorch's nonzero writes row by row into a result that its program declares to lie column by column."""

# toolchain: executorch
import numpy as np
import torch
from executorch.exir import to_edge_transform_and_lower
from executorch.runtime import Runtime


class Nonzero(torch.nn.Module):
    def forward(self, x):
        return torch.nonzero(x)


x = torch.tensor([[1, 0, -1, 2], [0, 0, 3, 1]])
program = torch.export.export(Nonzero(), (x,))
loaded = Runtime.get().load_program(to_edge_transform_and_lower(program).to_executorch().buffer)
expected = torch.nonzero(x).numpy()
result = loaded.load_method("forward").execute([x])[0]
got = result.numpy()
print("expected", expected.tolist())
print("got     ", got.tolist(), "with strides", result.stride())
print("error   ", float(np.abs(got - expected).max()) if got.shape == expected.shape else f"shape {got.shape}, expected {expected.shape}")
