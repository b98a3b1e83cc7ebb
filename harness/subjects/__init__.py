"""Subjects, stochastic gradients as functions of a seed and a size, and what makes one of a loss that someone wrote."""
