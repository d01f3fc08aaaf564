"""The recipe of a figure: it is on the page and among the files, or the page says that it is missing."""

from __future__ import annotations

import csv

NAME = "training-time-1-phantom-chest-200"


def test_a_new_figure_is_shown_and_written(recipe, report):
    out = report(recipe("Add a figure"), timed=True)
    page = (out / "index.html").read_text(encoding="utf-8")
    section = page[page.index('<section id="learning"') :]
    section = section[: section.index("</section>")]
    assert "<figcaption>Phantom chest, 200 training images: training time of every run." in section
    assert f'id="{NAME}-' in section
    assert "Training time: not recorded." not in page
    assert (out / "figures" / f"{NAME}.svg").read_text(encoding="utf-8").startswith("<?xml")
    assert (out / "figures" / f"{NAME}.pdf").read_bytes().startswith(b"%PDF")
    with (out / "figures" / f"{NAME}.csv").open(encoding="utf-8") as file:
        assert [float(row["seconds"]) for row in csv.DictReader(file)] == [61, 64, 87, 91]


def test_a_new_figure_that_the_results_hold_nothing_for_is_said_to_be_missing(recipe, report):
    out = report(recipe("Add a figure"), timed=False)
    page = (out / "index.html").read_text(encoding="utf-8")
    missing = page[page.index('<section id="missing"') :]
    assert "<li>Training time: not recorded.</li>" in missing[: missing.index("</section>")]
    assert not list((out / "figures").glob("training-time*"))
