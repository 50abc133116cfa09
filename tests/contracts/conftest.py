"""Contracts: what other packages promise, as far as adaptprint relies on it. An upgrade that breaks one shows here."""

import torch

torch.set_num_threads(1)
