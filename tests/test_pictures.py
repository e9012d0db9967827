"""Every kind of picture to RGB; broken ones refused with a reason; fuzzed."""

from __future__ import annotations

import contextlib
import io
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from labelnb.pictures import NEUTRAL, PictureError, check, read_rgb, thumbnail, to_rgb


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def picture(mode: str = "RGB", size: tuple[int, int] = (24, 16)) -> Image.Image:
    grid = np.arange(size[0] * size[1] * 3, dtype=np.uint32).reshape(size[1], size[0], 3) % 256
    return Image.fromarray(grid.astype(np.uint8)).convert(mode)


FORMATS = [
    ("JPEG", "RGB"), ("JPEG", "L"), ("JPEG", "CMYK"), ("PNG", "RGB"), ("PNG", "RGBA"), ("PNG", "LA"), ("PNG", "P"), ("PNG", "1"),
    ("WEBP", "RGB"), ("WEBP", "RGBA"), ("GIF", "P"), ("BMP", "RGB"), ("TIFF", "RGB"), ("TIFF", "CMYK"), ("PPM", "RGB"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "mode"), FORMATS)
def test_every_format_and_mode_becomes_rgb(kind: str, mode: str):
    data = encoded(picture(mode), kind)
    assert check(data) is None
    image = read_rgb(data)
    assert image.mode == "RGB" and image.size == (24, 16)
    assert thumbnail(image, 8)[0]


def test_transparency_lies_on_neutral_grey():
    image = Image.new("RGBA", (2, 1), (255, 0, 0, 0))
    image.putpixel((1, 0), (255, 0, 0, 255))
    assert [read_rgb(encoded(image, "PNG")).getpixel((x, 0)) for x in (0, 1)] == [NEUTRAL, (255, 0, 0)]
    palette = Image.new("P", (1, 1), 3)
    palette.info["transparency"] = 3
    assert to_rgb(palette).getpixel((0, 0)) == NEUTRAL
    half = Image.new("LA", (1, 1), (0, 128))
    assert abs(to_rgb(half).getpixel((0, 0))[0] - NEUTRAL[0] // 2) <= 1


def test_sixteen_bits_are_stretched_not_cut():
    values = np.linspace(1000, 41000, 256).astype(np.uint16).reshape(16, 16)
    grey = np.asarray(read_rgb(encoded(Image.fromarray(values), "PNG")))[..., 0].ravel()
    assert grey[0] == 0 and grey[-1] == 255 and (np.diff(grey.astype(int)) >= 0).all() and len(np.unique(grey)) > 250
    flat = Image.fromarray(np.full((2, 2), 70, np.uint16))
    assert read_rgb(encoded(flat, "PNG")).getpixel((0, 0)) == (70, 70, 70)
    floats = np.array([[0.0, 0.5], [np.nan, 1.0]], np.float32)
    assert np.asarray(to_rgb(Image.fromarray(floats)))[..., 0].tolist() == [[0, 128], [0, 255]]


def test_exif_orientation_is_honoured():
    image = Image.new("RGB", (20, 10), (255, 255, 255))
    image.paste((255, 0, 0), (0, 0, 5, 10))
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: show it a quarter turn clockwise
    upright = read_rgb(encoded(image, "JPEG", exif=exif, quality=95))
    assert upright.size == (10, 20) and upright.getpixel((5, 1))[1] < 90 and upright.getpixel((5, 18))[1] > 200


def test_the_picture_given_is_not_changed():
    image = picture("RGBA")
    before = image.tobytes()
    to_rgb(image)
    assert image.mode == "RGBA" and image.tobytes() == before


def test_large_jpegs_may_come_smaller_never_below_what_is_asked():
    data = encoded(picture(size=(800, 400)), "JPEG")
    small = read_rgb(data, at_least=90)
    assert small.size[0] < 800 and min(small.size) >= 90
    assert read_rgb(encoded(picture(size=(800, 400)), "PNG"), at_least=90).size == (800, 400)


@pytest.mark.parametrize(("kind", "mode"), FORMATS)
def test_a_file_cut_short_is_found_without_decoding_sound_ones(kind: str, mode: str):
    data = encoded(picture(mode, (120, 90)), kind)
    wrong = check(data[: len(data) * 2 // 3])
    if kind == "GIF" and wrong is None:  # what is left may still be a whole frame
        read_rgb(data[: len(data) * 2 // 3])
    else:
        assert wrong is not None and ("truncated" in wrong or "image" in wrong)


def test_damage_in_the_middle_is_found_when_read():
    data = bytearray(encoded(picture(size=(200, 200)), "PNG"))
    start = data.index(b"IDAT") + 8
    data[start : start + 50] = bytes(50)
    assert check(bytes(data)) is None  # header and end are sound
    with pytest.raises(PictureError, match="image"):
        read_rgb(bytes(data))


def bomb(width: int, height: int) -> bytes:
    """A PNG whose header promises more than any memory holds."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return len(body).to_bytes(4, "big") + kind + body + zlib.crc32(kind + body).to_bytes(4, "big")

    header = width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes([8, 2, 0, 0, 0])
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("side", [9_500, 30_000, 60_000])
def test_decompression_bombs_are_refused_before_they_are_decoded(side: int):
    assert "PIL.Image.MAX_IMAGE_PIXELS" in (check(bomb(side, side)) or "")
    with pytest.raises(PictureError, match="MAX_IMAGE_PIXELS"):
        read_rgb(bomb(side, side))


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "empty"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "SVG is a drawing"),
        (b"<?xml version='1.0'?>\n<svg/>", "SVG is a drawing"),
        (b"<!DOCTYPE html><html></html>", "web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:1", "git lfs pull"),
        (b"%PDF-1.7", "PDF"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n", "not an image"),
        (b"just some text", "not an image"),
        (bytes(1000), "not an image"),
    ],
)
def test_what_is_no_picture_says_what_it_is(data: bytes, said: str):
    assert said in (check(data) or "")
    with pytest.raises(PictureError):
        read_rgb(data)


def test_endings_that_are_refused(tmp_path: Path):
    assert "SVG" in (check(b"anything", tmp_path / "a.SVG") or "")
    assert "HEIC" in (check(b"anything", tmp_path / "a.heic") or "")


@pytest.mark.filterwarnings("ignore")
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_no_damage_raises_anything_else(data: st.DataObject):
    kind, mode = data.draw(st.sampled_from(FORMATS))
    whole = bytearray(encoded(picture(mode), kind))
    for at, value in data.draw(st.lists(st.tuples(st.integers(0, len(whole) - 1), st.integers(0, 255)), min_size=1, max_size=12)):
        whole[at] = value
    cut = bytes(whole[: data.draw(st.integers(1, len(whole)))])
    check(cut)
    with contextlib.suppress(PictureError):
        assert read_rgb(cut).mode == "RGB"


@pytest.mark.filterwarnings("ignore")
@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=400))
def test_no_bytes_raise_anything_else(data: bytes):
    wrong = check(data)
    if wrong is None:
        read_rgb(data)
    else:
        with pytest.raises(PictureError):
            read_rgb(data)
