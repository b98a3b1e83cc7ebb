"""Records of cost: seconds, ratios of seconds, memory."""

from __future__ import annotations

from harness.results.schema.base import Record


class Time(Record, frozen=True, tag="time"):
    """Seconds of one call, results waited for.

    Attributes:
        kernel: what was timed.
        mode: "eager" or "compiled".
        derivative: "value" (forward) or "vjp" (forward and backward).
        size: elements of the largest argument.
        repeats: timed calls.
        seconds_first_call: the first call, which compiles.
        seconds: median of the timed calls.
        seconds_low: their first quartile.
        seconds_high: their third quartile.
    """

    kernel: str
    mode: str
    derivative: str
    size: int
    repeats: int
    seconds_first_call: float
    seconds: float
    seconds_low: float
    seconds_high: float


class Ratio(Record, frozen=True, tag="ratio"):
    """What a call costs in calls of a reference, both taking turns in one process.

    Attributes:
        subject: what was timed, such as "gauss_newton": one curvature-vector product, its preparation not counted.
        mode: "eager" or "compiled".
        reference: what it is divided by, and its mode: "gradient compiled".
        network: widths from inputs to classes, such as "784-256-128-10".
        parameters: how many numbers the network has.
        batch: examples.
        turns: how often both were measured.
        seconds: median over turns.
        ratio: median over turns.
        ratio_low: lower end of its interval.
        ratio_high: upper end of its interval.
        confidence: least coverage of the interval.
    """

    subject: str
    mode: str
    reference: str
    network: str
    parameters: int
    batch: int
    turns: int
    seconds: float
    ratio: float
    ratio_low: float
    ratio_high: float
    confidence: float


class Memory(Record, frozen=True, tag="memory"):
    """How far a process grows over what it held before: peak resident memory.

    Attributes:
        subject: what was run: "gradient", or "conjugate_gradient" for a solve of `iterations` products.
        mode: "eager" or "compiled".
        network: widths from inputs to classes.
        parameters: how many numbers the network has.
        batch: examples.
        iterations: of the solve; 0 for the gradient.
        bytes: growth up to the peak.
        ratio: to the growth of the gradient in the same process.
    """

    subject: str
    mode: str
    network: str
    parameters: int
    batch: int
    iterations: int
    bytes: int
    ratio: float


class Peak(Record, frozen=True, tag="peak"):
    """How far a call of a kernel takes a fresh process over what its arguments fill: peak resident memory.

    Attributes:
        kernel: what was run.
        mode: "eager" or "compiled"; compilation is in it.
        derivative: "value" (forward) or "vjp" (forward and backward).
        size: elements of the largest argument.
        bytes: growth up to the peak, the most of three calls: what an allocator kept of earlier ones is not in it.
        ratio: to the bytes of the largest argument.
    """

    kernel: str
    mode: str
    derivative: str
    size: int
    bytes: int
    ratio: float
