"""Recordings and clips as pictures and as something to play: waveforms, strips of frames, and bytes that a browser knows.

What decodes is what is installed: WAV by SciPy, other sounds by soundfile, films by PyAV (`pip install "labelnb[media]"`). Without them a
browser may still play a file; its card then says why there is no picture.
"""
from __future__ import annotations

import io
import math
import struct
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from PIL import Image

__all__ = ["AUDIO_SUFFIXES", "CLIP_SUFFIXES", "Glance", "RecordingError", "kind_of", "glance", "playable"]

AUDIO_SUFFIXES = frozenset({".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3"})
"""Endings of files that are taken as recordings."""
CLIP_SUFFIXES = frozenset({".mp4", ".m4v", ".webm"})
"""Endings of files that are taken as clips."""
SEND_LIMIT = 8_000_000
"""Bytes that are sent to a browser to be played; frames above 10 MiB close its connection."""
PREVIEW_RATE, PREVIEW_SECONDS = 16_000, 240
"""What is sent of a recording above the limit that can be decoded: its beginning, in mono at this rate."""
FRAMES = 4
"""Frames in the strip of a clip."""
DECODE_LIMIT = 2_000_000_000
"""Bytes of a file that is decoded for its picture at most."""
INK = (110, 132, 160, 255)
"""Colour of a waveform: readable on light and on dark ground."""
_NEEDS = "pip install 'labelnb[media]'"


class RecordingError(ValueError):
    """This cannot be shown or played; the message says why and what to do."""


class Glance(NamedTuple):
    """What is shown of a recording or a clip before it is played."""

    picture: bytes | None
    """A PNG (waveform) or WebP (frames); None where nothing decodes it."""
    mime: str
    """Type of the picture."""
    seconds: float | None
    """Length; None where it is not known."""
    note: str
    """Why there is no picture; empty where there is one."""


def kind_of(head: bytes) -> tuple[str, str] | None:
    """`audio` or `clip` and the MIME type, by the first 16 bytes of a file; None where it is neither.

    >>> kind_of(b"RIFF....WAVEfmt "), kind_of(b"GIF89a")
    (('audio', 'audio/wav'), None)
    """
    if head[:4] == b"RIFF" and head[8:12] == b"WAVE":
        return "audio", "audio/wav"
    if head[:4] == b"fLaC":
        return "audio", "audio/flac"
    if head[:4] == b"OggS":
        return "audio", "audio/ogg"
    if head[:3] == b"ID3" or (len(head) > 1 and head[0] == 0xFF and head[1] & 0xE6 in (0xE2, 0xE4, 0xE6)):
        return "audio", "audio/mpeg"
    if head[4:8] == b"ftyp":
        return "clip", "video/mp4"
    if head[:4] == b"\x1aE\xdf\xa3":
        return "clip", "video/webm"
    return None


def glance(path: str, size: int = 240) -> Glance:
    """The picture of a recording or clip, `size` pixels wide, made from the file.

    Raises
    ------
    RecordingError
        If the file is gone, is not what its ending says, or is damaged.
    """
    kind, _ = _kind(path)
    if Path(path).stat().st_size > DECODE_LIMIT:
        return Glance(None, "", None, "too large for a picture")
    return _waveform(path, size) if kind == "audio" else _strip(path, size)


def playable(path: str) -> tuple[bytes, str]:
    """Bytes and MIME type for a browser to play; of a large recording that can be decoded, its first minutes in mono.

    Raises
    ------
    RecordingError
        If the file cannot be read, or is too large to be sent.
    """
    kind, mime = _kind(path)
    size = Path(path).stat().st_size
    if size <= SEND_LIMIT:
        return Path(path).read_bytes(), mime
    if kind == "audio" and size <= DECODE_LIMIT:
        samples, rate = _samples(path, PREVIEW_SECONDS)
        if samples is not None:
            return _wav(samples, rate), "audio/wav"
    raise RecordingError(f"{size / 1e6:.0f} MB are too much to play here (at most {SEND_LIMIT / 1e6:.0f}); open {path}")


def _kind(path: str) -> tuple[str, str]:
    try:
        with open(path, "rb") as file:
            head = file.read(16)
    except FileNotFoundError as error:
        raise RecordingError("the file is not there") from error
    except OSError as error:
        raise RecordingError(f"the file cannot be read ({error.strerror})") from error
    found = kind_of(head)
    if found is None:
        raise RecordingError("the file is empty" if not head else "not a recording or clip that is known (WAV, FLAC, OGG, MP3, MP4, WebM)")
    return found


def _samples(path: str, most_seconds: float | None = None) -> tuple[np.ndarray | None, int]:
    """(n,) float32 mono samples from -1 to 1 and their rate; None where nothing installed decodes the file."""
    try:
        import soundfile
    except ImportError:
        return _wav_samples(path, most_seconds)
    try:
        with soundfile.SoundFile(path) as file:
            rate = int(file.samplerate)
            step = max(1, -(-file.frames // 20_000_000)) if most_seconds is None else 1
            wanted = file.frames if most_seconds is None else min(file.frames, int(most_seconds * rate))
            blocks, taken = [], 0
            while taken < wanted and len(block := file.read(min(1 << 20, wanted - taken), dtype="float32", always_2d=True)):
                blocks.append(block.mean(axis=1)[::step])
                taken += len(block)
            return (np.concatenate(blocks) if blocks else np.zeros(0, np.float32)), rate
    except (RuntimeError, OSError, ValueError) as error:
        raise RecordingError("damaged, or not a sound that is known") from error


def _wav_samples(path: str, most_seconds: float | None) -> tuple[np.ndarray | None, int]:
    from scipy.io import wavfile

    if _kind(path)[1] != "audio/wav":
        return None, 0
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", wavfile.WavFileWarning)
            rate, data = wavfile.read(path)
    except (ValueError, OSError, EOFError, struct.error, MemoryError, TypeError, ZeroDivisionError) as error:
        raise RecordingError(f"damaged WAV ({error})") from error
    whole = data if most_seconds is None else data[: int(most_seconds * rate)]
    scaled = whole.astype(np.float32)
    if whole.dtype.kind == "u":
        scaled = scaled / 128 - 1
    elif whole.dtype.kind == "i":
        scaled /= -float(np.iinfo(whole.dtype).min)
    return scaled if scaled.ndim == 1 else scaled.mean(axis=1, dtype=np.float32), int(rate)


def _waveform(path: str, size: int) -> Glance:
    from PIL import Image, ImageDraw

    samples, rate = _samples(path)
    if samples is None:
        return Glance(None, "", None, f"no waveform: {_NEEDS}")
    seconds = _length(path, samples, rate)
    width, height = max(size, 32), max(size * 2 // 5, 16)
    image = Image.new("RGBA", (width, height), (0, 0, 0, 0))
    draw = ImageDraw.Draw(image)
    edges = np.linspace(0, len(samples), width + 1).astype(np.int64)
    middle = (height - 1) / 2
    for x in range(width):
        part = np.nan_to_num(samples[edges[x]: max(edges[x + 1], edges[x] + 1)])
        low, high = (float(part.min()), float(part.max())) if len(part) else (0.0, 0.0)
        draw.line([(x, middle - min(high, 1.0) * middle), (x, middle - max(low, -1.0) * middle)], fill=INK)
    out = io.BytesIO()
    image.save(out, "PNG", compress_level=6)
    return Glance(out.getvalue(), "image/png", seconds, "")


def _length(path: str, samples: np.ndarray, rate: int) -> float | None:
    try:
        import soundfile

        return float(soundfile.info(path).duration)
    except (ImportError, RuntimeError):
        return len(samples) / rate if rate else None


def _wav(samples: np.ndarray, rate: int) -> bytes:
    """Mono 16 bit WAV at PREVIEW_RATE or below; each new sample is the mean of those that it stands for."""
    step = max(1, math.ceil(rate / PREVIEW_RATE))
    kept = samples[: len(samples) // step * step].reshape(-1, step).mean(axis=1)
    data = (np.clip(np.nan_to_num(kept), -1, 1) * 32767).astype("<i2").tobytes()
    rate //= step
    head = struct.pack("<4sI4s4sIHHIIHH4sI", b"RIFF", 36 + len(data), b"WAVE", b"fmt ", 16, 1, 1, rate, rate * 2, 2, 16, b"data", len(data))
    return head + data


def _strip(path: str, size: int) -> Glance:
    try:
        import av
    except ImportError:
        return Glance(None, "", None, f"no picture: {_NEEDS}")
    from PIL import Image

    frames: list[Image.Image] = []
    seconds = None
    try:
        with av.open(path) as film:
            if film.duration:
                seconds = film.duration / 1_000_000
            for n in range(FRAMES):
                if seconds and n:
                    film.seek(int(seconds * n / FRAMES * 1_000_000))
                frame: Any = next(film.decode(video=0), None)
                if frame is None:
                    break
                image = frame.to_image()
                image.thumbnail((size, size))
                frames.append(image.convert("RGB"))
                if not seconds:
                    break
    except (av.FFmpegError, ValueError, IndexError, OSError) as error:
        if not frames:
            raise RecordingError("damaged, or not a film that is known") from error
    if not frames:
        raise RecordingError("a film without a picture")
    width, height = frames[0].size
    columns = 2 if len(frames) > 1 else 1
    sheet = Image.new("RGB", (width * columns, height * -(-len(frames) // columns)))
    for n, image in enumerate(frames):
        sheet.paste(image, (width * (n % columns), height * (n // columns)))
    sheet.thumbnail((size, size))
    out = io.BytesIO()
    sheet.save(out, "WEBP", quality=80)
    return Glance(out.getvalue(), "image/webp", seconds, "")
