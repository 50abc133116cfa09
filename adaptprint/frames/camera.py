"""How a printer's camera must be turned and cropped before its frames look like the others."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Fraction = Annotated[float, Field(ge=0.0, le=1.0)]
Flip = Literal["none", "horizontal", "vertical", "both"]
Rotation = Literal[0, 90, 180, 270]


class CameraProfile(BaseModel):
    """Rotate (clockwise, degrees), then flip, then crop (x, y, width, height as fractions of the turned frame)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rotate: Rotation = 0
    flip: Flip = "none"
    crop: tuple[Fraction, Fraction, Fraction, Fraction] | None = None

    @model_validator(mode="after")
    def _crop_stays_inside(self) -> "CameraProfile":
        if self.crop is not None:
            x, y, width, height = self.crop
            if width <= 0 or height <= 0 or x + width > 1 + 1e-9 or y + height > 1 + 1e-9:
                raise ValueError("crop X,Y,W,H must have W, H > 0 and stay inside the frame: X+W <= 1, Y+H <= 1")
        return self

    @property
    def is_identity(self) -> bool:
        """Whether the frame is used as it is."""
        return self == CameraProfile()
