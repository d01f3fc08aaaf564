"""The page and its folder: complete, escaped, self-contained; missing parts are named."""

from __future__ import annotations

import re
import shutil
from html.parser import HTMLParser

import pytest

from medkt_eval.errors import InputError
from medkt_reports import build
from medkt_reports.page import html

VOID = {"meta", "input", "br", "hr", "img", "link"}


class Reader(HTMLParser):
    """Tags in balance, ids, attributes, and the text a reader sees."""

    def __init__(self):
        super().__init__()
        self.open, self.ids, self.tags, self.attributes, self.text = [], [], [], [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        self.ids += [value for name, value in attrs if name == "id"]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if not self.open or self.open[-1] not in ("style", "script"):
            self.text.append(data)


def read(text):
    reader = Reader()
    reader.feed(text)
    reader.close()
    assert reader.open == []
    return reader


@pytest.fixture(scope="module")
def report(result, tmp_path_factory):
    out = tmp_path_factory.mktemp("report") / "new"
    return out, build.write_report(result, out)


@pytest.fixture(scope="module")
def page(report):
    return (report[0] / "index.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def words(page):
    return " ".join(" ".join(read(page).text).split())


def test_the_folder_holds_what_was_promised(report):
    out, written = report
    names = {path.relative_to(out).as_posix() for path in written}
    assert written[0] == out / "index.html"
    assert names == {path.relative_to(out).as_posix() for path in out.rglob("[!.]*") if path.is_file()}
    for table in ("table4", "table5", "comparisons", "labels", "label-differences"):
        assert {f"tables/{table}{end}" for end in (".tex", "-standalone.tex", ".csv", ".md")} <= names
    for figure in ("forest-1-phantom-chest-200", "learning-2-phantom-fundus-800", "seeds-1-phantom-chest-200"):
        assert {f"figures/{figure}{end}" for end in (".svg", ".pdf", ".csv")} <= names
    assert all(path.stat().st_size > 0 for path in written)


def test_the_same_results_give_the_same_bytes(report, result, tmp_path):
    for path in build.write_report(result, tmp_path):
        assert path.read_bytes() == (report[0] / path.relative_to(tmp_path)).read_bytes()


def test_the_page_asks_for_nothing_else(page):
    reader = read(page)
    assert not {"link", "img", "iframe", "object", "embed", "base"} & set(reader.tags)
    assert reader.tags.count("script") == 1  # page.js, inside the page
    for tag, name, value in reader.attributes:
        if name in ("src", "href", "xlink:href", "srcset", "action", "data", "poster"):
            assert value.startswith("#"), (tag, name, value)
        assert not name.startswith("on")
        assert not re.search(r"url\((?!#)", value)
    for style in re.findall(r"<style[^>]*>(.*?)</style>", page, re.DOTALL):
        assert "@import" not in style
        assert "url(" not in style


def test_ids_are_unique_and_what_refers_to_them_finds_them(page):
    reader = read(page)
    assert len(reader.ids) == len(set(reader.ids)) > 100
    referred = {value[1:] for _, name, value in reader.attributes if name in ("href", "xlink:href")}
    referred |= {found for _, _, value in reader.attributes for found in re.findall(r"url\(#([^)]+)\)", value)}
    referred |= {value for tag, name, value in reader.attributes if (tag, name) == ("label", "for")}
    assert referred
    assert referred <= set(reader.ids)


def test_hostile_names_are_text(page, words):
    assert page.count("<script") == 1
    assert "<script>alert(1)</script>" in words
    assert r"50%_{\input{x}}" in words


def test_the_page_is_small(page):
    assert len(page.encode()) < 1_000_000


def test_sections_stand_in_their_order(page):
    found = [value for tag, name, value in read(page).attributes if (tag, name) == ("section", "id")]
    assert found == [
        "answer",
        "scope",
        "differences",
        "results",
        "labels",
        "learning",
        "seeds",
        "use",
        "comparisons",
        "data",
        "methods",
        "undefined",
        "missing",
        "how",
        "checklists",
        "provenance",
    ]
    assert page.index("SYNTHETIC") < page.index("<h1>") < page.index('id="answer"')


def test_only_synthetic_data_have_the_banner(only_arms, page):
    assert "SYNTHETIC" in page
    real = [dataset.model_copy(update={"synthetic": False}) for dataset in only_arms.datasets]
    out = html.render_page(page_of(only_arms.model_copy(update={"datasets": real})))
    assert "SYNTHETIC" not in out
    assert "SYNTHETIC" in html.render_page(page_of(only_arms))


def page_of(result):
    from medkt_reports.figures import catalogue as figures
    from medkt_reports.lookup import Lookup
    from medkt_reports.page.contents import make_page
    from medkt_reports.tables.catalogue import build_tables

    lookup = Lookup(result)
    return make_page(lookup, build_tables(lookup), figures.draw(lookup), [], "no pictures here")


def test_what_is_missing_is_said(only_arms):
    text = " ".join(" ".join(read(html.render_page(page_of(only_arms))).text).split())
    for line in (
        "Table V: it needs arms on a multi-class data set; these results have none.",
        "Forest plot: no comparison was made.",
        "Learning curves (Fig. 4): no run recorded its history.",
        "none of its 3 arms was compared with a baseline",
        "Differences by label: no comparison was made",
        "Teachers: none was trained in these runs.",
        "Table III (tuned settings): no run belongs to",
        "Training-set size (Fig. 3)",
        "Subgroups: they need --add subgroups",
        "no pictures here",
    ):
        assert line in text


def test_what_was_undefined_stands_with_its_reason(words):
    for reason in (
        "no positive image among 40",
        "one seed in an arm: a test over seeds needs two in each",
        "one seed: no variation",
        "no positive validation image",
    ):
        assert reason in words[words.index("What was undefined and why") :]


def test_teachers_are_reported_and_provenance_given(words, result):
    assert "The teacher" in words[words.index("Data, teachers and networks") :]
    assert all(one.sha256 in words for one in result.inputs)
    for text in ("medkt evaluate runs/", "ab" * 32, "a note on <script>alert(1)</script>"):
        assert text in words


def test_methods_say_what_the_settings_say(words):
    methods = words[words.index("Methods, ready to paste") :]
    for text in (
        "3 arms of 3 seeds each on Phantom chest",
        "Welch t",
        "Holm",
        "Benjamini–Hochberg",
        "exploratory",
        "Thresholds were chosen on the validation predictions",
        "medkt 0.1.0",
    ):
        assert text in methods


def test_each_interval_has_a_switch_and_the_preferred_is_on(page):
    reader = read(page)
    checked = [name for tag, name, _ in reader.attributes if (tag, name) == ("input", "checked")]
    radios = [value for tag, name, value in reader.attributes if (tag, name, value) == ("input", "type", "radio")]
    assert (len(radios), len(checked)) == (4, 2)
    assert page.index("Student&#39;s t over seeds") < page.index("the paper&#39;s convention")


def test_figures_have_words_for_who_cannot_see_them(page):
    labels = [value for tag, name, value in read(page).attributes if (tag, name) == ("svg", "aria-label")]
    assert len(labels) == 7
    assert all(len(label) > 40 for label in labels)


@pytest.mark.parametrize("form", ["latex", "html", "csv", "markdown"])
@pytest.mark.parametrize("name", ["IV", "V", "comparisons", "labels", "label-differences"])
def test_one_table_as_text(result, name, form):
    text = build.table(result, name, form)
    assert len(text.splitlines()) >= 3
    if form == "html":
        assert read(text).tags.count("table") == 1
        assert "<script" not in text


def test_a_table_that_is_not_there_is_an_error_that_says_what_is(result, only_arms):
    with pytest.raises(
        InputError, match="--table VII: no such table; expected one of I, II, III, IV, V, VI, reference"
    ):
        build.table(result, "VII", "latex")
    with pytest.raises(InputError, match="--table V: the results hold nothing for it; they have I, II, IV, labels"):
        build.table(only_arms, "V", "csv")
    with pytest.raises(InputError, match="--format pdf: no such format"):
        build.table(result, "IV", "pdf")


def test_templates_are_found_in_the_package_or_in_the_checkout(monkeypatch, tmp_path):
    assert (html.template_dir() / "page.html.jinja").is_file()
    package = tmp_path / "site-packages" / "medkt_reports"
    shutil.copytree(html.template_dir(), package / "templates")
    monkeypatch.setattr(html, "__file__", str(package / "page" / "html.py"))
    assert html.template_dir() == package / "templates"
    shutil.move(package / "templates", package.parent / "templates")
    assert html.template_dir() == package.parent / "templates"


def test_own_templates_stand_in_for_ours(only_arms, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "page.css").write_text("body { color: teal; }", encoding="utf-8")
    build.write_report(only_arms, tmp_path / "out", templates=tmp_path / "mine")
    assert "body { color: teal; }" in (tmp_path / "out" / "index.html").read_text(encoding="utf-8")
    with pytest.raises(InputError, match="not a folder"):
        build.write_report(only_arms, tmp_path / "out", templates=tmp_path / "none")


def test_an_older_report_leaves_nothing_and_other_files_stay(only_arms, result, tmp_path):
    older = build.write_report(result, tmp_path)
    mine = [
        tmp_path / name
        for name in (
            "tables/mine.tex",
            "figures/photo.pdf",
            "figures/labels.csv",
            "figures/x/a.svg",
            "table5.tex",
            "tables/table5.pdf",
            "tables/x/table5.tex",
        )
    ]
    for path in mine:
        path.parent.mkdir(exist_ok=True)
        path.write_text("mine", encoding="utf-8")
    written = build.write_report(only_arms, tmp_path)
    assert set(written) < set(older)
    assert {path for path in tmp_path.rglob("[!.]*") if path.is_file()} == {*written, *mine}


def test_every_table_and_figure_has_a_name_that_a_later_report_would_know(report):
    for path in report[1]:
        name = path.relative_to(report[0]).as_posix()
        assert name == build.PAGE or build._OURS.fullmatch(name), name


def test_checklists_and_a_model_card_lie_beside_the_page(report):
    out, written = report
    assert {out / "model-card.md", out / "checklists" / "checklist-claim.md"} <= set(written)


@pytest.mark.parametrize(
    ("name", "text", "line"),
    [
        ("page.html.jinja", "<p>\n{% if %}\n", 2),  # Jinja cannot read it
        ("page.html.jinja", "<p>\n\n{{ page.nothing.more }}\n", 3),  # no such value
        ("table.html.jinja", "{% macro render(table) %}\n{{ table.rowz }}\n{{ rowz }}\n{% endmacro %}", 2),
        ("page.html.jinja", "<p>\n{% include 'none.jinja' %}", 2),  # no such template
    ],
)
def test_a_broken_template_is_named_with_its_line(only_arms, tmp_path, name, text, line):
    (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=rf"{re.escape(str(tmp_path / name))}:{line}: "):
        build.write_report(only_arms, tmp_path / "out", templates=tmp_path)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["page.html.jinja", "sections/seeds.html.jinja"])
def test_a_template_that_is_not_utf8_is_named(only_arms, tmp_path, name):
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_bytes("<p>Größe</p>".encode("latin-1"))
    with pytest.raises(InputError, match=rf"{re.escape(str(tmp_path / name))}: .*expected a Jinja template in UTF-8"):
        build.write_report(only_arms, tmp_path / "out", templates=tmp_path)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("page.html.jinja", b"\xe9", "UnicodeDecodeError: .* expected a Jinja template in UTF-8"),
        ("model_card.md.jinja", b"\xe9", "UnicodeDecodeError: .* expected a Jinja template in UTF-8"),
        ("page.html.jinja", b"{% include 'page.html.jinja' %}", r"page\.html\.jinja:1: RecursionError: "),
        ("page.html.jinja", b"{% for i in range(10**12) %}{% endfor %}", "OverflowError: Range too big"),
        ("page.html.jinja", b"{{ 1 // 0 }}", r"page\.html\.jinja:1: ZeroDivisionError: "),
        ("page.html.jinja", b"{{ ''.__class__.__mro__ }}", r"page\.html\.jinja:1: SecurityError: "),
    ],
)
def test_a_template_that_loops_or_is_in_another_encoding_gets_one_line(only_arms, tmp_path, name, content, said):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=said):
        build.write_report(only_arms, tmp_path / "out", templates=tmp_path)
    assert not (tmp_path / "out").exists()
