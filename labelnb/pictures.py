"""Pictures: encoded bytes to RGB, a cheap check of a file that was not decoded, and thumbnails.

Everything that decodes an image goes through `read_rgb`, so that all of labelnb sees the same picture: upright (EXIF), three
channels of eight bits, transparency on a neutral grey, greyscale of more than eight bits stretched from its darkest to its
brightest pixel, the first frame of an animation.
"""

from __future__ import annotations

import io
import os
import struct
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from PIL import Image

__all__ = ["PictureError", "IMAGE_SUFFIXES", "REFUSED_SUFFIXES", "NEUTRAL", "read_rgb", "to_rgb", "check", "encode_png", "thumbnail"]

_SUFFIXES = "jpg jpeg jpe jfif png webp gif bmp dib tif tiff ppm pgm pbm pnm jp2 j2k avif ico"
IMAGE_SUFFIXES = frozenset("." + name for name in _SUFFIXES.split(" "))
"""Endings of files that a folder or a glob takes as images."""
REFUSED_SUFFIXES = {
    ".svg": "SVG is a drawing, not pixels, and can hold scripts; convert it to PNG first",
    ".svgz": "SVG is a drawing, not pixels, and can hold scripts; convert it to PNG first",
    ".heic": "HEIC is not read; convert it to JPEG first",
    ".heif": "HEIF is not read; convert it to JPEG first",
    ".psd": "Photoshop files are not read; save it as PNG first",
    ".pdf": "a PDF is a document; save its pages as PNG first",
    ".eps": "EPS is a program, not pixels; convert it to PNG first",
    ".ps": "PostScript is a program, not pixels; convert it to PNG first",
}
"""Endings that people mean as images and that are refused, with what to do."""
NEUTRAL = (236, 236, 236)
"""What shows through transparent pixels."""

_FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "DIB", "TIFF", "PPM", "JPEG2000", "AVIF", "ICO")


BROKEN = (
    OSError, ValueError, SyntaxError, EOFError, TypeError, KeyError, IndexError, AttributeError, ArithmeticError, MemoryError,
    RuntimeError, AssertionError, struct.error, zlib.error,
)  # fmt: skip
"""What Pillow's decoders raise on broken data: each costs one item."""


class PictureError(ValueError):
    """This is not a picture that can be shown; the message says why and what to do."""


def _open(source: bytes | str | os.PathLike[str]) -> Image.Image:
    from PIL import Image, UnidentifiedImageError

    head = source[:256] if isinstance(source, bytes) else None
    try:
        image = Image.open(io.BytesIO(source) if isinstance(source, bytes) else source, formats=_FORMATS)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise PictureError(f"{error}; make it smaller, or raise PIL.Image.MAX_IMAGE_PIXELS if you trust it") from error
    except FileNotFoundError as error:
        raise PictureError("the file is not there") from error
    except PermissionError as error:
        raise PictureError("no permission to read the file") from error
    except UnidentifiedImageError as error:
        raise PictureError(_why_not(_head(source) if head is None else head)) from error
    except BROKEN as error:
        raise PictureError(_broken(error)) from error
    width, height = image.size
    if Image.MAX_IMAGE_PIXELS is not None and width * height > Image.MAX_IMAGE_PIXELS:
        raise PictureError(
            f"{width} x {height} pixels is above the safety limit of {Image.MAX_IMAGE_PIXELS:,}; "
            "make it smaller, or raise PIL.Image.MAX_IMAGE_PIXELS if you trust it"
        )
    return image


def read_rgb(source: bytes | str | os.PathLike[str], *, at_least: int | None = None) -> Image.Image:
    """Decode `source` (encoded bytes or a path) to RGB.

    With `at_least`, a JPEG may be decoded at a half, quarter or eighth of its size, both sides staying at `at_least` pixels or
    more: much faster for thumbnails and encoders. Raises PictureError.
    """
    image = _open(source)
    try:
        with image:
            if at_least is not None and image.format in ("JPEG", "MPO"):
                image.draft("RGB", (at_least, at_least))
            return to_rgb(image)
    except PictureError:
        raise
    except BROKEN as error:
        raise PictureError(_broken(error)) from error


def to_rgb(image: Image.Image) -> Image.Image:
    """A PIL image of any mode as upright RGB; see the module's first lines for the rules. The image given is not changed."""
    from PIL import Image, ImageOps

    image.load()
    if image.getexif().get(0x0112, 1) != 1:
        image = ImageOps.exif_transpose(image)
    if image.mode == "RGB" and "transparency" not in image.info:
        return image.copy()
    if image.mode in ("I", "F") or image.mode.startswith("I;"):
        values = np.asarray(image, dtype=np.float64)
        finite = values[np.isfinite(values)]
        low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)
        scaled = (
            (np.nan_to_num(values, nan=low, posinf=high, neginf=low) - low) / (high - low) * 255 if high > low else np.clip(values, 0, 255)
        )
        return Image.fromarray(np.nan_to_num(scaled).round().astype(np.uint8)).convert("RGB")
    if image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info:
        rgba = image.convert("RGBA")
        ground = Image.new("RGB", rgba.size, NEUTRAL)
        ground.paste(rgba, mask=rgba.getchannel("A"))
        return ground
    return image.convert("RGB")


def check(data: bytes | None, path: str | os.PathLike[str] | None = None, *, tail: bytes | None = None) -> str | None:
    """What is wrong with an encoded image, or None; without decoding it where its beginning and end look sound.

    The header is parsed (format, size, safety limit) and the end looked at: JPEG, PNG, GIF, WebP and BMP say where they stop.
    Only where the end is missing is the image decoded, to be sure. Damage in the middle is found when the item is read.

    Parameters
    ----------
    data : the whole file, or None to open `path`
    path : where it lies; its ending gives better messages
    tail : the last bytes, where `data` is None
    """
    if path is not None:
        refused = REFUSED_SUFFIXES.get(os.path.splitext(path)[1].lower())
        if refused:
            return refused
    source = data if data is not None else path
    assert source is not None
    if data is not None and len(data) == 0:
        return "the file is empty"
    try:
        with _open(source) as image:
            kind, size = image.format, (image.size)
        if size[0] < 1 or size[1] < 1:
            return f"an image of {size[0]} x {size[1]} pixels"
        if not _ends_well(kind, data, tail):
            read_rgb(source)
    except PictureError as error:
        return str(error)
    return None


def _ends_well(kind: str | None, data: bytes | None, tail: bytes | None) -> bool:
    end = data[-64:] if data is not None else (tail or b"")[-64:]
    if kind == "JPEG":
        return end.rstrip(b"\0\r\n ").endswith(b"\xff\xd9")
    if kind == "PNG":
        return b"IEND" in end
    if kind == "GIF":
        return end.rstrip(b"\0").endswith(b";")
    if kind == "WEBP" and data is not None:
        return len(data) >= int.from_bytes(data[4:8], "little") + 8
    return data is None and kind not in ("WEBP",)  # the rest has no mark of its own: small files are decoded, big ones when read


def encode_png(image: Image.Image) -> bytes:
    """An RGB image as PNG, quickly."""
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


def thumbnail(image: Image.Image, size: int = 96) -> tuple[bytes, str]:
    """`image` (RGB) with its longer side at most `size` pixels, encoded, and its mime type.

    Tiny images are sent as they are, without loss (PNG); the rest as WebP.
    """
    from PIL import Image

    if size < 1:
        raise ValueError(f"size: got {size}, expected at least 1 pixel")
    if max(image.size) > size:
        scale = size / max(image.size)
        image = image.resize(
            (max(1, round(image.width * scale)), max(1, round(image.height * scale))), Image.Resampling.LANCZOS, reducing_gap=2.0
        )
    buffer = io.BytesIO()
    if max(image.size) <= 40:
        image.save(buffer, "PNG")
        return buffer.getvalue(), "image/png"
    image.save(buffer, "WEBP", quality=82, method=2)
    return buffer.getvalue(), "image/webp"


def _head(path: Any) -> bytes:
    try:
        with Path(path).open("rb") as file:
            return file.read(256)
    except OSError:
        return b""


def _why_not(head: bytes) -> str:
    start = head.lstrip(b"\xef\xbb\xbf \r\n\t").lower()
    if not head:
        return "the file is empty"
    if start.startswith(b"<svg") or (start.startswith((b"<?xml", b"<!doctype svg")) and b"svg" in start):
        return REFUSED_SUFFIXES[".svg"]
    if start.startswith((b"<!doctype html", b"<html")):
        return "not an image but a web page; a download may have failed"
    if start.startswith(b"version https://git-lfs"):
        return "not an image but a Git LFS pointer; run git lfs pull"
    if head.startswith(b"%PDF"):
        return REFUSED_SUFFIXES[".pdf"]
    if head[4:12] in (b"ftypheic", b"ftypheix", b"ftypmif1", b"ftyphevc"):
        return REFUSED_SUFFIXES[".heic"]
    return "not an image that can be read"


def _broken(error: BaseException) -> str:
    text = _first_line(error)
    return f"{'truncated' if 'truncated' in text.lower() else 'broken'} image ({text})"


def _first_line(error: BaseException) -> str:
    text = str(error).strip().splitlines()
    return (text[0] if text else type(error).__name__)[:160]
