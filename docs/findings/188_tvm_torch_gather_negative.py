"""TVM's reader of torch.export reads memory before the tensor for negative indices."""

# toolchain: tvm
import logging

import numpy as np
import torch
import tvm
from tvm import relax
from tvm.relax.frontend.torch import from_exported_program

logging.disable(logging.WARNING)


class Net(torch.nn.Module):
    def forward(self, x, i):
        return x[i]


given = [np.arange(12, dtype=np.float32).reshape(4, 3), np.int64([-1, -2])]
expected = given[0][given[1]]
program = torch.export.export(Net(), tuple(map(torch.from_numpy, given)))
machine = relax.VirtualMachine(tvm.compile(from_exported_program(program), "llvm"), tvm.cpu())
got = machine["main"](*map(tvm.runtime.tensor, given))[0].numpy()
print("expected", expected.ravel()[:6])
print("got     ", got.ravel()[:6])
print("error   ", float(np.abs(got.astype(float) - expected).max()) if got.shape == expected.shape else f"shape {got.shape}, expected {expected.shape}")
