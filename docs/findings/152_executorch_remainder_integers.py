"""ExecuTorch's remainder of whole numbers takes the sign of the dividend, as fmod does."""

# toolchain: executorch
import numpy as np
import torch
from executorch.exir import to_edge_transform_and_lower
from executorch.runtime import Runtime


class Remainder(torch.nn.Module):
    def forward(self, x, y):
        return torch.remainder(x, y)


x, y = torch.tensor([-9, -4, -1, 4, 9]), torch.tensor([4, 4, 3, 3, 5])
program = torch.export.export(Remainder(), (x, y))
loaded = Runtime.get().load_program(to_edge_transform_and_lower(program).to_executorch().buffer)
expected = torch.remainder(x, y).numpy()
got = loaded.load_method("forward").execute([x, y])[0].numpy()
print("expected", expected.tolist())
print("got     ", got.tolist())
print("error   ", float(np.abs(got - expected).max()) if got.shape == expected.shape else f"shape {got.shape}, expected {expected.shape}")
