"""The domain discriminator: one logit per frame, blind to scale."""

import torch

from adaptprint.adaptation.discriminator import Discriminator


def test_every_frame_gets_one_logit() -> None:
    for n in (1, 5):
        assert Discriminator(6, 4, 0.5)(torch.rand(n, 6)).shape == (n,)


def test_features_cannot_be_inflated_to_fool_it() -> None:
    discriminator = Discriminator(6, 4, 0.5).eval()
    features = torch.randn(3, 6)
    torch.testing.assert_close(discriminator(100 * features), discriminator(features), rtol=1e-3, atol=1e-4)


def test_it_forgets_in_training_only() -> None:
    torch.manual_seed(0)
    discriminator, features = Discriminator(6, 64, 0.5), torch.randn(3, 6)
    assert not torch.equal(discriminator(features), discriminator(features))
    discriminator.eval()
    assert torch.equal(discriminator(features), discriminator(features))
