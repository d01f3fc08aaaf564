"""The formats in which medkt opens images.

Pillow chooses a format by the content of a file. Of a file that holds EPS it starts Ghostscript, which runs what the
file says, whatever the file is called. So each call that opens an image names these formats.
"""

from __future__ import annotations

IMAGE_FORMATS = ("PNG", "JPEG", "TIFF", "WEBP", "BMP")
"""For `PIL.Image.open(file, formats=IMAGE_FORMATS)`."""
