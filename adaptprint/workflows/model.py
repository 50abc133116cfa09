"""load: a checkpoint as an object that calls frames."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from adaptprint.errors import BadDataError
from adaptprint.frames.decode import decode
from adaptprint.frames.image_headers import UnreadableFrame
from adaptprint.models.checkpoint import Checkpoint
from adaptprint.models.device import Compute, choose_compute
from adaptprint.models.embed import embed
from adaptprint.models.network import PrintNet
from adaptprint.workflows.inputs import open_checkpoint


@dataclass(frozen=True)
class Model:
    """A loaded model.

    Attributes:
        checkpoint: What it was loaded from.
        network: The network in evaluation mode, on ``compute.device``.
        compute: Device and number format.
    """

    checkpoint: Checkpoint
    network: PrintNet
    compute: Compute

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names in the order of the probability columns."""
        return tuple(self.checkpoint.config.classes)

    def predict(self, images: Sequence[str | Path | bytes]) -> npt.NDArray[np.float32]:
        """Class probabilities of single images.

        Args:
            images: Paths, or the bytes of image files, such as a camera's snapshot.

        Returns:
            (n, K) float32, rows sum to one.

        Raises:
            BadDataError: If an image cannot be read.
        """
        config = self.checkpoint.config
        frames = np.empty((len(images), *config.input_size, 3), dtype=np.uint8)
        for row, image in enumerate(images):
            try:
                data = image if isinstance(image, bytes) else Path(image).read_bytes()
                frames[row] = decode(data, config.input_size, config.camera)
            except (UnreadableFrame, OSError) as error:
                name = f"image {row}" if isinstance(image, bytes) else str(image)
                raise BadDataError(f"{name} cannot be read: {error}", "Give a jpg, png, bmp or webp image.") from error
        return embed(self.network, frames, self.compute).probabilities


def load(checkpoint: str | Path, *, device: str = "auto", threads: int | None = None) -> Model:
    """Loads a checkpoint folder; no code from it is run.

    Raises:
        BadDataError: If the checkpoint cannot be trusted.
    """
    compute = choose_compute(device, threads)
    loaded = open_checkpoint(checkpoint)
    return Model(loaded, loaded.network().on(compute.device), compute)
