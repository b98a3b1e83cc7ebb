"""Assertions on gradients for a test suite, and the pytest plugin that lists what they measured."""
