"""The operators: each gives the expressions that may take the place of an expression."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

Nodes = Iterator[ast.expr]


_SWAPPED_OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
}  # fmt: skip
_TURNED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Gt: ast.Lt, ast.Lt: ast.Gt, ast.GtE: ast.LtE, ast.LtE: ast.GtE, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
}  # fmt: skip
_CONSTANTS = {0.5: 1.0, 2.0: 1.0, 1.0: 2.0, 0.25: 0.5}
_ARITHMETIC = (ast.Add, ast.Sub, ast.Mult, ast.Div)

#: Function -> the one that is taken for it, by their texts in each framework.
_OTHER_FUNCTION = {
    "torch.exp": "torch.expm1", "torch.log": "torch.log1p", "torch.log1p": "torch.log", "expm1": "torch.exp",
    "gaussian.expm1": "torch.exp", "torch.sinh": "torch.cosh", "torch.special.erfc": "torch.special.erf",
    "torch.argmax": "torch.argmin",
    "jnp.exp": "jnp.expm1", "jnp.expm1": "jnp.exp", "jnp.log": "jnp.log1p", "jnp.log1p": "jnp.log",
    "jax.lax.erfc": "jax.lax.erf", "jnp.sum": "jnp.mean", "jnp.mean": "jnp.sum", "jnp.max": "jnp.min",
    "jnp.argmax": "jnp.argmin", "jnp.maximum": "jnp.minimum", "_expm1": "jnp.exp",
    "tf.exp": "tf.math.expm1", "tf.math.expm1": "tf.exp", "tf.math.log": "tf.math.log1p",
    "tf.math.log1p": "tf.math.log", "tf.math.erfc": "tf.math.erf", "tf.reduce_sum": "tf.reduce_mean",
    "tf.reduce_mean": "tf.reduce_sum", "tf.reduce_max": "tf.reduce_min", "tf.reduce_min": "tf.reduce_max",
    "tf.reduce_all": "tf.reduce_any", "tf.maximum": "tf.minimum", "tf.minimum": "tf.maximum",
    "tf.logical_and": "tf.logical_or",
}  # fmt: skip
_OTHER_METHOD = {"sum": "mean", "mean": "sum", "any": "all"}

_IDENTITY_FOR = ("square", "sqrt", "abs")
_STOP = ("detach", "stop_gradient")

#: Functions whose first two arguments can be confused. Others are symmetric, or fail at once when they are swapped.
_TWO_ARRAYS = (
    "divide", "_divide", "saturated_quotient", "temper", "softmax", "select", "centered", "softmax_pullback",
    "kl_normal", "_kl_normal", "kl_categorical", "_kl_categorical", "_log_scale_ratio", "_log_probs_ratio",
    "_kl_and_log_ratio", "_categorical_log_ratio", "_bernoulli_log_ratios", "_weighted_excess", "_mass_difference",
    "_density", "log_prob",
)  # fmt: skip


def called(call: ast.Call) -> str:
    return ast.unparse(call.func).rpartition(".")[2]


def _with_arguments(call: ast.Call, arguments: list[ast.expr]) -> ast.Call:
    return ast.Call(call.func, arguments, call.keywords)


def _swap_operators(node: ast.expr, of: tuple[type[ast.operator], ...]) -> Nodes:
    if isinstance(node, ast.BinOp) and isinstance(node.op, of):
        yield ast.BinOp(node.left, _SWAPPED_OPERATORS[type(node.op)](), node.right)


def _keep(node: ast.expr, side: str) -> Nodes:
    if isinstance(node, ast.BinOp) and isinstance(node.op, _ARITHMETIC):
        yield getattr(node, side)


def _drop_minus(node: ast.expr) -> Nodes:
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        yield node.operand


def _other_constant(node: ast.expr) -> Nodes:
    if isinstance(node, ast.Constant) and type(node.value) in (int, float):
        value: Any = node.value
        if value in _CONSTANTS:
            yield ast.Constant(type(value)(_CONSTANTS[value]))


def _swap_arguments(node: ast.expr) -> Nodes:
    if isinstance(node, ast.Call):
        start = {"where": 1}.get(called(node), 0 if called(node) in _TWO_ARRAYS else None)
        if start is not None and len(node.args) >= start + 2:
            first, second = node.args[start : start + 2]
            if not isinstance(first, ast.Starred):
                yield _with_arguments(node, [*node.args[:start], second, first, *node.args[start + 2 :]])


def _other_function(node: ast.expr) -> Nodes:
    if isinstance(node, ast.Call):
        text = ast.unparse(node.func)
        if text in _OTHER_FUNCTION:
            yield ast.Call(ast.parse(_OTHER_FUNCTION[text], mode="eval").body, node.args, node.keywords)
        elif isinstance(node.func, ast.Attribute) and node.func.attr in _OTHER_METHOD and node.keywords:
            method = ast.Attribute(node.func.value, _OTHER_METHOD[node.func.attr], ast.Load())
            yield ast.Call(method, node.args, node.keywords)


def _drop_call(node: ast.expr, functions: tuple[str, ...]) -> Nodes:
    if isinstance(node, ast.Call) and called(node) in functions:
        if node.args:
            yield node.args[0]
        elif isinstance(node.func, ast.Attribute):
            yield node.func.value


def _turn_comparison(node: ast.expr) -> Nodes:
    if isinstance(node, ast.Compare) and len(node.ops) == 1:
        yield ast.Compare(node.left, [_TURNED[type(node.ops[0])]()], node.comparators)


def _drop_flag(node: ast.expr) -> Nodes:
    if isinstance(node, ast.Call) and any(word.arg == "reverse" for word in node.keywords):
        yield ast.Call(node.func, node.args, [word for word in node.keywords if word.arg != "reverse"])


#: Name -> the nodes that can take the place of an expression.
OPERATORS: Mapping[str, Callable[[ast.expr], Nodes]] = {
    "swap + -": partial(_swap_operators, of=(ast.Add, ast.Sub)),
    "swap * /": partial(_swap_operators, of=(ast.Mult, ast.Div)),
    "swap & |": partial(_swap_operators, of=(ast.BitAnd, ast.BitOr)),
    "keep left": partial(_keep, side="left"),
    "keep right": partial(_keep, side="right"),
    "drop minus": _drop_minus,
    "other constant": _other_constant,
    "swap arguments": _swap_arguments,
    "other function": _other_function,
    "identity": partial(_drop_call, functions=_IDENTITY_FOR),
    "drop stop": partial(_drop_call, functions=_STOP),
    "turn comparison": _turn_comparison,
    "drop reverse": _drop_flag,
}
