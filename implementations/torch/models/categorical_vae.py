"""Categorical variational autoencoder in PyTorch: 20 latent variables of 10 classes, relaxed by Gumbel-softmax."""

from __future__ import annotations

import torch

from implementations.interface.models.categorical_vae import CLASSES, VARIABLES
from implementations.torch import divergences, gumbel
from implementations.torch.models.network import dense
from implementations.torch.models.vae import log_likelihood_bernoulli

__all__ = ["decode", "encode", "loss"]

Tensors = dict[str, torch.Tensor]


def encode(parameters: Tensors, images: torch.Tensor) -> torch.Tensor:
    """Map images to the logits of the posterior."""
    hidden = torch.tanh(dense(parameters, "encoder_1", images))
    hidden = torch.tanh(dense(parameters, "encoder_2", hidden))
    return dense(parameters, "logits", hidden).unflatten(-1, (VARIABLES, CLASSES))  # [*batch, variables, classes]


def decode(parameters: Tensors, latents: torch.Tensor) -> torch.Tensor:
    """Map (relaxed) one-hot latents to the logits of the pixels."""
    inputs = latents.flatten(start_dim=-2)  # [*batch, variables * classes]
    hidden = torch.tanh(dense(parameters, "decoder_1", inputs))
    hidden = torch.tanh(dense(parameters, "decoder_2", hidden))
    return dense(parameters, "output", hidden)


def loss(parameters: Tensors, images: torch.Tensor, noise: torch.Tensor, temperature: torch.Tensor) -> torch.Tensor:
    """Relaxed negative evidence lower bound: KL(q || uniform) - log p(x | relaxed sample), a mean over images."""
    logits = encode(parameters, images)
    latents = gumbel.gumbel_softmax(logits, noise, temperature)  # [samples, images, variables, classes]
    reconstruction = -log_likelihood_bernoulli(decode(parameters, latents), images).mean(dim=0)  # [images]
    divergence = divergences.kl_categorical(logits, torch.zeros_like(logits)).sum(dim=-1)  # [images]
    return (divergence + reconstruction).mean()
