"""The originals that the JavaScript client's options are tried on, and what the server that has them is set to."""

from __future__ import annotations

import io
from pathlib import Path

import pillow_heif

from tests import faces, originals, pictures
from tests.clients import javascript
from tests.unit.engine.detection import networks

PRESETS = "card=rs:fill:40:30/f:webp,dark=bg:222/pd:5"
INFO_PRESETS = "card=p:4,dark=dc:1"
NET_SIDE = 128


def fill(folder: Path) -> dict[str, str]:
    """Write the originals, and what else the server needs, into a folder, and give the settings that name them."""
    for name, data in _files().items():
        (folder / name).write_bytes(data)
    profiles = folder / "profiles"
    profiles.mkdir()
    (profiles / "house.icc").write_bytes(pictures.profile_of(pictures.wide_gamut(pictures.marked())))
    return {
        "key": javascript.KEY,
        "salt": javascript.SALT,
        "source_url_encryption_key": javascript.ENCRYPTION_KEY,
        "local_filesystem_root": str(folder),
        "presets": PRESETS,
        "info_presets": INFO_PRESETS,
        "max_animation_frames": "10",
        "color_profiles_dir": str(profiles),
        "watermark_path": str(folder / "mark.png"),
        "cache_tag_headers": "Cache-Tag",
        "base64_url_includes_filename": "true",
        **_networks(folder),
    }


def _networks(folder: Path) -> dict[str, str]:
    """Write a network that finds objects, and one that tells what a picture shows, and give their settings."""
    (folder / "objects.onnx").write_bytes(networks.red_and_green("yolov8", NET_SIDE))
    (folder / "objects.names").write_text("red\ngreen\n")
    (folder / "colors.onnx").write_bytes(networks.mean_colors((1, 3, 16, 16)))
    (folder / "colors.names").write_text("red\ngreen\nblue\n")
    return {
        "object_detection_net": str(folder / "objects.onnx"),
        "object_detection_classes": str(folder / "objects.names"),
        "object_detection_net_type": "yolov8",
        "object_detection_net_size": str(NET_SIDE),
        "classification_net": str(folder / "colors.onnx"),
        "classification_classes": str(folder / "colors.names"),
        "classification_net_size": "16",
        "classification_normalization": "half",
    }


def _files() -> dict[str, bytes]:
    marked = pictures.marked(96, 64)
    tagged = pictures.with_field(marked, "exif-ifd0-Copyright", "(c) Ann")
    tagged = pictures.with_field(tagged, "exif-ifd0-Make", "Camera")
    return {
        "photo.jpg": pictures.jpeg(marked),
        "small.png": pictures.png(pictures.marked(60, 40)),
        "soft.png": pictures.png(pictures.with_alpha(marked)),
        "deep.png": pictures.png(pictures.deep(marked)),
        "framed.png": pictures.png(pictures.bordered(80, 60, (12, 20, 18, 10))),
        "turned.jpg": pictures.jpeg(pictures.with_orientation(marked, 6)),
        "tagged.jpg": pictures.jpeg(tagged),
        "wide.jpg": pictures.jpeg(pictures.wide_gamut(marked)),
        "crowd.jpg": pictures.jpeg(faces.crowd(200, 150, (110, 30, 90))),
        "drawing.svg": pictures.svg(),
        "animation.gif": pictures.gif(pictures.animation()),
        "pages.pdf": originals.pdf((96, 64, "1 0 0"), (96, 64, "0 1 0"), (96, 64, "0 0 1")),
        "film.mp4": originals.video(gop=25),  # whose key frames are not on whole seconds
        "phone.heic": _with_thumbnail(),
        "mark.png": pictures.png(pictures.solid(16, 10, (255, 0, 255))),
        "blue.png": pictures.png(pictures.solid(16, 10, (0, 0, 255))),
        "a b@ü%23.jpg": pictures.jpeg(marked),
        "a b@%23.jpg": pictures.jpeg(marked),
    }


def _with_thumbnail() -> bytes:
    target = io.BytesIO()
    file = pillow_heif.from_bytes("RGB", (192, 128), pictures.marked(192, 128).write_to_memory())
    file.info["thumbnails"] = [64]
    file.save(target)
    return target.getvalue()
