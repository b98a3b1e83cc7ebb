"""Is a framework's own generator right? Statistical tests of its samplers against the true distribution."""
