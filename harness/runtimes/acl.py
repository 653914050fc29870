"""OM files on an Ascend NPU, by pyACL."""

from __future__ import annotations

from typing import Any, Mapping

import numpy as np

from harness.ascend import devices, notes
from harness.core.errors import Unavailable, UsageError
from harness.core.protocols import Option, Source
from harness.runtimes import _acl
from harness.runtimes._acl import Held, check

_PRECISION = {"must_keep_origin_dtype": "float32", "allow_mix_precision_bf16": "bfloat16", "allow_fp32_to_bf16": "bfloat16"}


class AclSession:
    """A model on the device. Buffers live as long as one run."""

    def __init__(self, source: Source, device: str, options: Mapping[str, Any]) -> None:
        self._acl = acl = _acl.module()
        self._held = Held()
        self._room = options["output_bytes"]
        self._notes = notes.beside(source.artifact.entry)
        with Held() as held:
            self._open(acl, held, source.artifact.entry, options["device_id"])
            self._ports, own = _acl.inputs_of(acl, self._desc)
            self._profile = own.get(_acl.PROFILE_INPUT, -1)
            if _acl.AIPP_INPUT in own:
                raise UsageError("the .om takes its AIPP settings at run time; compile it without --insert_op_conf to compare it")
            self._feeds = [port for index, port in enumerate(self._ports) if index not in own.values()]
            self._kind, self._gears = self._profiles() if self._profile >= 0 else ("", [])
            self._held = held.pop_all()
        self.provenance = {
            "device": device, "provider": f"pyACL on {self._soc or 'an unknown chip'}", "soc": self._soc,
            "precision": _PRECISION.get(self._notes["precision_mode"], "float16") if self._notes else "as it was compiled",
        }  # fmt: skip

    def _open(self, acl: Any, held: Held, entry: str, number: int) -> None:
        _acl.start(acl)
        self._context = _acl.enter(acl, held, number)
        check(acl, "rt.set_context", acl.rt.set_context(self._context))
        self._soc = str(acl.get_soc_name() or "") if hasattr(acl, "get_soc_name") else ""
        compiled = self._notes.get("soc", "")
        if compiled and self._soc and compiled.lower() != self._soc.lower():
            raise RuntimeError(f"the .om was compiled for {compiled}, and this device is {self._soc}; write om.atc[soc={self._soc}]")
        self._model, code = acl.mdl.load_from_file(entry)
        check(acl, "mdl.load_from_file", code)
        held.back(acl, "mdl.unload", acl.mdl.unload, self._model)
        self._desc = acl.mdl.create_desc()
        held.back(acl, "mdl.destroy_desc", acl.mdl.destroy_desc, self._desc)
        check(acl, "mdl.get_desc", acl.mdl.get_desc(self._desc, self._model))

    def _profiles(self) -> tuple[str, list[list[int]]]:
        """Return the kind of profiles the model has, and each as the lengths of its open axes; no list where pyACL alone knows."""
        acl = self._acl
        batch, code = acl.mdl.get_dynamic_batch(self._desc)
        check(acl, "mdl.get_dynamic_batch", code)
        if batch["batchCount"]:
            return "dynamic_batch_size", [[size] for size in batch["batch"][: batch["batchCount"]]]
        image, code = acl.mdl.get_dynamic_hw(self._desc, -1)
        check(acl, "mdl.get_dynamic_hw", code)
        if image["hwCount"]:
            return "dynamic_image_size", [list(one) for one in image["hw"][: image["hwCount"]]]
        return "dynamic_dims", [list(one) for one in self._notes.get("profiles", ())]

    def run(self, feeds: Mapping[str, Any]) -> dict[str, Any]:
        """Copy in, execute, copy out; outputs by their place."""
        acl = self._acl
        arrays = {port.name: _acl.checked(port, self._feed(feeds, place)) for place, port in enumerate(self._feeds)}
        lengths = _acl.profile_of(self._kind, self._feeds, arrays) if self._kind else []
        if self._gears and lengths not in self._gears:
            known = "; ".join(",".join(map(str, one)) for one in self._gears)
            asked = ",".join(map(str, lengths))
            raise UsageError(f"{asked} is none of the profiles {known} that the .om has; feed one of them, or compile {asked} too")
        check(acl, "rt.set_context", acl.rt.set_context(self._context))
        with Held() as held:
            inputs = self._inputs(held, arrays)
            if self._kind:
                self._choose(inputs, lengths, arrays)
            elif any(-1 in port.shape for port in self._feeds):
                self._describe(held, inputs, arrays)
            sizes = [_acl.output_of(acl, self._desc, index) for index in range(acl.mdl.get_num_outputs(self._desc))]
            targets = [self._taken(held, size or self._room) for _, size in sizes]
            outputs = self._dataset(held, [(target, size or self._room) for target, (_, size) in zip(targets, sizes)])
            check(acl, "mdl.execute", acl.mdl.execute(self._model, inputs, outputs))
            return {str(index): self._output(outputs, index, targets[index], *sizes[index]) for index in range(len(sizes))}

    def _feed(self, feeds: Mapping[str, Any], place: int) -> Any:
        """Return the feed of an input: by its name, by the name ATC was given, else by place."""
        given = list(self._notes.get("inputs", feeds))
        names = [self._feeds[place].name, *given[place : place + 1]]
        name = next((name for name in names if name in feeds), None)
        if name is None or len(feeds) != len(self._feeds):
            wanted = ", ".join(port.name for port in self._feeds)
            raise UsageError(f"the .om takes {len(self._feeds)} inputs ({wanted}), and was given {', '.join(feeds) or 'none'}")
        return feeds[name]

    def _taken(self, held: Held, size: int) -> int:
        pointer, code = self._acl.rt.malloc(size, _acl.HUGE_FIRST)
        check(self._acl, "rt.malloc", code)
        held.back(self._acl, "rt.free", self._acl.rt.free, pointer)
        return int(pointer)

    def _dataset(self, held: Held, buffers: list[tuple[int, int]]) -> Any:
        """Return a dataset of these places on the device; it and its buffers go before the memory does."""
        acl = self._acl
        dataset = acl.mdl.create_dataset()
        held.back(acl, "mdl.destroy_dataset", acl.mdl.destroy_dataset, dataset)
        for pointer, size in buffers:
            buffer = acl.create_data_buffer(pointer, size)
            held.back(acl, "destroy_data_buffer", acl.destroy_data_buffer, buffer)
            _, code = acl.mdl.add_dataset_buffer(dataset, buffer)
            check(acl, "mdl.add_dataset_buffer", code)
        return dataset

    def _inputs(self, held: Held, arrays: Mapping[str, Any]) -> Any:
        buffers = []
        for index, port in enumerate(self._ports):
            array = None if index == self._profile else arrays[port.name]
            size = port.size if array is None else max(1, array.nbytes)
            if array is not None and port.size and not self._kind and array.nbytes != port.size:
                raise UsageError(f"input {port.name} has {array.nbytes} bytes, and the .om takes {port.size}")
            pointer = self._taken(held, max(size, port.size if self._kind else size))
            if array is not None:
                _acl.copied_in(self._acl, pointer, size, array)
            buffers.append((pointer, size if array is None or not self._kind else max(size, port.size)))
        return self._dataset(held, buffers)

    def _choose(self, inputs: Any, lengths: list[int], arrays: Mapping[str, Any]) -> None:
        """Set the profile: without that the largest one is taken, and what lies behind smaller feeds is read."""
        acl, index = self._acl, self._profile
        if self._kind == "dynamic_batch_size":
            check(acl, "mdl.set_dynamic_batch_size", acl.mdl.set_dynamic_batch_size(self._model, inputs, index, lengths[0]))
        elif self._kind == "dynamic_image_size":
            check(acl, "mdl.set_dynamic_hw_size", acl.mdl.set_dynamic_hw_size(self._model, inputs, index, *lengths))
        else:
            every = [length for port in self._feeds for length in arrays[port.name].shape]
            dims = {"dimCount": len(every), "name": "", "dims": every}
            check(acl, "mdl.set_input_dynamic_dims", acl.mdl.set_input_dynamic_dims(self._model, inputs, index, dims))

    def _describe(self, held: Held, inputs: Any, arrays: Mapping[str, Any]) -> None:
        """Tell the shapes of inputs whose lengths are a range or open."""
        acl = self._acl
        for index, port in enumerate(self._ports):
            desc = acl.create_tensor_desc(acl.mdl.get_input_data_type(self._desc, index), list(arrays[port.name].shape), 2)
            # This one function of pyACL returns no code.
            held.back(acl, "destroy_tensor_desc", lambda one: acl.destroy_tensor_desc(one) or 0, desc)
            _, code = acl.mdl.set_dataset_tensor_desc(inputs, desc, index)
            check(acl, "mdl.set_dataset_tensor_desc", code)

    def _output(self, outputs: Any, index: int, pointer: int, dtype: str, size: int) -> Any:
        acl = self._acl
        open_ = not self._kind and any(-1 in port.shape for port in self._feeds)
        if open_:
            desc = acl.mdl.get_dataset_tensor_desc(outputs, index)
            shape = [acl.get_tensor_desc_dim_v2(desc, axis)[0] for axis in range(acl.get_tensor_desc_num_dims(desc))]
        else:
            dims, code = acl.mdl.get_cur_output_dims(self._desc, index)
            check(acl, "mdl.get_cur_output_dims", code)
            shape = list(dims["dims"])
        count = int(np.prod(shape, dtype=np.int64)) * np.dtype(dtype).itemsize
        if min(shape, default=0) < 0 or count > (size or self._room):
            raise RuntimeError(f"output {index} has the shape {shape} and {count} bytes, room is for {size or self._room}; "
                               f"write acl[output_bytes={max(count, self._room)}]")  # fmt: skip
        raw = _acl.copied_out(acl, pointer, count) if count else b""
        return np.frombuffer(raw, dtype=dtype).reshape(shape).copy()

    def close(self) -> None:
        """Unload the model and leave the device."""
        self._held.close()


class Acl:
    """pyACL. An NPU is here when pyACL itself finds one."""

    name = "acl"
    accepts = ("om",)
    toolchain = "cann"
    distributions = ("numpy",)
    devices = ("npu",)
    options = (
        Option(name="device_id", default=0, help="number of the NPU"),
        Option(name="output_bytes", default=1 << 26, help="room for an output whose size is known only after the run"),
    )
    made_of = ("harness.ascend.codes", "harness.ascend.notes")

    def probe(self, device: str) -> None:
        """Ask pyACL for devices; where it finds none, say what npu-smi sees."""
        acl = _acl.module()
        _acl.start(acl)
        count, code = acl.rt.get_device_count()
        if code != 0 or not count:
            seen = devices.told(*devices.ask())
            said = f"acl.rt.get_device_count returned {code}" if code else "pyACL finds no NPU"
            raise Unavailable(f"{said}; {seen}", "an Ascend NPU with its driver, and permission to use /dev/davinci*")

    def load(self, source: Source, device: str, options: Mapping[str, Any]) -> AclSession:
        """Load the OM file."""
        return AclSession(source, device, options)


ADAPTERS = (Acl(),)
