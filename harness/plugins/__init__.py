"""Estimators, problems and backends of other packages: what their rows must be, and how they are judged and begun."""
