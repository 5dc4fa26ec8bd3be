"""How machine code sees a run's State: one address, from which it reads where each array lies.

Numba hands a tuple of arrays over as some five hundred numbers, at every call of every function, and needs minutes to
compile that. Here `state.visit` becomes two or three loads from the header.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir  # type: ignore[import-untyped]
from numba.core import types
from numba.core.imputils import lower_getattr_generic
from numba.core.typing.templates import AttributeTemplate
from numba.extending import NativeValue, infer_getattr, models, register_model, typeof_impl, unbox
from numba.np import arrayobj

from minisys.design.fast_state import SHAPES, State

WORD = ir.IntType(64)


class Handle(types.Type):
    """The address of a State's header."""

    def __init__(self) -> None:
        super().__init__(name="DesignState")


HANDLE = Handle()
FIELDS = {
    name: types.Array(types.int64 if kind == "i8" else types.float64, rank, "C")
    for name, (rank, kind) in SHAPES.items()
}
PLACE = {name: sum(1 + rank for rank, _ in list(SHAPES.values())[:i]) for i, name in enumerate(SHAPES)}


@typeof_impl.register(State)
def _typeof(value: State, context: Any) -> Handle:
    return HANDLE


@register_model(Handle)
class _Model(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: Any) -> None:
        super().__init__(manager, kind, WORD)


@unbox(Handle)
def _unbox(kind: Any, given: Any, c: Any) -> NativeValue:
    address = c.pyapi.object_getattr_string(given, "pointer")
    native = c.unbox(types.int64, address)
    c.pyapi.decref(address)
    return NativeValue(native.value, is_error=native.is_error)


@infer_getattr
class _Fields(AttributeTemplate):
    key = Handle

    def generic_resolve(self, kind: Any, name: str) -> Any:  # type: ignore[override]
        return FIELDS.get(name)


@lower_getattr_generic(Handle)
def _field(context: Any, builder: Any, kind: Any, value: Any, name: str) -> Any:
    """The array called *name*: its address and lengths are in the header, its strides follow."""
    rank = SHAPES[name][0]
    base = builder.inttoptr(value, WORD.as_pointer())
    words = [builder.load(builder.gep(base, [WORD(PLACE[name] + i)])) for i in range(1 + rank)]
    strides = [WORD(8)]
    for length in reversed(words[2:]):
        strides.insert(0, builder.mul(strides[0], length))
    array = arrayobj.make_array(FIELDS[name])(context, builder)
    data = builder.inttoptr(words[0], array.data.type)
    arrayobj.populate_array(array, data=data, shape=words[1:], strides=strides, itemsize=WORD(8), meminfo=None)
    return array._getvalue()
