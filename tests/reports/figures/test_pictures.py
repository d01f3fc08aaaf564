"""Pictures: only complete, unchanged files that results.json lists; otherwise the page says what is missing."""

from __future__ import annotations

import base64
import hashlib
import io
import os
import re

import numpy as np
import pytest
from PIL import Image

from medkt_eval.results.recorded import Picture
from medkt_reports.figures import pictures
from medkt_reports.figures import style as figure_style
from medkt_reports.lookup import Lookup
from medkt_reports.page import html

SCRIPT = "<script>alert(1)</script>"


def png(pixels: np.ndarray) -> bytes:
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    return out.getvalue()


def attention(row: int, column: int) -> bytes:
    """An 8 x 8 map with one maximum."""
    values = np.full((8, 8), 20, dtype=np.uint8)
    values[row, column] = 255
    return png(values)


IMAGES = {
    "i1": png(np.arange(64 * 64, dtype=np.uint32).reshape(64, 64).astype(np.uint8)),
    "i2": png(np.full((64, 64, 3), (200, 30, 30), dtype=np.uint8)),
}
SHOWS = {"i1": ["Edema", SCRIPT], "i2": []}
TEACHER = attention(0, 7)


def picture(file: str, content: bytes, **changes) -> Picture:
    width, height = Image.open(io.BytesIO(content)).size
    fields = {
        "kind": "sample",
        "dataset": "phantom-chest",
        "run_id": "chest-tl-s0",
        "arm": "chest-tl",
        "layer": "image",
        "file": f"pictures/{file}",
        "sha256": hashlib.sha256(content).hexdigest(),
        "width_px": width,
        "height_px": height,
        **changes,
    }
    return Picture(**fields)


@pytest.fixture
def kept(result, tmp_path):
    """Two samples. The first has maps of two arms with one teacher, the second only of the second arm."""
    files = {f"{image_id}.png": content for image_id, content in IMAGES.items()}
    rows = [picture(f"{i}.png", IMAGES[i], image_id=i, shows=SHOWS[i]) for i in IMAGES]
    arms = ("chest-at", "chest-scratch")
    for arm, image_id, student in (
        (arms[1], "i1", attention(7, 0)),
        (arms[0], "i1", attention(4, 4)),
        (arms[0], "i2", png(np.zeros((8, 8), dtype=np.uint8))),
    ):
        for layer, content in (("teacher", TEACHER), ("student", student)):
            name = f"{arm}-{image_id}-{layer}.png"
            files[name] = content
            rows.append(
                picture(
                    name,
                    content,
                    kind="attention",
                    arm=arm,
                    run_id=f"{arm}-s0",
                    image_id=image_id,
                    shows=SHOWS[image_id],
                    layer=layer,
                    of=f"{layer} conv",
                )
            )
    (tmp_path / "pictures").mkdir()
    for name, content in files.items():
        (tmp_path / "pictures" / name).write_bytes(content)
    changed = [a.model_copy(update={"teacher": "mimic"}) if a.arm in arms else a for a in result.arms]
    return Lookup(result.model_copy(update={"pictures": rows, "arms": changed})), tmp_path


def test_samples_stand_in_the_sheet_byte_for_byte(kept):
    sheet = pictures.sheets(*kept)[0]
    assert [one.text for one in sheet.pictures] == [f"Edema and {SCRIPT}", "no label"]
    assert [base64.b64decode(one.uri.removeprefix("data:image/png;base64,")) for one in sheet.pictures] == list(
        IMAGES.values()
    )
    assert sheet.heads == ()
    assert sheet.missing == []
    assert sheet.caption.endswith("SYNTHETIC: Phantom chest.")


def test_attention_is_a_row_an_image_with_each_teacher_once_where_its_maps_are_the_same(kept):
    lookup, folder = kept
    sheet = pictures.sheets(lookup, folder)[1]
    at, scratch = lookup.names["chest-at"], lookup.names["chest-scratch"]
    # the teacher's maps of the two arms are of other images, so each arm has its own column of them
    assert sheet.heads == (
        "Test image",
        "Teacher MIMIC-CXR",
        f"Student: {at}",
        "Teacher MIMIC-CXR",
        f"Student: {scratch}",
    )
    first, second = sheet.rows
    assert first[0] is not None
    assert first[0].row.image_id == "i1"
    assert second[3:] == (None, None)  # that arm kept no map of the second image
    assert [one.alt.rpartition(" in the ")[2] for one in first[1:] if one] == [
        "upper right",
        "middle centre",
        "upper right",
        "lower left",
    ]
    assert second[2] is not None
    assert second[2].alt.endswith(": the same everywhere")
    whole = [row for row in lookup.result.pictures if row.image_id == "i1"]
    again = pictures.sheets(Lookup(lookup.result.model_copy(update={"pictures": whole})), folder)[1]
    assert again.heads == ("Test image", "Teacher MIMIC-CXR", f"Student: {at}", f"Student: {scratch}")


def test_without_a_folder_no_picture_is_shown_and_the_report_says_why(kept, result):
    lookup, folder = kept
    assert pictures.sheets(lookup, None) == []
    assert pictures.why_no_sheets(lookup, folder) == ""
    assert "made without images; the runs kept 8" in pictures.why_no_sheets(lookup, None)
    assert pictures.sheets(Lookup(result), folder) == []
    assert "the runs kept none" in pictures.why_no_sheets(Lookup(result), folder)


@pytest.mark.parametrize(
    ("file", "said"),
    [
        ("pictures/absent.png", "not in the folder"),
        ("../outside.png", "leads out of the folder"),
        ("pictures/link.png", "leads out of the folder"),
        ("pictures/loop.png", "not in the folder"),
        ("pictures", "not in the folder"),
        ("pictures/i2.png", "its sha256 differs"),
        ("a\0b", "not in the folder"),
        ("pictures/large.png", "larger than 500,000 bytes"),
    ],
)
def test_what_is_not_the_picture_in_the_folder_is_missing(result, tmp_path, file, said):
    folder = tmp_path / "results"
    (folder / "pictures").mkdir(parents=True)
    (folder / "pictures" / "i2.png").write_bytes(IMAGES["i2"])
    (folder / "pictures" / "large.png").write_bytes(bytes(500_001))
    (tmp_path / "outside.png").write_bytes(IMAGES["i1"])
    (folder / "pictures" / "link.png").symlink_to(tmp_path / "outside.png")
    (folder / "pictures" / "loop.png").symlink_to(folder / "pictures" / "loop.png")
    row = picture("i1.png", IMAGES["i1"], image_id="i1", shows=["Edema"]).model_copy(update={"file": file})
    (sheet,) = pictures.sheets(Lookup(result.model_copy(update={"pictures": [row]})), folder)
    assert sheet.pictures[0].png is None
    assert sheet.pictures[0].alt.endswith("missing")
    (line,) = sheet.missing
    assert line.startswith(f"{file}: ")
    assert said in line
    assert str(tmp_path) not in line
    text = str(html.environment().get_template("pictures.html.jinja").module.render_sheet(sheet))  # type: ignore[attr-defined]
    assert "<img" not in text
    assert text.count("missing") >= 2


@pytest.mark.parametrize(
    "content",
    [b"", b"no picture", IMAGES["i1"][:60], png(np.zeros((8, 600), dtype=np.uint8))],
    ids=["empty", "text", "cut short", "too wide"],
)
def test_what_is_no_png_of_ours_is_missing(result, tmp_path, content):
    (tmp_path / "x.png").write_bytes(content)
    digest = hashlib.sha256(content).hexdigest()
    row = picture("x", IMAGES["i1"], image_id="i1", shows=[]).model_copy(update={"file": "x.png", "sha256": digest})
    (sheet,) = pictures.sheets(Lookup(result.model_copy(update={"pictures": [row]})), tmp_path)
    assert sheet.missing == ["x.png: no PNG of at most 512 px a side; evaluate the runs again"]


def test_an_absolute_path_is_not_read(result, tmp_path):
    (tmp_path / "x.png").write_bytes(IMAGES["i1"])
    row = picture("x", IMAGES["i1"], image_id="i1", shows=[]).model_copy(update={"file": str(tmp_path / "x.png")})
    folder = tmp_path / "results"
    folder.mkdir()
    (sheet,) = pictures.sheets(Lookup(result.model_copy(update={"pictures": [row]})), folder)
    assert sheet.pictures[0].png is None


def test_the_page_shows_every_picture_with_words_and_no_markup_of_a_label(kept):
    module = html.environment().get_template("pictures.html.jinja").module
    text = "".join(str(module.render_sheet(sheet)) for sheet in pictures.sheets(*kept))  # type: ignore[attr-defined]
    assert SCRIPT not in text
    images = re.findall(r"<img[^>]*>", text)
    assert len(images) == 2 + 2 + 6  # samples, the same beside their maps, maps
    assert all('alt="' in one and 'alt=""' not in one and 'src="data:image/png;base64,' in one for one in images)
    assert sum('class="map"' in one for one in images) == 6
    assert "image-rendering: pixelated" in str(module.rules())  # type: ignore[attr-defined]


def test_a_sheet_is_a_figure_too_of_the_same_pixels_and_bytes(kept):
    samples, maps = pictures.sheets(*kept)
    one, again = pictures.sheet_figure(maps), pictures.sheet_figure(pictures.sheets(*kept)[1])
    shown = [axes.images[0] for axes in one.figure.axes if axes.images]
    assert {image.get_interpolation() for image in shown} == {"none"}
    teacher = np.asarray(shown[1].get_array())
    assert teacher.shape == (96, 96)  # 8 x 8, each value a square
    assert np.array_equal(teacher[::12, ::12], np.asarray(Image.open(io.BytesIO(TEACHER))) / np.float32(255))
    assert one.svg == again.svg
    assert figure_style.pdf(one) == figure_style.pdf(again)
    assert one.figure.get_suptitle() == "SYNTHETIC: Phantom chest"
    assert set(one.data["synthetic"]) == {"true"}
    assert list(pictures.sheet_figure(samples).data["shows"]) == [f"Edema; {SCRIPT}", ""]


def test_a_figure_says_missing_where_a_picture_is(kept):
    lookup, folder = kept
    (folder / "pictures" / "i2.png").unlink()
    sheet = pictures.sheets(lookup, folder)[0]
    axes = pictures.sheet_figure(sheet).figure.axes
    assert [bool(one.images) for one in axes] == [True, False]
    assert "missing" in [text.get_text() for text in axes[1].texts]


def test_postscript_called_png_starts_no_program(result, tmp_path, monkeypatch):
    mark, programs = tmp_path / "mark", tmp_path / "bin"
    programs.mkdir()
    (programs / "gs").write_text(f"#!/bin/sh\ntouch {mark}\n")
    (programs / "gs").chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    eight_px = (8).to_bytes(4, "big") * 2  # where a PNG has its size
    content = b"%!PS-Adobe-3.0 \n" + eight_px + b"\n%%BoundingBox: 0 0 8 8\n%%EndComments\nshowpage\n%%EOF\n"
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "i1.png").write_bytes(content)
    row = picture("i1.png", IMAGES["i1"], image_id="i1", shows=["Edema"])
    rows = [row.model_copy(update={"sha256": hashlib.sha256(content).hexdigest()})]
    (sheet,) = pictures.sheets(Lookup(result.model_copy(update={"pictures": rows})), tmp_path)
    assert sheet.missing == ["pictures/i1.png: no PNG of at most 512 px a side; evaluate the runs again"]
    assert not mark.exists()


def test_a_fifo_in_the_place_of_a_picture_is_missing(kept):
    lookup, folder = kept
    (folder / "pictures" / "i1.png").unlink()
    os.mkfifo(folder / "pictures" / "i1.png")
    assert "not in the folder of results.json" in pictures.sheets(lookup, folder)[0].missing[0]
