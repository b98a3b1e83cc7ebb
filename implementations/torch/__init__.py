"""The PyTorch reference backend: `torch.func` for derivatives, `torch.compile` for speed, and nothing set on import.

Every derivative is PyTorch's own: formulas are written so that their automatic derivative, of any order, is as
stable as their value. Custom rules (`torch.autograd.Function`) are not used, because `torch.compile` of a
`torch.func` transform differentiates their forward pass and drops the rule without a word.
"""
