"""Measure, judge and compare subjects in this process: how noisy a gradient is, whether it is biased, what it costs."""
