"""Mutations of the reference kernels, generated from their source text, and the judge that must find every one."""
