"""Which way up a picture is, by its EXIF orientation 1–8."""

MIRRORED = frozenset({2, 4, 5, 7})
"""What has these orientations is to be flipped horizontally, after it was turned."""

EXIF_ANGLES = {3: 180, 4: 180, 5: 90, 6: 90, 7: 270, 8: 270}
"""By how many degrees to turn clockwise what has these orientations; others are not to be turned."""
