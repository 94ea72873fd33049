"""What operators set of classification."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from imgproxy_py.engine.detection.settings import NetworkFile, Share
from imgproxy_py.kinds import Integer

Layout = Literal["nhwc", "nchw"]
"""Whether a network takes the three samples of a pixel together, or three planes."""

Normalization = Literal["none", "half", "full", "imagenet"]
"""What samples of 0–255 become before a network sees them: as they are, 0–1, -1–1, ImageNet's mean and deviation."""


class ClassificationSettings(BaseModel):
    """What tells `/info` the class of a picture (dialect §5.7); docs/detection.md tells more."""

    classification_net: NetworkFile | None = Field(
        default=None, description="File of a network in ONNX format that classifies pictures."
    )
    classification_classes: NetworkFile | None = Field(
        default=None, description="File of the network's classes, a name on each line."
    )
    classification_net_size: Annotated[Integer, Field(ge=8, le=2048)] = Field(
        default=224, description="The side in pixels of the square that the network looks at."
    )
    classification_threshold: Share = Field(default=0.5, description="How sure a class must be to be told, 0–1.")
    classification_normalization: Normalization = Field(
        default="none",
        description="What the network takes: samples of 0–255 (`none`), 0–1 (`half`), -1–1 (`full`), or less ImageNet's mean "
        "and divided by its deviation (`imagenet`).",
    )
    classification_layout: Layout | None = Field(
        default=None,
        description="Channels last or first; by default as the network declares, and `nhwc` where it does not.",
    )
