"""Zoo graphs of single operators: activations, indices, integers, shapes, control flow, several outputs."""

from __future__ import annotations

import numpy as np

from harness.core.spec import uniform
from harness.faults._zoo_build import BATCH, LENGTH, entry, f32, i64, named

_X = f32("x", BATCH, 7)

_TAILS = """
    a = Softplus(x)
    b = Sigmoid(x)
    c = Softmax<axis = -1>(x)
    d = LogSoftmax<axis = -1>(x)
    e = ReduceLogSumExp<keepdims = 1>(x, last)
    f = Sub(x, a)
    g = Softplus(f)
    h = ReduceLogSumExp<keepdims = 1>(f, last)
    i = LogSoftmax<axis = -1>(f)
    j = Mul(x, b)"""

ACTIVATION = (
    entry("gelu-op", [f32("x", BATCH, 7, domain=uniform(-4.0, 4.0))], """
        a = Gelu(x)
        h = MatMul(a, w)
        y = Gelu<approximate = "tanh">(h)""", w=(7, 5)),
    entry("gelu-erf", [f32("x", BATCH, 7, domain=uniform(-4.0, 4.0))], """
        d = Div(x, root)
        e = Erf(d)
        p = Add(e, one)
        m = Mul(x, p)
        g = Mul(m, half)
        h = MatMul(g, w)
        d2 = Mul(h, inverse)
        e2 = Erf(d2)
        p2 = Add(e2, one)
        m2 = Mul(h, p2)
        y = Mul(m2, half)""", root=2**0.5, inverse=0.5**0.5, one=1.0, half=0.5, w=(7, 5)),
    entry("gelu-tanh", [f32("x", BATCH, 7, domain=uniform(-4.0, 4.0))], """
        q = Mul(x, x)
        c = Mul(q, x)
        k = Mul(c, cubic)
        s = Add(x, k)
        t = Mul(s, outer)
        u = Tanh(t)
        p = Add(u, one)
        m = Mul(x, p)
        h = Mul(m, half)
        q2 = Mul(h, h)
        c2 = Mul(q2, h)
        k2 = Mul(cubic, c2)
        s2 = Add(k2, h)
        t2 = Mul(outer, s2)
        u2 = Tanh(t2)
        p2 = Add(u2, one)
        m2 = Mul(h, p2)
        y = Mul(half, m2)""", cubic=0.044715, outer=(2 / np.pi) ** 0.5, one=1.0, half=0.5),
    entry("activations", [_X], """
        a = LeakyRelu<alpha = 0.1>(x)
        b = Elu<alpha = 0.7>(x)
        c = Celu<alpha = 1.3>(x)
        d = HardSigmoid<alpha = 0.2>(x)
        e = Selu(x)
        f = Mish(x)
        g = PRelu(x, slope)
        h = HardSigmoid<alpha = 0.16666667>(b)
        i = Selu(f)
        j = Mish(g)
        k = PRelu(c, slope)
        l = LeakyRelu(c)
        m = Tanh(l)""", "a b c d e f g h i j k m", slope=(7,)),
    entry("tails", [f32("x", BATCH, 7, domain=uniform(-40.0, 40.0))], _TAILS, "a b c d e g h i j", last=[-1]),
    # Here the evaluator, which is naive itself, overflows.
    entry("far-tails", [f32("x", BATCH, 7, domain=uniform(-120.0, 120.0))], _TAILS, "a b c d e g h i j", last=[-1], reference=False),
    entry("clips", [f32("x", BATCH, 7, domain=uniform(-9.0, 9.0))], """
        a = Clip(x, zero, six)
        b = Clip(x, low, high)
        c = Max(a, b)
        y = Relu(c)
        z = Min(b, x)
        m = ReduceMax<keepdims = 1>(z, last)""", "y z m", zero=0.0, six=6.0, low=-1.5, high=2.5, last=[-1]),
)  # fmt: skip

INDEX = (
    entry("scatter", [f32("x", 7, 5), i64("rows", 4, 1, low=-7, high=6), f32("u", 4, 5), i64("at", 3, 5, low=-7, high=6), f32("v", 3, 5)],
          """
        a = ScatterND<reduction = "add">(x, rows, u)
        b = ScatterElements<axis = 0, reduction = "add">(a, at, v)
        y = ScatterElements<axis = 0, reduction = "max">(b, at, v)"""),
    entry("gather", [f32("x", 7, 7), i64("i", BATCH, low=-5, high=6), i64("at", 3, 7, low=-7, high=6),
          i64("nd", BATCH, 2, low=-7, high=6)], """
        a = Gather<axis = 0>(x, i)
        b = GatherElements<axis = 0>(x, at)
        c = GatherND(x, nd)
        d = OneHot<axis = -1>(i, depth, values)
        t = Gather(table, i)
        g = Gather<axis = 1>(x, i)
        o = OneHot<axis = 0>(nd, depth, values)""", "a b c d t g o", depth=np.array(7), values=[-0.5, 1.5], table=(11, 3)),
    entry("top-k", [f32("x", BATCH, 7, 5)], """
        v, i = TopK<axis = 1>(x, three)
        w, j = TopK<axis = -1, largest = 0>(v, two)""", "v i w j", three=[3], two=[2]),
    entry("arg", [f32("x", 5, 5), i64("n", 5, 5, low=0, high=2)], """
        a = ArgMax<axis = 0, keepdims = 0>(x)
        b = ArgMin<axis = 1, keepdims = 0>(x)
        c = ArgMax<axis = 1>(n)
        d = ArgMin<axis = 0>(n)""", "a b c d"),
    entry("cumsum", [f32("x", BATCH, 7)], """
        a = CumSum(x, one)
        y = CumSum<exclusive = 1, reverse = 1>(a, one)""", one=np.array(1)),
    entry("depth-to-space", [f32("x", BATCH, 12, 3, 5)], """
        a = DepthToSpace<blocksize = 2, mode = "CRD">(x)
        b = DepthToSpace<blocksize = 2>(x)
        s = Slice(a, from, to, axes)
        t = Slice(b, from, to, axes)
        y = Concat<axis = 1>(s, t)""", **named({"from": [1], "to": [4]}), axes=[2]),
)  # fmt: skip

INTEGER = (
    entry("integers", [i64("a", BATCH, 5, low=-100, high=100), i64("b", 5, low=1, high=9)], """
        s = Neg(b)
        d = Div(a, b)
        e = Div(a, s)
        m = Mod(a, b)
        n = Mod<fmod = 1>(a, s)
        c = Sub(d, m)""", "d e m n c"),
    entry("large-integers", [i64("a", BATCH, 5, low=-(2**40), high=2**40)], """
        y = Add(a, one)
        z = Mul(y, three)
        c = CumSum(z, axis)""", "y z c", one=np.array(1), three=np.array(3), axis=np.array(1)),
    entry("rounding", [f32("x", BATCH, 7, domain=uniform(-9.0, 9.0))], """
        h = Mul(x, two)
        w = Round(h)
        k = Mul(w, half)
        a = Round(k)
        b = Floor(x)
        c = Ceil(w)
        d = Cast<to = 7>(x)
        e = Cast<to = 6>(h)
        f = Floor(k)
        g = Ceil(k)""", "a b c d e f g", two=2.0, half=0.5),
)  # fmt: skip

SHAPE = (
    entry("dynamic-shapes", [f32("x", BATCH, LENGTH, 6)], """
        s = Shape(x)
        n = Gather(s, zero)
        l = Gather(s, one)
        nu = Unsqueeze(n, axis)
        c = Concat<axis = 0>(nu, minus, three)
        r = Reshape(x, c)
        p = Range(zero, l, one)
        f = Cast<to = 1>(p)
        u = Unsqueeze(f, one1)
        v = Add(x, u)
        h = Reshape(v, split)
        z = ReduceSum<keepdims = 0>(h, last)
        k = Slice(s, axis, two)
        o = Expand(half, k)
        e = ReduceSum<keepdims = 0>(o, one1)""",
        "r z e", zero=np.array(0), one=np.array(1), axis=[0], one1=[1], two=[2], minus=[-1], three=[3],
        split=[0, -1, 2, 3], last=[3], half=[[0.5]]),
    entry("equal-shapes", [f32("x", 5, 5), f32("row", 1, 5), f32("col", 5, 1)], """
        t = Transpose<perm = [1, 0]>(x)
        a = Add(t, ramp)
        m = ReduceMean<keepdims = 1>(a, first)
        b = Sub(a, m)
        s = ReduceSum<keepdims = 0>(b, last)
        e = Expand(row, square)
        f = Expand(col, square)
        c = Mul(e, f)
        d = Div(c, ramp)
        p = Pow(two, x)
        y = Gather<axis = 0>(d, pick)
        z = Concat<axis = 0>(x, p)""",
        "b s y z", ramp=[1.0, 2.0, 3.0, 5.0, 7.0], first=[0], last=[1], square=[5, 5], pick=[1, 3, 0, 2, 4], two=[2.0]),
    entry("tiles", [f32("x", BATCH, 3, 5)], """
        a = Tile(x, r)
        b = Tile(x, q)
        m = ReduceMean<keepdims = 1>(a, axes)
        d = Sub(a, m)
        k = ReduceSum<keepdims = 1>(b, axes)
        e = Div(b, k)""", "d e", r=[1, 2, 1], q=[1, 1, 3], axes=[1, 2]),
    entry("if", [f32("x", BATCH, LENGTH, 5), f32("s", 1)], """
        n = Shape<start = 1, end = 2>(x)
        g = Greater(n, limit)
        c = Squeeze(g, axis)
        a = If(c) | long short
        z = ReduceSum<keepdims = 0>(s)
        p = Less(z, zero)
        y = If(p) | down up""", limit=[4], axis=[0], zero=0.0, bodies={
            "long": "long () => (float[batch, length, 5] l) { l = Relu(x) }",
            "short": "short () => (float[batch, length, 5] m) { m = Neg(x) }",
            "down": "down () => (float[batch, length, 5] u) { two = Constant<value = float {2.0}>() u = Mul(a, two) }",
            "up": "up () => (float[batch, length, 5] v) { v = Sigmoid(a) }"}),
    entry("loop", [f32("x", BATCH, 5)], """
        a = Loop(three, yes, x) | step
        b = Loop(two, yes, a) | half
        y = Reshape(b, keep)""", keep=[-1, 5], three=np.array(3), two=np.array(2), yes=np.array(True), w=(5, 5), bodies={
            "step": "step (int64 i, bool c, float[batch, 5] h) "
                "=> (bool d, float[batch, 5] k) { d = Identity(c) m = MatMul(h, w) k = Tanh(m) }",
            "half": "half (int64 j, bool e, float[batch, 5] p) "
                "=> (bool f, float[batch, 5] q) { f = Identity(e) r = Add(p, x) q = Relu(r) }"}),
)  # fmt: skip

STRUCTURE = (
    entry("outputs", [f32("x", BATCH, 5), f32("z", BATCH, 5)], """
        a = Sub(x, z)
        q = Mul(z, z)
        k = Add(q, one)
        b = Div(x, k)
        g = Greater(x, z)
        c = Where(g, a, b)
        p, r = Split<axis = 0, num_outputs = 2>(w)
        d = MatMul(c, p)
        e = MatMul(c, r)
        t = Concat<axis = 1>(d, e)
        m, n = Split<axis = 1, num_outputs = 2>(t)
        h = Pow(k, m)""", "a b c h n", one=1.5, w=(10, 5)),
    entry("gemms", [f32("x", BATCH, 7)], """
        a = Gemm<alpha = 0.3, beta = 0.5>(x, w1, b1.bias)
        b = Gemm<transB = 1, alpha = 1.7, beta = 2.0>(a, w2, b2.bias)
        y = Gemm(b, w3)""", w1=(7, 7), w2=(7, 7), w3=(7, 3), **named({"b1.bias": (7,), "b2.bias": (7,)})),
    entry("einsum", [f32("x", 3, 5, 5), f32("z", 3, 5, 5)], """
        a = Einsum<equation = "bij,bjk->bik">(x, z)
        y = Einsum<equation = "bij,bkj->bik">(a, z)
        m = MatMul(x, z)
        s = Sub(y, m)""", "y s"),
)  # fmt: skip

ENTRIES = (*ACTIVATION, *INDEX, *INTEGER, *SHAPE, *STRUCTURE)
