"""Where training begins: from scratch, from ImageNet weights, from a file, or from another checkpoint's trunk."""

from pathlib import Path
from urllib.error import URLError

from torch import Tensor

from adaptprint.errors import MissingDependencyError
from adaptprint.models.resnets import detect_architecture, require_architecture
from adaptprint.models.train_settings import TrainSettings
from adaptprint.models.weights import read_weights


def initial_weights(init: str | Path, settings: TrainSettings) -> tuple[dict[str, Tensor], TrainSettings]:
    """Starting weights (empty: from scratch) and the settings with the architecture those weights have."""
    require_architecture(settings.arch)
    if str(init) == "none":
        return {}, settings
    if str(init) == "imagenet":
        return _imagenet(settings.arch), settings
    state = read_weights(init)
    return state, settings.model_copy(update={"arch": detect_architecture(state)})


def _imagenet(arch: str) -> dict[str, Tensor]:
    from torchvision.models import get_model_weights

    try:
        state: dict[str, Tensor] = get_model_weights(arch).DEFAULT.get_state_dict(progress=False, check_hash=True)
    except (URLError, OSError, RuntimeError) as error:
        raise MissingDependencyError(
            "the ImageNet weights could not be downloaded",
            "Download them elsewhere and pass --init FILE, or train from scratch with --init none.",
        ) from error
    return state
