"""Zoo graphs of layers: convolutions, normalisation, windows, interpolation, recurrences, attention."""

from __future__ import annotations

from typing import Any

import numpy as np

from harness.core.spec import Dim, TensorSpec, integers, normal, uniform
from harness.faults._zoo_build import BATCH, LENGTH, entry, f32, i64, named

FEW = Dim("batch", 1, 2, example=2)
_BN = ("scale", "bias", "mean", "var")


def _bn(stem: str, channels: int) -> dict[str, Any]:
    """Return the shapes of the weights of one batch normalisation."""
    return {f"{stem}.{part}": (channels,) for part in _BN}


def _rnn(stem: str, directions: int, gates: int, hidden: int, features: int) -> dict[str, Any]:
    return {f"{stem}.w": (directions, gates * hidden, features), f"{stem}.r": (directions, gates * hidden, hidden),
            f"{stem}.bias": (directions, 2 * gates * hidden)}  # fmt: skip


_CAUSAL = np.triu(np.ones((7, 7), bool), 1)
_DEEP = float(np.finfo(np.float32).min)

CONV = (
    entry("conv-net", [f32("x", BATCH, 3, 11, 13)], """
        c = Conv<pads = [1, 1, 1, 1], strides = [2, 2]>(x, c1.w, c1.bias)
        n = BatchNormalization<epsilon = 0.001>(c, n1.scale, n1.bias, n1.mean, n1.var)
        r = Relu(n)
        d = Conv<pads = [1, 1, 1, 1]>(r, c2.w, c2.bias)
        m = BatchNormalization(d, n2.scale, n2.bias, n2.mean, n2.var)
        s = Add(r, m)
        k = Clip(s, zero, six)
        g = GlobalAveragePool(k)
        f = Flatten(g)
        y = Gemm<transB = 1, alpha = 0.5, beta = 0.7>(f, fc.w, fc.bias)""",
        **named({"c1.w": (7, 3, 3, 3), "c1.bias": (7,), "c2.w": (7, 7, 3, 3), "c2.bias": (7,), "fc.w": (5, 7), "fc.bias": (5,),
        **_bn("n1", 7), **_bn("n2", 7)}),
        zero=0.0, six=6.0),
    entry("conv-equal", [f32("x", BATCH, 5, 5, 5)], """
        c = Conv<pads = [1, 1, 1, 1]>(x, c1.w, c1.bias)
        h = Clip(c, zero, six)
        t = Transpose<perm = [0, 2, 3, 1]>(h)
        p = Add(t, ramp)
        u = Transpose<perm = [0, 3, 1, 2]>(p)
        y = Conv<pads = [0, 1, 0, 1], kernel_shape = [1, 3]>(u, c2.w, c2.bias)""",
        **named({"c1.w": (5, 5, 3, 3), "c1.bias": (5,), "c2.w": (5, 5, 1, 3), "c2.bias": (5,)}), zero=0.0, six=6.0,
        ramp=[0.1, -0.3, 0.2, 0.7, -0.5]),
    entry("conv-groups", [f32("x", BATCH, 6, 11, 7)], """
        a = Conv<group = 2, pads = [2, 2, 2, 2], dilations = [2, 2]>(x, c1.w, c1.bias)
        b = HardSwish(a)
        c = Conv<group = 4, pads = [1, 1, 1, 1]>(b, c2.w, c2.bias)
        d = MaxPool<kernel_shape = [2, 2], dilations = [2, 2], pads = [1, 1, 1, 1]>(c)
        y = HardSwish(d)""",
        **named({"c1.w": (8, 3, 3, 3), "c1.bias": (8,), "c2.w": (8, 2, 3, 3), "c2.bias": (8,)})),
    entry("conv-transpose", [f32("x", BATCH, 5, 7, 3)], """
        a = ConvTranspose<strides = [2, 2], pads = [1, 1, 1, 1], output_padding = [1, 1]>(x, c1.w, c1.bias)
        b = LeakyRelu<alpha = 0.2>(a)
        y = ConvTranspose<strides = [2, 2], pads = [1, 1, 1, 1], output_padding = [1, 1]>(b, c2.w, c2.bias)""",
        **named({"c1.w": (5, 5, 3, 3), "c1.bias": (5,), "c2.w": (5, 3, 3, 3), "c2.bias": (3,)})),
    entry("same-pads", [f32("x", BATCH, 3, 11, 13)], """
        a = Conv<auto_pad = "SAME_UPPER", strides = [2, 2]>(x, w, bias)
        y = Conv<auto_pad = "SAME_LOWER">(a, w2, bias2)""", w=(5, 3, 2, 2), bias=(5,), w2=(3, 5, 2, 2), bias2=(3,), reference=False),
    entry("same-pools", [f32("x", BATCH, 3, 11, 13)], """
        b = MaxPool<auto_pad = "SAME_LOWER", kernel_shape = [2, 2]>(x)
        y = AveragePool<auto_pad = "SAME_UPPER", kernel_shape = [2, 2]>(b)""", reference=False),
    entry("pools", [f32("x", BATCH, 3, 11, 13)], """
        a = MaxPool<kernel_shape = [2, 2], strides = [2, 2], ceil_mode = 1, pads = [0, 1, 0, 1]>(x)
        b = AveragePool<kernel_shape = [3, 3], strides = [2, 2], pads = [1, 1, 1, 1], count_include_pad = 1>(x)
        d = LpPool<kernel_shape = [2, 2], p = 2, pads = [1, 1, 0, 0]>(x)
        e = MaxPool<kernel_shape = [2, 2], strides = [2, 2]>(x)""", "a b d e"),
    entry("pool-ceil", [f32("x", BATCH, 3, 11, 13)], """
        y = AveragePool<kernel_shape = [3, 2], strides = [2, 3], pads = [1, 1, 1, 1], ceil_mode = 1>(x)""", reference=False),
    entry("pads", [f32("x", BATCH, 3, 7, 5)], """
        a = Pad<mode = "reflect">(x, p)
        b = Pad<mode = "edge">(x, p)
        c = Pad(x, p, half)
        d = Pad(x, q)
        w = Pad<mode = "wrap">(x, p)""", "a b c d w", p=[0, 0, 2, 1, 0, 0, 1, 2], q=[0, 0, 0, 1, 0, 0, 0, 0], half=0.5),
    entry("image-last", [f32("x", BATCH, 11, 7, 3)], """
        t = Transpose<perm = [0, 3, 1, 2]>(x)
        c = Conv(t, w, bias)
        y = Transpose<perm = [0, 2, 3, 1]>(c)""", w=(5, 3, 3, 3), bias=(5,)),
)  # fmt: skip

RESIZE = (
    entry("resize-nearest", [f32("x", FEW, 2, 5, 3)], """
        a = Resize<mode = "nearest", coordinate_transformation_mode = "asymmetric", nearest_mode = "floor">(x, , scales)
        b = Resize<mode = "nearest", coordinate_transformation_mode = "align_corners">(x, , scales)
        c = Resize<mode = "nearest", nearest_mode = "round_prefer_ceil">(x, , scales)""", "a b c", scales=[1.0, 1.0, 1.7, 1.5]),
    entry("resize-linear", [f32("x", FEW, 2, 5, 3)], """
        a = Resize<mode = "linear">(x, , scales)
        c = Resize<mode = "linear", coordinate_transformation_mode = "asymmetric">(x, , down)
        d = Resize<mode = "linear", antialias = 1>(x, , down)""", "a c d", scales=[1.0, 1.0, 1.7, 2.3], down=[1.0, 1.0, 0.6, 0.5]),
    entry("resize-cubic", [f32("x", FEW, 2, 5, 3)], """
        a = Resize<mode = "cubic">(x, , scales)
        b = Resize<mode = "cubic", cubic_coeff_a = -0.5>(x, , scales)
        c = Resize<mode = "cubic", coordinate_transformation_mode = "asymmetric">(x, , scales)""", "a b c", scales=[1.0, 1.0, 1.7, 2.3]),
    entry("resize-corners", [f32("x", FEW, 2, 5, 3)], """
        a = Resize<mode = "linear", coordinate_transformation_mode = "align_corners">(x, , scales)
        b = Resize<mode = "linear", coordinate_transformation_mode = "pytorch_half_pixel">(x, , down)
        c = Resize<mode = "cubic", coordinate_transformation_mode = "align_corners">(x, , scales)""", "a b c",
        scales=[1.0, 1.0, 1.7, 2.3], down=[1.0, 1.0, 0.6, 0.5], reference=False),
    entry("resize-sizes", [f32("x", 1, 2, 5, 3)], """
        a = Resize<mode = "linear">(x, , , up)
        b = Resize<mode = "nearest">(x, , , up)""", "a b", up=np.array([1, 2, 7, 4])),
    entry("grid-sample", [f32("x", BATCH, 3, 7, 5), f32("grid", BATCH, 5, 3, 2, domain=uniform(-1.3, 1.3))], """
        a = GridSample<mode = "linear">(x, grid)
        b = GridSample<mode = "linear", align_corners = 1, padding_mode = "border">(x, grid)""", "a b"),
    entry("roi-align", [f32("x", 2, 3, 11, 13), f32("rois", 5, 4, domain=uniform(0.3, 4.2)), i64("at", 5, high=1)], """
        o = Add(rois, wide)
        a = RoiAlign<output_height = 3, output_width = 2, sampling_ratio = 2>(x, o, at)
        b = RoiAlign<output_height = 2, output_width = 2, mode = "max", sampling_ratio = 2>(x, o, at)
        c = RoiAlign<output_height = 2, output_width = 2, coordinate_transformation_mode = "output_half_pixel">(x, o, at)""",
        "a b c", wide=[0.0, 0.0, 5.3, 4.1]),
)  # fmt: skip

NORM = (
    entry("norms", [f32("x", BATCH, 7, 5, domain=normal(0.02))], """
        a = LayerNormalization<axis = -1, epsilon = 0.0001>(x, l.scale, l.bias)
        b = InstanceNormalization<epsilon = 0.0001>(x, i.scale, i.bias)
        s = Add(a, b)
        c = BatchNormalization(s, n.scale, n.bias, n.mean, n.var)
        y = LayerNormalization<axis = -1>(c, l.scale, l.bias)""",
        **named({"l.scale": (5,), "l.bias": (5,), "i.scale": (7,), "i.bias": (7,), **_bn("n", 7)})),
    entry("rms-norm", [f32("x", BATCH, LENGTH, 7, domain=normal(0.02))], """
        q = Mul(x, x)
        m = ReduceMean<keepdims = 1>(q, last)
        v = Add(m, eps)
        r = Sqrt(v)
        n = Div(x, r)
        h = Mul(n, scale)
        q2 = Mul(h, h)
        m2 = ReduceMean<keepdims = 1>(q2, both)
        v2 = Add(eps, m2)
        r2 = Sqrt(v2)
        y = Div(h, r2)""", last=[-1], both=[1, 2], eps=1e-5, scale=(7,)),
    entry("lp-norms", [f32("x", BATCH, 7, 5, 3)], """
        a = LpNormalization<axis = 1, p = 2>(x)
        b = Exp(a)
        y = LpNormalization<axis = 2, p = 2>(b)"""),
    entry("response-norms", [f32("x", BATCH, 7, 5, 3)], """
        a = LRN<size = 3, alpha = 0.5, beta = 0.6, bias = 1.5>(x)
        y = LRN<size = 5, alpha = 0.3, bias = 1.0>(a)""", reference=False),
    entry("mlp-blocks", [f32("x", BATCH, 7)], """
        a1 = LayerNormalization<axis = -1>(x, l1.scale, l1.bias)
        b1 = MatMul(a1, w1)
        c1 = Add(b1, bias1)
        d1 = Relu(c1)
        e1 = Dropout(d1, ratio)
        f1 = Add(x, e1)
        a2 = LayerNormalization<axis = -1>(f1, l2.scale, l2.bias)
        b2 = MatMul(a2, w2)
        c2 = Add(b2, bias2)
        d2 = Relu(c2)
        e2 = Dropout(d2)
        f2 = Add(f1, e2)
        a3 = LayerNormalization<axis = -1>(f2, l3.scale, l3.bias)
        b3 = MatMul(a3, w3)
        c3 = Add(b3, bias3)
        d3 = Relu(c3)
        e3 = Dropout(d3, ratio)
        y = Add(f2, e3)""", ratio=0.25,
        **named({key: held for n in "123" for key, held in ((f"l{n}.scale", (7,)), (f"l{n}.bias", (7,)), (f"w{n}", (7, 7)),
        (f"bias{n}", (7,)))})),
)  # fmt: skip

RECURRENT = (
    entry("lstm", [f32("x", LENGTH, BATCH, 5), f32("h0", 1, BATCH, 3), f32("c0", 1, BATCH, 3)], """
        a, h = LSTM<hidden_size = 3>(x, l1.w, l1.r, l1.bias, , h0, c0)
        s = Squeeze(a, one)
        y = LSTM<hidden_size = 3>(s, l2.w, l2.r, l2.bias)""", "y h", one=[1], **_rnn("l1", 1, 4, 3, 5), **_rnn("l2", 1, 4, 3, 3)),
    entry("gru", [f32("x", LENGTH, BATCH, 5), f32("h0", 1, BATCH, 3)], """
        a, h = GRU<hidden_size = 3, linear_before_reset = 1>(x, g1.w, g1.r, g1.bias, , h0)
        s = Squeeze(a, one)
        y = GRU<hidden_size = 3>(s, g2.w, g2.r, g2.bias)
        v = RNN<hidden_size = 3>(s, r1.w, r1.r, r1.bias, , h0)""", "y h v", one=[1],
        **_rnn("g1", 1, 3, 3, 5), **_rnn("g2", 1, 3, 3, 3), **_rnn("r1", 1, 1, 3, 3)),
    entry("lstm-both-ways", [f32("x", LENGTH, BATCH, 5), f32("h0", 2, BATCH, 3), f32("c0", 2, BATCH, 3)], """
        a, h, c = LSTM<hidden_size = 3, direction = "bidirectional">(x, l1.w, l1.r, l1.bias, , h0, c0)
        t = Transpose<perm = [0, 2, 1, 3]>(a)
        f = Reshape(t, flat)
        y, k, d = LSTM<hidden_size = 3, direction = "reverse">(f, l2.w, l2.r, l2.bias)
        z, k2, d2 = LSTM<hidden_size = 3>(f, l3.w, l3.r, l3.bias)""", "y z h c", flat=[0, 0, -1], reference=False,
        **_rnn("l1", 2, 4, 3, 5), **_rnn("l2", 1, 4, 3, 6), **_rnn("l3", 1, 4, 3, 6)),
    entry("gru-lengths", [f32("x", LENGTH, BATCH, 5), f32("h0", 1, BATCH, 3),
        TensorSpec(name="lens", dtype="int32", shape=(BATCH,), domain=integers(1, 5))], """
        lim = Min(lens, two)
        y, k = GRU<hidden_size = 3, direction = "reverse">(x, g2.w, g2.r, g2.bias)
        z, q = GRU<hidden_size = 3, direction = "bidirectional">(x, g3.w, g3.r, g3.bias, lim)
        v, u = RNN<hidden_size = 3>(x, r1.w, r1.r, r1.bias, lim, h0)""", "y z v", two=np.array([2], np.int32), reference=False,
        **_rnn("g2", 1, 3, 3, 5), **_rnn("g3", 2, 3, 3, 5), **_rnn("r1", 1, 1, 3, 5)),
)  # fmt: skip

ATTENTION = (
    entry("attention-mask", [f32("x", BATCH, LENGTH, 6), TensorSpec(name="keep", dtype="bool", shape=(BATCH, LENGTH))], """
        p = MatMul(x, qkv)
        pb = Add(p, qkv.bias)
        q, k, v = Split<axis = -1, num_outputs = 3>(pb)
        q4 = Reshape(q, heads)
        qh = Transpose<perm = [0, 2, 1, 3]>(q4)
        k4 = Reshape(k, heads)
        kh = Transpose<perm = [0, 2, 3, 1]>(k4)
        v4 = Reshape(v, heads)
        vh = Transpose<perm = [0, 2, 1, 3]>(v4)
        s = MatMul(qh, kh)
        d = Div(s, root)
        m = Unsqueeze(keep, axes)
        w = Where(m, zero, deep)
        e = Add(d, w)
        a = Softmax<axis = -1>(e)
        o = MatMul(a, vh)
        ot = Transpose<perm = [0, 2, 1, 3]>(o)
        of = Reshape(ot, joined)
        z = MatMul(of, out.w)
        y = Add(x, z)""",
        qkv=(6, 18), **named({"qkv.bias": (18,), "out.w": (6, 6)}), heads=[0, 0, 2, 3], joined=[0, 0, 6], root=3**0.5, axes=[1, 2],
        zero=0.0, deep=_DEEP),
    entry("attention-causal", [f32("q", BATCH, 7, 5), f32("k", BATCH, 7, 5), f32("v", BATCH, 7, 5)], """
        qs = Mul(q, quarter)
        kt = Transpose<perm = [0, 2, 1]>(k)
        s = MatMul(qs, kt)
        m = Where(causal, deep, s)
        a = Softmax<axis = -1>(m)
        o = MatMul(a, v)
        ones = ConstantOfShape<value = float[1] {1.0}>(square)
        low = Trilu<upper = 0>(ones)
        s2 = MatMul(q, kt)
        d2 = Div(s2, root)
        t2 = Mul(d2, low)
        z2 = Softmax<axis = -1>(t2)
        w = MatMul(z2, o)
        b3 = Add(d2, additive)
        z3 = Softmax<axis = -1>(b3)
        y = MatMul(z3, w)
        up = Trilu<upper = 1>(s2, two)""",
        "y up", quarter=5**-0.5, root=5**0.5, causal=_CAUSAL, deep=float("-inf"), square=[7, 7], two=np.array(2),
        additive=np.where(_CAUSAL, -np.inf, 0.0)),
    entry("attention-equal", [f32("x", 5, 5, 5)], """
        q = MatMul(x, q.w)
        k = MatMul(x, k.w)
        kt = Transpose<perm = [0, 2, 1]>(k)
        s = MatMul(q, kt)
        d = Mul(s, scale)
        a = Softmax<axis = -1>(d)
        y = MatMul(a, x)""", scale=5**-0.5, **named({"q.w": (5, 5), "k.w": (5, 5)})),
    entry("decoder", [i64("tokens", BATCH, 7, below=11)], """
        e = Gather(embed.w, tokens)
        h = Add(e, pos.w)
        p = MatMul(h, in_proj)
        q, k, v = Split<axis = -1, num_outputs = 3>(p)
        q4 = Reshape(q, heads)
        qh = Transpose<perm = [0, 2, 1, 3]>(q4)
        k4 = Reshape(k, heads)
        kh = Transpose<perm = [0, 2, 3, 1]>(k4)
        v4 = Reshape(v, heads)
        vh = Transpose<perm = [0, 2, 1, 3]>(v4)
        s = MatMul(qh, kh)
        d = Mul(s, scale)
        m = Add(d, causal)
        a = Softmax<axis = -1>(m)
        o = MatMul(a, vh)
        ot = Transpose<perm = [0, 2, 1, 3]>(o)
        of = Reshape(ot, joined)
        r = Add(h, of)
        logits = MatMul(r, head)
        y = LogSoftmax<axis = -1>(logits)""",
        **named({"embed.w": (11, 6), "pos.w": (7, 6)}), in_proj=(6, 18), head=(6, 11), heads=[0, 0, 2, 3], joined=[0, 0, 6],
        scale=3**-0.5, causal=np.where(_CAUSAL, -1e30, 0.0)),
    entry("positions", [i64("ids", BATCH, LENGTH, below=11), i64("at", BATCH, LENGTH, below=13), f32("mem", BATCH, 7, 6)], """
        e = Gather(embed.w, ids)
        p = Gather(pos.w, at)
        h = Add(e, p)
        kt = Transpose<perm = [0, 2, 1]>(mem)
        s = MatMul(h, kt)
        d = Div(s, root)
        a = Softmax<axis = -1>(d)
        y = MatMul(a, mem)""", **named({"embed.w": (11, 6), "pos.w": (13, 6)}), root=6**0.5),
)  # fmt: skip

ENTRIES = (*CONV, *RESIZE, *NORM, *RECURRENT, *ATTENTION)
