"""Truth, by another road than the code that is judged: mpmath, quadrature, enumeration, derivatives by hand."""
