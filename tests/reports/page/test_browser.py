"""The page in a real browser: no console messages, no requests, accessible; keyboard, phone, print, no scripts."""

from __future__ import annotations

import shutil
from contextlib import contextmanager

import pytest

from medkt_reports.build import write_report
from medkt_reports.language.words import natural_sort_key

playwright = pytest.importorskip("playwright.sync_api", reason="pip install --group browser")
axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="pip install --group browser")
pytestmark = pytest.mark.browser

COMPARISONS = "table.comparisons"


@pytest.fixture(scope="module")
def url(result, tmp_path_factory):
    return write_report(result, tmp_path_factory.mktemp("report"))[0].as_uri()


@pytest.fixture(scope="module")
def chromium():
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("chromium is missing (Debian: apt-get install chromium)")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def opened(chromium, url):
    """Open the page. At the end, close it and check that it made no request and no console message."""

    @contextmanager
    def opened(**context):
        said, asked = [], []
        with chromium.new_context(**context) as made:
            page = made.new_page()
            page.on("console", lambda message: said.append(message.text))
            page.on("pageerror", lambda error: said.append(str(error)))
            page.on("request", lambda request: asked.append(request.url))
            page.goto(url)
            yield page
        assert said == []
        assert asked == [url]

    return opened


def column(page, table, k):
    """Text of a column's cells by group, without footnote marks."""
    return page.eval_on_selector_all(
        f"{table} tbody",
        """(bodies, k) => bodies.map(body => [...body.rows].filter(row => !row.matches(".group")).map(row => {
            const cell = row.cells[k].cloneNode(true);
            cell.querySelectorAll(".how").forEach(mark => mark.remove());
            return cell.textContent;
        }))""",
        k,
    )


def number(text):
    return float(text.split(" (")[0].strip("<> ").replace("−", "-"))


def is_absent(text):
    return text in ("", "n/a")


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 1280), ("light", 360)])
def test_axe_finds_nothing(opened, scheme, width):
    with opened(color_scheme=scheme, viewport={"width": width, "height": 800}) as page:
        page.eval_on_selector_all("details", "all => all.forEach(one => one.open = true)")
        found = axe.Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
        assert [(one["id"], [node["target"] for node in one["nodes"]][:3]) for one in found] == []


def test_hostile_names_stay_text(opened):
    with opened() as page:
        assert page.locator("svg").count() >= 3
        assert page.locator("script").count() == 1
        assert "<script>alert(1)</script>" in page.inner_text("h1")


def test_a_column_is_sorted_by_keyboard_inside_its_groups_and_back_again(opened):
    with opened() as page:
        head = page.locator(f"{COMPARISONS} thead th").nth(1)
        head.locator("button").focus()
        before = column(page, COMPARISONS, 1)
        assert any(is_absent(text) for group in before for text in group)
        for direction, key in (("ascending", "Enter"), ("descending", "Space")):
            page.keyboard.press(key)
            assert head.get_attribute("aria-sort") == direction
            assert page.evaluate("document.activeElement.tagName") == "BUTTON"
            after = column(page, COMPARISONS, 1)
            assert [sorted(group) for group in after] == [sorted(group) for group in before]
            for group in after:
                values = [number(text) for text in group if not is_absent(text)]
                assert values == sorted(values, reverse=direction == "descending")
                assert [is_absent(text) for text in group] == sorted(is_absent(text) for text in group)
        assert after != before
        page.keyboard.press("Enter")
        assert head.get_attribute("aria-sort") is None
        assert column(page, COMPARISONS, 1) == before


def test_one_column_at_a_time_is_sorted_and_words_by_alphabet_their_numbers_by_size(opened):
    with opened() as page:
        heads = page.locator(f"{COMPARISONS} thead th")
        heads.nth(1).locator("button").click()
        heads.nth(0).locator("button").click()
        assert page.locator(f"{COMPARISONS} [aria-sort]").count() == 1
        for group in column(page, COMPARISONS, 0):
            assert group == sorted(group, key=lambda text: natural_sort_key(text.casefold()))


def test_p_values_are_sorted_by_the_number_behind_them(opened, result):
    with opened() as page:
        page.locator(f"{COMPARISONS} thead th").nth(2).locator("button").click()
        behind = page.eval_on_selector_all(
            f"{COMPARISONS} tbody",
            "all => all.map(body => [...body.querySelectorAll('td:nth-child(3)[data-value]')]"
            ".map(cell => +cell.dataset.value))",
        )
    assert sum(p < 0.001 for group in behind for p in group) > 2  # "< 0.001", alike in print
    assert all(group == sorted(group) for group in behind)


def test_small_tables_are_not_sortable(opened):
    with opened() as page:
        assert page.locator("table.table4 button").count() == 0
        assert page.locator("table.labels thead button").count() >= 9


def test_the_interval_is_switched_by_keyboard(opened):
    with opened() as page:
        panels = page.locator(".switch").first.locator(".panel")
        assert [panels.nth(k).is_visible() for k in range(2)] == [True, False]
        page.locator(".switch input").first.focus()
        page.keyboard.press("ArrowRight")
        assert [panels.nth(k).is_visible() for k in range(2)] == [False, True]
        assert "Student" not in panels.nth(1).locator("caption").inner_text()


def test_footnotes_say_how_each_number_was_made(opened):
    with opened() as page:
        details = page.locator("table.table5 >> xpath=../following-sibling::details[1]").first
        mark = page.locator("table.table5 sup.how").first
        assert not mark.is_visible()
        details.locator("summary").focus()
        page.keyboard.press("Enter")
        assert mark.is_visible()
        note = details.locator("li").nth(int(mark.inner_text()) - 1)
        assert "mean of the macro AUC of 3 seeds on 600 test images" in note.inner_text()
        cell = page.locator("table.table5 td:has(sup.how)").first
        assert cell.get_attribute("title") == note.inner_text()


@pytest.mark.parametrize("scripts", [True, False])
def test_on_a_phone_tables_scroll_and_the_page_does_not(opened, scripts):
    with opened(viewport={"width": 360, "height": 740}, java_script_enabled=scripts) as page:
        box = page.locator("main").bounding_box()
        assert box["width"] <= 360
        if not scripts:
            assert page.locator("thead button").count() == 0
            assert page.locator(COMPARISONS).is_visible()
            return
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        stub = page.locator("table.labels tbody tr:not(.group) th").first
        before = stub.bounding_box()["x"]
        moved = page.eval_on_selector(
            ".table:has(> table.labels)", "region => (region.scrollLeft = 200, region.scrollLeft)"
        )
        assert moved == 200
        assert stub.bounding_box()["x"] == pytest.approx(before, abs=4)


def test_on_paper_it_is_black_on_white_without_switches(opened):
    with opened(color_scheme="dark") as page:
        page.emulate_media(media="print", color_scheme="dark")
        style = page.evaluate("(s => [s.color, s.backgroundColor])(getComputedStyle(document.body))")
        assert style == ["rgb(0, 0, 0)", "rgb(255, 255, 255)"]
        assert not page.locator(".switch label").first.is_visible()
        assert not page.locator("details.how summary").first.is_visible()
        display = page.eval_on_selector("thead button", "button => getComputedStyle(button).display")
        assert display == "contents"  # or the heads on a table's second page would be blank
        page.eval_on_selector("details.how", "one => one.open = true")
        assert page.locator("details.how li").first.is_visible()
