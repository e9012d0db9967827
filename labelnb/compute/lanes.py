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

__all__ = ["WIDTH", "fetch", "get", "put", "spread"]

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
        kind, short = context.get_value_type(signature.return_type), ir.IntType(32)
        first = builder.insert_element(ir.Constant(kind, ir.Undefined), arguments[0], ir.Constant(short, 0))
        return builder.shuffle_vector(first, first, ir.Constant(ir.VectorType(short, WIDTH), [0] * WIDTH))

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


fetch: Any = intrinsic(_fetch)
get: Any = intrinsic(_get)
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
