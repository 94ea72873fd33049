"""What operators set of detection."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, Field

from imgproxy_py.kinds import Count, Flag, Integer, Number

NetType = Literal["yolox", "yolov5", "yolov8", "yolov10"]
"""The kinds of networks that are understood."""

GravityMode = Literal["max_score_area", "avg_center"]
"""How a window is laid around objects."""

Share = Annotated[Number, Field(le=1)]
"""0–1."""


def _file(path: Path) -> Path:
    if not path.is_file():
        raise ValueError("a file")
    return path


NetworkFile = Annotated[Path, AfterValidator(_file)]
"""A file that is there."""


class DetectionSettings(BaseModel):
    """Faces, and the objects that a network of one's own knows (dialect §5.1, §5.2); docs/detection.md tells more."""

    face_detection: Flag = Field(
        default=True, description="Find faces, as class `face`, where the extra `detection` is installed."
    )
    face_detection_confidence_threshold: Share = Field(
        default=0.65, description="How sure a face must be to count, 0–1."
    )
    object_detection_net: NetworkFile | None = Field(
        default=None, description="File of a network in ONNX format that finds objects."
    )
    object_detection_classes: NetworkFile | None = Field(
        default=None, description="File of the network's classes, a name on each line, `name=weight` where it has one."
    )
    object_detection_net_type: NetType = Field(default="yolox", description="Which kind of network it is.")
    object_detection_net_size: Annotated[Integer, Field(ge=32, le=2048)] = Field(
        default=416, description="The side in pixels of what the network looks at, a multiple of 32."
    )
    object_detection_confidence_threshold: Share = Field(
        default=0.2, description="How sure an object must be to count, 0–1."
    )
    object_detection_nms_threshold: Share = Field(
        default=0.4, description="The share of common area from which two boxes of a class are taken for one object."
    )
    object_detection_swap_rb: Flag = Field(
        default=False, description="Exchange red and blue before the network looks, against its kind's habit."
    )
    object_detection_gravity_mode: GravityMode = Field(
        default="max_score_area",
        description="A cut keeps as much of the objects' area as it can, or lies around the middle of them all.",
    )
    object_detection_fallback_to_smart_crop: Flag = Field(
        default=True, description="Where a cut by objects finds none: cut like `sm`; otherwise like `ce`."
    )
    object_detection_cache_bytes: Count = Field(
        default=1 << 20, description="Memory for what was found in originals, per process."
    )
