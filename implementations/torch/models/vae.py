"""The article's variational autoencoder in PyTorch, as pure functions over a dict of tensors."""

from __future__ import annotations

import math

import torch

from implementations.interface.models.vae import PIXELS
from implementations.torch import divergences, gaussian
from implementations.torch.models.network import dense

__all__ = ["decode", "encode", "log_likelihood_bernoulli", "loss_article", "loss_bernoulli", "loss_gaussian"]

Tensors = dict[str, torch.Tensor]


def encode(parameters: Tensors, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Map images to the posterior's loc and scale."""
    hidden = torch.relu(dense(parameters, "encoder_1", images))
    hidden = torch.relu(dense(parameters, "encoder_2", hidden))
    loc = dense(parameters, "loc", hidden)
    scale = gaussian.scale_from_softplus(dense(parameters, "scale", hidden))
    return loc, scale


def decode(parameters: Tensors, latents: torch.Tensor) -> torch.Tensor:
    """Map latents to the output layer: logits of the pixels (Bernoulli) or their means (Gaussian)."""
    hidden = torch.relu(dense(parameters, "decoder_1", latents))
    hidden = torch.relu(dense(parameters, "decoder_2", hidden))
    return dense(parameters, "output", hidden)


def log_likelihood_bernoulli(logits: torch.Tensor, images: torch.Tensor) -> torch.Tensor:
    """Log-likelihood of images in nats, summed over pixels: sum_i x_i l_i - softplus(l_i).

    softplus(l) - x l = log1p(exp(-|l|)) + |l| times (1 - x where l > 0, else x): a sum of terms of one sign, which
    `binary_cross_entropy_with_logits` is only for l > 0.
    """
    positive = logits > 0
    magnitude = torch.where(positive, logits, -logits)
    miss = torch.where(positive, 1.0 - images, images)
    return -(miss * magnitude + torch.log1p(torch.exp(-magnitude))).sum(dim=-1)


def loss_bernoulli(parameters: Tensors, images: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
    """Negative evidence lower bound, Bernoulli likelihood: KL(q || N(0, I)) - E_q log p(x | z), a mean over images."""
    loc, scale = encode(parameters, images)
    logits = decode(parameters, gaussian.reparameterize(loc, scale, noise))  # [samples, images, pixels]
    reconstruction = -log_likelihood_bernoulli(logits, images).mean(dim=0)  # [images]
    return (divergences.kl_standard_normal(loc, scale).sum(dim=-1) + reconstruction).mean()


def loss_gaussian(parameters: Tensors, images: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
    """Negative evidence lower bound with a Gaussian likelihood N(x; output, 1), a mean over images."""
    loc, scale = encode(parameters, images)
    means = decode(parameters, gaussian.reparameterize(loc, scale, noise))  # [samples, images, pixels]
    squared_error = torch.square(images - means).sum(dim=-1).mean(dim=0)  # [images]
    reconstruction = 0.5 * squared_error + 0.5 * PIXELS * math.log(2.0 * math.pi)
    return (divergences.kl_standard_normal(loc, scale).sum(dim=-1) + reconstruction).mean()


def loss_article(parameters: Tensors, images: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
    """The article's literal loss: the mean over pixels of (x - output)^2, plus twice the KL; no bound on anything."""
    loc, scale = encode(parameters, images)
    means = decode(parameters, gaussian.reparameterize(loc, scale, noise))  # [samples, images, pixels]
    reconstruction = torch.square(images - means).mean(dim=-1).mean(dim=0)  # [images]
    return (2.0 * divergences.kl_standard_normal(loc, scale).sum(dim=-1) + reconstruction).mean()
