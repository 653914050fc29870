"""TVM's reader of torch.export ignores divisor_override."""

# toolchain: tvm
import logging

import numpy as np
import torch
import tvm
from tvm import relax
from tvm.relax.frontend.torch import from_exported_program

logging.disable(logging.WARNING)


class Net(torch.nn.Module):
    def forward(self, x):
        return torch.nn.functional.avg_pool2d(x, 2, divisor_override=3)


given = [np.ones((1, 1, 4, 4), np.float32)]
expected = np.full((1, 1, 2, 2), 4 / 3)
program = torch.export.export(Net(), tuple(map(torch.from_numpy, given)))
machine = relax.VirtualMachine(tvm.compile(from_exported_program(program), "llvm"), tvm.cpu())
got = machine["main"](*map(tvm.runtime.tensor, given))[0].numpy()
if np.abs(got - expected).max() < 1e-6:
    got = expected  # ordinary rounding
print("expected", expected.ravel()[:6])
print("got     ", got.ravel()[:6])
print("error   ", float(np.abs(got.astype(float) - expected).max()) if got.shape == expected.shape else f"shape {got.shape}, expected {expected.shape}")
