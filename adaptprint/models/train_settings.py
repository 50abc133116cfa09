"""The settings of source training, typed and with their ranges."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Rate = Annotated[float, Field(gt=0, le=1)]
Share = Annotated[float, Field(gt=0, lt=1)]


class TrainSettings(BaseModel):
    """How a source model is trained. Every field can be set with ``--set key=value``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    arch: str = "resnet18"
    bottleneck: Annotated[int, Field(ge=0, le=4096)] = Field(default=256, description="Width; 0 for none.")
    width: Annotated[int, Field(ge=32, le=2048, multiple_of=32)] = 224
    steps: Annotated[int, Field(ge=1, le=1_000_000)] = 400
    batch_size: Annotated[int, Field(ge=4, le=4096)] = 48
    optimizer: Literal["adamw", "sgd"] = "adamw"
    lr_trunk: Rate | None = Field(default=None, description="None: 2e-4 on given weights, 1e-3 from scratch.")
    lr_head: Rate = 1e-3
    weight_decay: Annotated[float, Field(ge=0, le=1)] = 0.02
    warmup: Annotated[float, Field(ge=0, lt=1)] = 0.1
    label_smoothing: Annotated[float, Field(ge=0, lt=1)] = 0.05
    clip_norm: Annotated[float, Field(gt=0)] = 5.0
    ema_decay: Annotated[float, Field(ge=0, lt=1)] = 0.98
    augment: Annotated[float, Field(ge=0, le=2)] = 1.0
    viewpoint: Annotated[float, Field(ge=0, le=1)] = 0.7
    flip: bool = True
    validation_share: Share = 0.2
    validate_every: Annotated[int, Field(ge=1)] = 50
    patience: Annotated[int, Field(ge=1)] = 4
    memory_frames: Annotated[int, Field(ge=2, le=100_000)] = 2000
    half_weights: bool = Field(default=False, description="Round weights to half precision: a file of half the size.")
