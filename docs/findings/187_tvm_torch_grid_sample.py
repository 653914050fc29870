"""TVM's reader of torch.export takes the grid of grid_sample with its axes in another order."""

# toolchain: tvm
import logging

import numpy as np
import torch
import tvm
from tvm import relax
from tvm.relax.frontend.torch import from_exported_program

logging.disable(logging.WARNING)


class Net(torch.nn.Module):
    def forward(self, x, grid):
        return torch.nn.functional.grid_sample(x, grid, align_corners=False)


given = [np.ones((1, 1, 4, 4), np.float32), np.zeros((1, 5, 9, 2), np.float32)]
expected = np.ones((1, 1, 5, 9))
program = torch.export.export(Net(), tuple(map(torch.from_numpy, given)))
machine = relax.VirtualMachine(tvm.compile(from_exported_program(program), "llvm"), tvm.cpu())
got = machine["main"](*map(tvm.runtime.tensor, given))[0].numpy()
print("expected", expected.ravel()[:6])
print("got     ", got.ravel()[:6])
print("error   ", float(np.abs(got.astype(float) - expected).max()) if got.shape == expected.shape else f"shape {got.shape}, expected {expected.shape}")
