"""Sixteen numbers that a loop compiled by numba works on as one: a row of a C-contiguous (N, 16) array, in registers of the processor.

numba takes a loop over so few numbers apart and leaves it one number at a time: five to ten times slower. LLVM fits the sixteen to the
registers that there are: one of AVX-512, two of AVX2, four of NEON for single precision.
"""
from __future__ import annotations

import operator
from typing import Any

from llvmlite import ir
from numba.core import types
from numba.core.datamodel import models
from numba.extending import intrinsic, lower_builtin, register_model, type_callable

__all__ = ["WIDTH", "above", "above_each", "fetch", "get", "least", "lowest", "put", "spread"]

WIDTH = 16


class _Lanes(types.Type):
    """numba's name for them."""

    def __init__(self, dtype: Any) -> None:
        self.dtype = dtype
        super().__init__(name=f"Lanes({dtype})")


@register_model(_Lanes)
class _Model(models.PrimitiveModel):
    """A vector of LLVM."""

    def __init__(self, manager: Any, kind: Any) -> None:
        super().__init__(manager, kind, ir.VectorType(manager.lookup(kind.dtype).get_value_type(), WIDTH))


def _place(context: Any, builder: Any, kind: Any, array: Any, i: Any) -> Any:
    lanes = ir.VectorType(context.get_value_type(kind.dtype), WIDTH)
    return builder.gep(builder.bitcast(context.make_array(kind)(context, builder, array).data, lanes.as_pointer()), [i])


def _get(_: Any, array: Any, i: Any) -> Any:
    """Row i of the array. Nothing checks that it is C-contiguous, 16 wide, and has that row."""
    def make(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        place = _place(context, builder, signature.args[0], *arguments)
        return builder.load(place, align=array.dtype.bitwidth // 8)

    return _Lanes(array.dtype)(array, types.intp), make


def _put(_: Any, array: Any, i: Any, lanes: Any) -> Any:
    """Row i of the array becomes these."""
    def make(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        builder.store(arguments[2], _place(context, builder, signature.args[0], *arguments[:2]), align=array.dtype.bitwidth // 8)
        return context.get_dummy_value()

    return types.void(array, types.intp, lanes), make


def _spread(_: Any, number: Any) -> Any:
    """Sixteen times that number."""
    def make(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return _splat(builder, arguments[0])

    return _Lanes(number)(number), make


def _fetch(_: Any, array: Any, i: Any) -> Any:
    """Have the cache begin to load element i of a one-dimensional array, which will be read soon."""
    def make(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
        plain, short = ir.IntType(8).as_pointer(), ir.IntType(32)
        place = builder.bitcast(builder.gep(data, [arguments[1]]), plain)
        load = builder.module.declare_intrinsic("llvm.prefetch", [plain], ir.FunctionType(ir.VoidType(), [plain, short, short, short]))
        builder.call(load, [place, ir.Constant(short, 0), ir.Constant(short, 3), ir.Constant(short, 1)])
        return context.get_dummy_value()

    return types.void(array, types.intp), make


def _sixteen(context: Any, builder: Any, kind: Any, array: Any, i: Any) -> Any:
    """The sixteen values from i on of a one-dimensional array. Nothing checks that there are so many."""
    place = builder.gep(context.make_array(kind)(context, builder, array).data, [i])
    lanes = ir.VectorType(context.get_value_type(kind.dtype), WIDTH).as_pointer()
    return builder.load(builder.bitcast(place, lanes), align=kind.dtype.bitwidth // 8)


def _bits(builder: Any, values: Any, limits: Any) -> Any:
    return builder.zext(builder.bitcast(builder.fcmp_ordered(">", values, limits), ir.IntType(WIDTH)), ir.IntType(64))


def _splat(builder: Any, number: Any) -> Any:
    kind, short = number.type, ir.IntType(32)
    first = builder.insert_element(ir.Constant(ir.VectorType(kind, WIDTH), ir.Undefined), number, ir.Constant(short, 0))
    return builder.shuffle_vector(first, first, ir.Constant(ir.VectorType(short, WIDTH), [0] * WIDTH))


def _above(_: Any, values: Any, i: Any, limit: Any) -> Any:
    """Which of the sixteen values from i on of a one-dimensional array are above the limit: bits of a number, the first the lowest."""
    def make(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return _bits(builder, _sixteen(context, builder, signature.args[0], *arguments[:2]), _splat(builder, arguments[2]))

    return types.uint64(values, types.intp, values.dtype), make


def _above_each(_: Any, values: Any, limits: Any, i: Any) -> Any:
    """The same, each with a limit of its own, which stands at the same place of another array."""
    def make(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        a, b = (_sixteen(context, builder, signature.args[one], arguments[one], arguments[2]) for one in (0, 1))
        return _bits(builder, a, b)

    return types.uint64(values, limits, types.intp), make


def _least(_: Any, values: Any, i: Any) -> Any:
    """The least of the sixteen values from i on of a one-dimensional array, none of them NaN."""
    def make(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        left, short = _sixteen(context, builder, signature.args[0], *arguments), ir.IntType(32)
        for width in (8, 4, 2, 1):
            halves = (ir.Constant(ir.VectorType(short, width), list(range(a, a + width))) for a in (0, width))
            low, high = (builder.shuffle_vector(left, left, half) for half in halves)
            left = builder.select(builder.fcmp_ordered("<", low, high), low, high)
        return builder.extract_element(left, ir.Constant(short, 0))

    return values.dtype(values, types.intp), make


def _lowest(_: Any, bits: Any) -> Any:
    """The place of the lowest bit that is set; one of them has to be."""
    def make(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 1))

    return types.int64(types.uint64), make


above: Any = intrinsic(_above)
above_each: Any = intrinsic(_above_each)
fetch: Any = intrinsic(_fetch)
get: Any = intrinsic(_get)
least: Any = intrinsic(_least)
lowest: Any = intrinsic(_lowest)
put: Any = intrinsic(_put)
spread: Any = intrinsic(_spread)


def _of_two(operation: Any, name: str) -> None:
    @type_callable(operation)
    def typed(_: Any) -> Any:
        return lambda a, b: a if isinstance(a, _Lanes) and a == b else None

    @lower_builtin(operation, _Lanes, _Lanes)
    def made(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return getattr(builder, name)(*arguments, flags=("contract",))


for _operation, _name in (
    (operator.add, "fadd"), (operator.iadd, "fadd"), (operator.sub, "fsub"), (operator.isub, "fsub"), (operator.mul, "fmul"),
):
    _of_two(_operation, _name)
