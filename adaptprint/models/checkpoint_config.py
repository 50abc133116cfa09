"""What a checkpoint's config.json says: the schema, typed and versioned."""

from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from adaptprint.frames.camera import CameraProfile

FORMAT_VERSION = 1
KIND: Final = "adaptprint-checkpoint"

Side = Annotated[int, Field(ge=32, le=4096)]
Channels = tuple[float, float, float]


class Provenance(BaseModel):
    """Where a checkpoint comes from."""

    model_config = ConfigDict(extra="forbid")

    created: str = Field(description="UTC time, ISO 8601.")
    command: Literal["train", "pack", "adapt"]
    versions: dict[str, str] = Field(default_factory=dict)
    seed: int | None = None
    recipe: dict[str, Any] = Field(default_factory=dict)
    data_digest: str | None = Field(default=None, description="Digest of the frames' contents and labels.")
    n_frames: int = 0
    n_prints: int = 0
    printers: list[str] = Field(default_factory=list)
    parent_digest: str | None = Field(default=None, description="Digest of the source model's weights.")
    verdict: str | None = None
    labels_vary_inside_prints: bool = False


class CheckpointConfig(BaseModel):
    """The whole of config.json."""

    model_config = ConfigDict(extra="forbid")

    kind: Literal["adaptprint-checkpoint"] = KIND
    format_version: int = FORMAT_VERSION
    arch: str
    classes: Annotated[list[str], Field(min_length=2, max_length=1000)]
    bottleneck: Annotated[int, Field(ge=1, le=8192)] | None
    input_size: tuple[Side, Side] = Field(description="Height and width in pixels.")
    mean: Channels
    std: Channels
    threshold: Annotated[float, Field(ge=0, le=1)] = Field(
        default=0.5, description="Least probability of the second class for calling it, in a binary model."
    )
    camera: CameraProfile = Field(default_factory=CameraProfile)
    metrics: dict[str, Any] = Field(default_factory=dict, description="Measured when the checkpoint was made.")
    provenance: Provenance
    integrity: dict[str, str] = Field(default_factory=dict, description="SHA-256 of each file, and of this one.")
