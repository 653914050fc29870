"""`torch` functions over their arguments, pairwise, and models that branch on a size. Chosen by name: not part of the main job."""

from __future__ import annotations

from _sweep_build import f32, on_size, torch_make
from _torch_functions import families

from harness import Dim
from harness.generate.signatures import place_of
from harness.generate.sweeps import Family, branches, cases_of

SIZES = {
    "rows": [f32("x", Dim("batch", 1, 4, example=2), 5)],
    "image": [f32("x", Dim("batch", 1, 4, example=2), 3, Dim("height", 3, 6, example=4), 5)],
    "two": [f32("x", 3, Dim("length", 3, 6, example=4)), f32("y", Dim("other", 1, 4, example=2), 4)],
}
BRANCHES = [
    Family(name=f"branch_on_{name}", call=on_size(number, axis, threshold), inputs={word: specs})
    for word, specs in SIZES.items()
    for name, number, axis, threshold in branches(specs)
]
CASES = cases_of([*families(), *BRANCHES], "torch", torch_make, files=[str(place_of("torch") / "version.py")])
