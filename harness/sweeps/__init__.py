"""Sweeps as data: a TOML file of lists whose product is measured."""
