"""What a checkpoint's config.json says: the schema, typed and versioned."""

from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, SerializerFunctionWrapHandler, model_serializer

from adaptprint.frames.camera import CameraProfile

FORMAT_VERSION = 3
"""The newest that is read; what is written is the oldest that can hold the content."""
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


class Origin(BaseModel):
    """The source model that an adapted checkpoint goes back to, but for its weights."""

    model_config = ConfigDict(extra="forbid")

    digest: str = Field(description="Digest of the source model's weights.")
    camera: CameraProfile
    metrics: dict[str, Any] = Field(default_factory=dict)
    provenance: Provenance


class CheckpointConfig(BaseModel):
    """The whole of config.json."""

    model_config = ConfigDict(extra="forbid")

    kind: Literal["adaptprint-checkpoint"] = KIND
    format_version: int = 1
    arch: str
    classes: Annotated[list[str], Field(min_length=2, max_length=1000)]
    bottleneck: Annotated[int, Field(ge=1, le=8192)] | None
    input_size: tuple[Side, Side] = Field(description="Height and width in pixels.")
    mean: Channels
    std: Channels
    threshold: Annotated[float, Field(ge=0, le=1)] = Field(
        default=0.5, description="Least probability of the second class for calling it, in a binary model."
    )
    camera: CameraProfile = Field(default_factory=CameraProfile, description="Of the frames it looks at.")
    source_camera: CameraProfile | None = Field(
        default=None, description="Of a source model's own frames, where it looks at another printer; since version 3."
    )
    metrics: dict[str, Any] = Field(default_factory=dict, description="Measured when the checkpoint was made.")
    provenance: Provenance
    origin: Origin | None = Field(default=None, description="Of an adapted model; since version 2.")
    integrity: dict[str, str] = Field(default_factory=dict, description="SHA-256 of each file, and of this one.")

    @model_serializer(mode="wrap")
    def _as_in_its_version(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leaves out what is not there: files of version 1 know no such key, and their digest covers every key."""
        content: dict[str, Any] = write(self)
        for name in ("origin", "source_camera"):
            if content.get(name) is None:
                content.pop(name, None)
        return content

    @property
    def camera_of_source(self) -> CameraProfile:
        """The profile that the source model's own frames were read with."""
        if self.origin is not None:
            return self.origin.camera
        return self.camera if self.source_camera is None else self.source_camera
