"""Decoding of image files, and refusal of bad ones."""

import io
import os
import struct
import zlib
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from PIL import EpsImagePlugin, Image
from scipy.ndimage import gaussian_filter

from medkt.data.pixels import decoding as images
from medkt_eval.errors import InputError

RED, GREEN, WHITE = (200, 0, 0), (0, 180, 0), (255, 255, 255)


def halves(left: object, right: object, mode: str = "RGB") -> Image.Image:
    """16 x 16 pixels of two colours."""
    image = Image.new(mode, (16, 16), left)  # pyright: ignore[reportArgumentType]
    image.paste(right, (8, 0, 16, 16))  # pyright: ignore[reportArgumentType]
    return image


def corners(pixels: np.ndarray) -> list[list[int]]:
    """Colours of the middle of the left and of the right half."""
    return [np.atleast_1d(pixels[8, column]).tolist() for column in (3, 12)]


def test_sixteen_bit_grey_is_scaled_over_its_full_range(tmp_path: Path):
    ramp = np.linspace(0, 65535, 64 * 64).astype(np.uint16).reshape(64, 64)
    Image.fromarray(ramp).save(tmp_path / "deep.png")
    assert np.array_equal(images.read_image(tmp_path / "deep.png", 64, 1), ramp >> 8)
    Image.fromarray(ramp // 16).save(tmp_path / "twelve.png")
    assert images.read_image(tmp_path / "twelve.png", 64, 1).max() == 15  # 12 bits stay where they are: dark
    Image.fromarray(ramp).save(tmp_path / "deep.tiff")
    assert np.array_equal(images.read_image(tmp_path / "deep.tiff", 64, 3)[..., 2], ramp >> 8)


def test_values_that_are_no_pixels_are_refused(tmp_path: Path):
    Image.fromarray(np.full((8, 8), 70_000, dtype=np.int32)).save(tmp_path / "deep.tiff")
    with pytest.raises(InputError, match=r"values from 70000 to 70000; expected 8 or 16 bits"):
        images.read_image(tmp_path / "deep.tiff", 8, 1)
    Image.fromarray(np.full((8, 8), 0.5, dtype=np.float32)).save(tmp_path / "real.tiff")
    with pytest.raises(InputError, match="floating-point values"):
        images.read_image(tmp_path / "real.tiff", 8, 1)


def test_palettes_and_two_colours(tmp_path: Path):
    halves(RED, GREEN).quantize(4).save(tmp_path / "palette.png")
    with Image.open(tmp_path / "palette.png") as saved:
        assert saved.mode == "P"
    assert corners(images.read_image(tmp_path / "palette.png", 16, 3)) == [list(RED), list(GREEN)]
    halves(0, 1, "1").save(tmp_path / "bits.png")
    assert corners(images.read_image(tmp_path / "bits.png", 16, 1)) == [[0], [255]]


def test_transparent_pixels_are_laid_on_black(tmp_path: Path):
    halves((*WHITE, 0), (*RED, 128), "RGBA").save(tmp_path / "rgba.png")
    left, right = corners(images.read_image(tmp_path / "rgba.png", 16, 3))
    assert left == [0, 0, 0]
    assert right == pytest.approx([100, 0, 0], abs=1)
    halves((255, 0), (255, 255), "LA").save(tmp_path / "la.png")
    assert corners(images.read_image(tmp_path / "la.png", 16, 1)) == [[0], [255]]
    halves(WHITE, GREEN).quantize(2).save(tmp_path / "palette.png", transparency=0)
    with Image.open(tmp_path / "palette.png") as saved:
        transparent = saved.convert("RGBA").getpixel((3, 8))[3] == 0  # pyright: ignore[reportOptionalSubscript, reportIndexIssue]
    seen = corners(images.read_image(tmp_path / "palette.png", 16, 3))
    assert seen == ([[0, 0, 0], list(GREEN)] if transparent else [list(WHITE), [0, 0, 0]])


def test_cmyk_jpegs_become_rgb(tmp_path: Path):
    halves((0, 255, 255, 0), (0, 0, 0, 0), "CMYK").save(tmp_path / "print.jpg", quality=95)
    left, right = corners(images.read_image(tmp_path / "print.jpg", 16, 3))
    assert left == pytest.approx([255, 0, 0], abs=6)
    assert right == pytest.approx([255, 255, 255], abs=6)


@pytest.mark.parametrize(("orientation", "expected"), [(1, [30, 220]), (3, [220, 30]), (2, [220, 30])])
def test_the_rotation_that_exif_asks_for_is_carried_out(tmp_path: Path, orientation: int, expected: list[int]):
    exif = Image.Exif()
    exif[0x0112] = orientation
    halves(30, 220, "L").save(tmp_path / "turned.jpg", exif=exif, quality=95)
    seen = corners(images.read_image(tmp_path / "turned.jpg", 16, 1))
    assert [value[0] for value in seen] == pytest.approx(expected, abs=6)


def test_a_quarter_turn_and_sixteen_bits(tmp_path: Path):
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera's top is at the right
    deep = np.zeros((8, 16), dtype=np.uint16)
    deep[:, 4:8], deep[:, 8:12] = 20_000, 60_000
    Image.fromarray(deep).save(tmp_path / "turned.png", exif=exif)
    pixels = images.read_image(tmp_path / "turned.png", 8, 1)
    assert pixels.shape == (8, 8)
    assert pixels[:, 4].tolist() == [20_000 >> 8] * 4 + [60_000 >> 8] * 4


def png_header(width: int, height: int) -> bytes:
    """A grey PNG of that size without pixels."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


@pytest.mark.parametrize("side", [9_500, 14_000, 200_000])
def test_decompression_bombs_are_refused_by_their_header(tmp_path: Path, side: int):
    (tmp_path / "bomb.png").write_bytes(png_header(side, side))
    with pytest.raises(InputError, match=r"bomb\.png: more than 89,478,485 pixels; shrink it or take it off"):
        images.read_image(tmp_path / "bomb.png", 64, 1)


def test_strips_are_refused(tmp_path: Path):
    Image.new("L", (21, 1)).save(tmp_path / "strip.png")
    with pytest.raises(InputError, match="21 x 1 pixels, one side more than 20 times the other"):
        images.read_image(tmp_path / "strip.png", 64, 1)


@pytest.mark.parametrize("kind", ["png", "jpeg", "tiff", "gif", "bmp"])
@pytest.mark.parametrize("part", [0.0, 0.05, 0.6])
def test_truncated_files_are_refused(tmp_path: Path, kind: str, part: float):
    whole = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 256, (64, 64), dtype=np.uint8)
    Image.fromarray(noise).save(whole, format=kind)
    path = tmp_path / f"image.{kind}"
    path.write_bytes(whole.getvalue()[: int(part * len(whole.getvalue()))])
    with pytest.raises(InputError, match=rf"image\.{kind}: cannot be read as an image"):
        images.read_image(path, 64, 1)


def photograph(side: int) -> Image.Image:
    noise = gaussian_filter(np.random.default_rng(0).normal(size=(side, side, 3)), (4, 4, 0))
    return Image.fromarray(np.clip(128 + 50 * noise / noise.std(), 0, 255).astype(np.uint8))


@pytest.mark.parametrize("channels", [1, 3])
def test_decoding_at_a_reduced_scale_shows_the_same_image(tmp_path: Path, channels: int):
    photograph(600).save(tmp_path / "large.jpg", quality=90)
    whole = images.read_image(tmp_path / "large.jpg", 32, channels).astype(int)
    reduced = images.read_image(tmp_path / "large.jpg", 32, channels, reduced=True).astype(int)
    assert reduced.shape == whole.shape
    assert 0 < np.abs(reduced - whole).max() <= 4
    photograph(40).save(tmp_path / "small.jpg", quality=90)  # too small to be reduced
    whole, reduced = (images.read_image(tmp_path / "small.jpg", 32, 3, reduced=some) for some in (False, True))
    assert np.array_equal(whole, reduced)


@pytest.mark.parametrize("progressive", [False, True])
def test_truncated_files_are_refused_at_a_reduced_scale_too(tmp_path: Path, progressive: bool):
    whole = io.BytesIO()
    photograph(400).save(whole, format="jpeg", progressive=progressive)
    path = tmp_path / "image.jpg"
    for missing in (2, 20, 200, 2000, 20_000):
        path.write_bytes(whole.getvalue()[:-missing])
        with pytest.raises(InputError, match=r"image\.jpg: cannot be read as an image"):
            images.read_image(path, 16, 1, reduced=True)


def test_the_shorter_side_is_resized_and_the_centre_kept(tmp_path: Path):
    wide = np.zeros((10, 30), dtype=np.uint8)
    wide[:, 10:20] = 255
    Image.fromarray(wide).save(tmp_path / "wide.png")
    assert images.read_image(tmp_path / "wide.png", 10, 1).min() == 255
    assert images.read_image(tmp_path / "wide.png", 10, 3).shape == (10, 10, 3)


@pytest.mark.parametrize("name", ["../a.png", "x/../../a.png", "/etc/passwd", "..", "a\0.png"])
def test_a_table_cannot_lead_out_of_its_folder(tmp_path: Path, name: str):
    with pytest.raises(InputError, match=r"labels: image .* lies outside .*; expected a path inside it"):
        images.inside(tmp_path, name, "labels")


def test_links_are_followed(tmp_path: Path):
    (tmp_path / "disk").mkdir()
    (tmp_path / "root").mkdir()
    Image.new("L", (8, 8), 77).save(tmp_path / "disk" / "a.png")
    (tmp_path / "root" / "images").symlink_to(tmp_path / "disk")
    path = images.inside(tmp_path / "root", "images/x/../a.png", "labels")
    assert images.read_image(path, 8, 1).max() == 77


def test_images_that_are_listed_and_absent_are_counted(tmp_path: Path):
    (tmp_path / "a.png").write_bytes(b"")
    files = images.paths(tmp_path, ["a.png", "b.png", "c.png"], "labels")
    _, there, notes = images.located(files, "labels")
    assert (there.tolist(), notes) == ([True, False, False], ("2 of 3 listed images are absent",))
    assert images.located(files[:1], "labels")[2] == ()
    with pytest.raises(InputError, match=r"labels: none of the 2 images that it lists is there; .*b\.png"):
        images.located(files[1:], "labels")


EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 16 16\n%%EndComments\n(x) (w) file\nshowpage\n%%EOF\n"


@pytest.mark.parametrize("name", ["a.png", "a.eps", "a.jpg"])
def test_postscript_starts_no_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str):
    mark, programs = tmp_path / "mark", tmp_path / "bin"
    programs.mkdir()
    for program in ("gs", "gswin64c", "gswin32c"):
        (programs / program).write_text(f"#!/bin/sh\ntouch {mark}\nexit 1\n")
        (programs / program).chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr(EpsImagePlugin, "gs_binary", None)  # Pillow looks for the program once per process
    (tmp_path / name).write_bytes(EPS)
    with pytest.raises(InputError, match=rf"{name}: cannot be read as an image \(none of PNG, JPEG, TIFF, WEBP, BMP"):
        images.read_image(tmp_path / name, 16, 1)
    assert not mark.exists()
    with Image.open(tmp_path / name) as opened, suppress(Exception):  # Pillow alone starts the program
        opened.load()
    assert mark.exists()


@pytest.mark.parametrize("form", ["GIF", "PPM", "ICO", "PDF"])
def test_formats_that_are_not_listed_are_refused(tmp_path: Path, form: str):
    halves(RED, GREEN).save(tmp_path / "a.png", form)
    with pytest.raises(InputError, match="none of PNG"):
        images.read_image(tmp_path / "a.png", 16, 3)


@pytest.mark.parametrize("form", ["PNG", "JPEG", "TIFF", "WEBP", "BMP"])
def test_listed_formats_are_read_whatever_the_name_is(tmp_path: Path, form: str):
    halves(RED, GREEN).save(tmp_path / "a.dat", form)
    left, right = corners(images.read_image(tmp_path / "a.dat", 16, 3))
    assert np.allclose([left, right], [RED, GREEN], atol=20)


def test_a_fifo_is_no_image(tmp_path: Path):
    os.mkfifo(tmp_path / "a.png")
    with pytest.raises(InputError, match=r"a\.png: cannot be read as an image \(.*is a FIFO"):
        images.read_image(tmp_path / "a.png", 16, 1)
