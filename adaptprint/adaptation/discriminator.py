"""The domain discriminator: small, bounded, forgetful, so that it cannot overpower the trunk."""

from torch import Tensor, nn


class Discriminator(nn.Module):
    """Tells source features (0) from target features (1).

    Args:
        n_features: Width d of the features.
        width: Hidden width.
        dropout: Share of hidden units dropped in training.
    """

    def __init__(self, n_features: int, width: int, dropout: float) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            # Without a scale of its own to grow into, no feature can be inflated to fool the discriminator.
            nn.LayerNorm(n_features, elementwise_affine=False),
            nn.Linear(n_features, width),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(width, 1),
        )

    def forward(self, features: Tensor) -> Tensor:
        """Features (n, d) to logits (n,): positive means target."""
        return self.layers(features).squeeze(1)  # type: ignore[no-any-return]
