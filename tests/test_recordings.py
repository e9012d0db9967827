"""Recordings and clips as items: told by their bytes, pictured by what is installed, played in bounds, and back from an export."""
from __future__ import annotations

import io
import struct
import sys
import wave
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import labelnb as lnb
from labelnb import recordings
from labelnb.problems import ItemWarning
from labelnb.recordings import RecordingError, glance, kind_of, playable


def tone(path: Path, seconds: float = 1.0, rate: int = 8_000, channels: int = 1, loud: float = .5) -> Path:
    """A WAV that is silent in its first half."""
    n = int(seconds * rate)
    samples = loud * np.sin(np.arange(n) * 2 * np.pi * 440 / rate) * (np.arange(n) >= n // 2)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(np.repeat((samples * 32767).astype("<i2"), channels).tobytes())
    return path


@pytest.fixture(params=["soundfile", "none"])
def decoder(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """With soundfile where it is installed, and without it."""
    if request.param == "soundfile":
        pytest.importorskip("soundfile")
    else:
        monkeypatch.setitem(sys.modules, "soundfile", None)
        monkeypatch.setitem(sys.modules, "av", None)
    return str(request.param)


@pytest.mark.parametrize(("head", "expected"), [
    (b"RIFF\0\0\0\0WAVEfmt ", ("audio", "audio/wav")), (b"RIFF\0\0\0\0WEBPVP8 ", None), (b"fLaC\0\0\0\x22", ("audio", "audio/flac")),
    (b"OggS\0\2", ("audio", "audio/ogg")), (b"ID3\4\0", ("audio", "audio/mpeg")), (b"\xff\xfb\x90\x64", ("audio", "audio/mpeg")),
    (b"\xff\xd8\xff\xe0", None), (b"\0\0\0\x18ftypmp42", ("clip", "video/mp4")), (b"\x1aE\xdf\xa3\x01", ("clip", "video/webm")),
    (b"", None), (b"<svg onload=", None),
])
def test_files_are_told_by_their_first_bytes(head: bytes, expected: tuple[str, str] | None) -> None:
    assert kind_of(head) == expected


def test_a_waveform_is_high_where_it_is_loud(tmp_path: Path, decoder: str) -> None:
    seen = glance(str(tone(tmp_path / "a.wav", channels=2)), 100)
    assert seen.seconds == pytest.approx(1.0)
    assert seen.picture is not None
    drawn = np.asarray(Image.open(io.BytesIO(seen.picture)))[..., 3] > 0
    heights = drawn.sum(axis=0)
    assert drawn.shape == (40, 100)
    assert (heights[:49] == 1).all()
    assert heights[55:].min() == pytest.approx(20, abs=2), "half as loud as can be is half as high"


def test_what_is_too_large_is_sent_as_a_preview_or_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, decoder: str
) -> None:
    path = tone(tmp_path / "a.wav", seconds=2, rate=32_000, channels=2)
    assert playable(str(path)) == (path.read_bytes(), "audio/wav")
    monkeypatch.setattr(recordings, "SEND_LIMIT", 100_000)
    data, mime = playable(str(path))
    assert mime == "audio/wav"
    with wave.open(io.BytesIO(data)) as file:
        assert (file.getnchannels(), file.getframerate(), file.getnframes()) == (1, 16_000, 32_000)
        samples = np.frombuffer(file.readframes(32_000), "<i2")
    assert abs(samples[:15_000]).max() <= 1
    assert abs(samples[17_000:]).max() == pytest.approx(.5 * 32767, rel=.02)
    film = tmp_path / "b.mp4"
    film.write_bytes(b"\0\0\0\x18ftypmp42" + bytes(200_000))
    with pytest.raises(RecordingError, match=r"0 MB are too much to play here .* open .*b\.mp4"):
        playable(str(film))


def test_damaged_files_say_so(tmp_path: Path, decoder: str) -> None:
    cut = tmp_path / "cut.wav"
    cut.write_bytes(tone(tmp_path / "a.wav").read_bytes()[:20])
    with pytest.raises(RecordingError, match="damaged"):
        glance(str(cut))
    with pytest.raises(RecordingError, match="not a recording or clip"):
        glance(str(_written(tmp_path / "x.mp3", b"<script>alert(1)</script>")))
    with pytest.raises(RecordingError, match="not there"):
        playable(str(tmp_path / "gone.wav"))
    if decoder == "none":
        assert "labelnb[media]" in glance(str(_written(tmp_path / "x.flac", b"fLaC" + bytes(50)))).note
        assert "labelnb[media]" in glance(str(_written(tmp_path / "x.webm", b"\x1aE\xdf\xa3" + bytes(50)))).note


def test_a_clip_is_a_strip_of_its_frames(tmp_path: Path) -> None:
    seen = glance(str(film(tmp_path / "a.webm")), 120)
    assert seen.picture is not None
    assert seen.mime == "image/webp"
    picture = np.asarray(Image.open(io.BytesIO(seen.picture)).convert("RGB")).astype(int)
    corners = [picture[10, 10], picture[10, -10], picture[-10, 10], picture[-10, -10]]
    assert [int(np.argmax(corner)) for corner in (corners[0], corners[-1])] == [0, 2], "red at the beginning, blue at the end"
    with pytest.raises(RecordingError, match="damaged, or not a film"):
        glance(str(_written(tmp_path / "b.webm", b"\x1aE\xdf\xa3" + bytes(500))))


def film(path: Path, frames: int = 40) -> Path:
    """A clip that turns from red to blue; skips where PyAV is not installed."""
    av: Any = pytest.importorskip("av")
    with av.open(str(path), "w") as made:
        stream = made.add_stream("libvpx", rate=10)
        stream.width, stream.height, stream.pix_fmt, stream.gop_size = 64, 48, "yuv420p", 5
        for n in range(frames):
            share = n / (frames - 1)
            array = np.full((48, 64, 3), (int(220 * (1 - share)), 30, int(220 * share)), np.uint8)
            for packet in stream.encode(av.VideoFrame.from_ndarray(array, format="rgb24")):
                made.mux(packet)
        for packet in stream.encode():
            made.mux(packet)
    return path


def test_recordings_are_loaded_labelled_exported_and_loaded_again(tmp_path: Path) -> None:
    sounds = tmp_path / "sounds"
    (sounds / "dog").mkdir(parents=True)
    for n in range(4):
        tone(sounds / "dog" / f"{n}.wav", seconds=.1 + n / 50)
    _written(sounds / "dog" / "9.mp3", b"not a sound")
    with pytest.warns(ItemWarning):
        items = lnb.load(sounds, label="folder")
    assert repr(items).startswith("Items(4 recordings; 1 set aside; 4 with a given label")
    assert "not a recording" in str(items.problems[0])
    assert items.text(0) == "0.wav"
    s = lnb.Session(items, classes=["dog", "cat"], path=tmp_path / "s.lnb")
    s.label(1, "cat")
    with pytest.raises(lnb.encoders.EncoderError, match=r"hand its vectors over.*s\.embed\(array\)"):
        s.embed()
    with pytest.raises(lnb.encoders.EncoderError, match=r"does not read items of modality 'audio'"):
        s.embed("wordllama")
    assert s.embed(np.eye(4, dtype=np.float32)).vectors.shape == (4, 4)
    for name in ("labels.parquet", "labels.jsonl", "labels.csv", "labels.json"):
        path = s.export(tmp_path / name)
        if not name.endswith(".json"):
            again = lnb.load(path)
            assert (again.modality, again.ids.tolist(), again.given.tolist()) == ("audio", items.ids.tolist(), ["dog", "cat", "dog", "dog"])
    with pytest.raises(ValueError, match="image"):
        s.export(tmp_path / "folder", format="imagefolder")
    s.close()
    assert lnb.Session.open(tmp_path / "s.lnb").items.path(2) == str(sounds / "dog" / "2.wav")


def test_lists_of_files_globs_and_single_files_are_taken_by_their_endings(tmp_path: Path) -> None:
    paths = [tone(tmp_path / f"{n}.wav", seconds=.1 + n / 50) for n in range(3)]
    for source in (paths, [str(path) for path in paths], str(tmp_path / "*.wav")):
        assert (lnb.load(source).modality, len(lnb.load(source))) == ("audio", 3)
    assert lnb.load(paths[0]).modality == "audio"
    clips = [_written(tmp_path / f"{n}.mp4", b"\0\0\0\x18ftypmp42" + bytes([n])) for n in range(2)]
    assert lnb.load(clips).modality == "clip"
    assert lnb.load(tmp_path).modality == "audio"
    assert len(lnb.load(tmp_path, modality="clip")) == 2


def _written(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def test_float_and_eight_bit_wav_are_read_without_soundfile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "soundfile", None)
    sounds = ((3, 32, np.float32([0, .5, -1, 1])), (1, 8, np.uint8([128, 192, 0, 255])), (1, 16, np.int16([0, 16384, -32768, 32767])))
    for kind, bits, samples in sounds:
        data, size = samples.tobytes(), bits // 8
        about = struct.pack("<4sIHHIIHH", b"fmt ", 16, kind, 1, 4, 4 * size, size, bits)
        head = struct.pack("<4sI4s", b"RIFF", 36 + len(data), b"WAVE") + about + struct.pack("<4sI", b"data", len(data))
        found, rate = recordings._samples(str(_written(tmp_path / f"{bits}.wav", head + data)))
        assert rate == 4
        np.testing.assert_allclose(found, [0, .5, -1, 1], atol=.01)
