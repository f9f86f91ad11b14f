"""What a person sees and can do on the page, whatever the charts are called."""
import json
import os
import pathlib

from tests.support.board import BoardServer
from tests.support.browser import ENTER, TAB, Browser
from tests.support.case import Case

HOSTILE = '<img/src=x/onerror=document.title="owned">'
CHARTS = ["web", "database", "web-10", "web-9", "optional-cache", "suspended-one", HOSTILE, "new"]


class BrowserTest(Case):
    def setUp(self):
        super().setUp()
        self.server = BoardServer()
        self.addCleanup(self.server.end)
        self.server.do("want", *CHARTS)
        for name in ("web", "web-10", "web-9", "optional-cache", HOSTILE):
            self.server.do("ok", name)
        self.server.do("fail", "database", "NotFound",
                       "<script>document.title='owned'</script> no tag 9.9.9 in " + "charts/" * 40)
        self.server.do("fail", "optional-cache", "Unavailable", "connection refused")
        self.browser = Browser(self.folder / "browser")
        self.addCleanup(self.browser.quit)

    def open(self):
        self.browser.open(self.server.url + "/")
        self.browser.wait("document.querySelectorAll('tbody tr').length > 0")

    def names(self):
        return self.browser.run("return [...document.querySelectorAll('tbody th span')].map(e => e.textContent)")

    def row(self, name):
        return self.browser.run(
            "return [...document.querySelectorAll('tbody tr')].find(r => r.querySelector('th span')"
            ".textContent.startsWith(arguments[0])).innerText", name)

    def test_it_shows_every_chart_and_runs_nothing_that_a_chart_says(self):
        self.open()
        self.assertEqual(len(self.names()), len(CHARTS))
        self.assertIn(HOSTILE, self.names())
        self.assertEqual(self.browser.run("return document.title"), "ocisync")
        self.assertEqual(self.browser.run("return document.images.length + document.scripts.length"), 1)
        board = json.loads(self.server.get("/status"))
        web = next(chart for chart in board["charts"] if chart["name"] == "web")
        self.assertEqual(self.browser.run(
            "const row = [...document.querySelectorAll('tbody tr')].find(r => r.querySelector('th span').textContent === 'web');"
            "return [row.querySelector('code').title, ...[...row.querySelectorAll('time')].map(t => t.dateTime)]"),
            [web["digest"], web["lastSuccess"], web["nextAttempt"]])
        self.assertIn("1.10.3", self.row("web"))
        self.assertIn("Stalled", self.row("database"))
        self.assertIn("NotFound", self.row("database"))
        self.assertIn("Suspended", self.row("suspended-one"))
        self.assertIn("Pending", self.row("new"))
        self.assertIn("8 charts: 1 stalled, 1 failing, 1 pending, 4 ready, 1 suspended",
                      self.browser.run("return document.body.innerText"))
        self.assertEqual(self.browser.complaints(), [])

    def test_trouble_stands_first_and_columns_sort_both_ways(self):
        self.open()
        self.assertEqual(self.names()[:2], ["database", "optional-cache (optional)"])
        self.browser.click("button[data-key=name]")
        names = [name for name in self.names() if name.startswith("web")]
        self.assertEqual(names, ["web", "web-9", "web-10"])
        self.assertEqual(self.browser.run("return document.querySelector('[aria-sort]').getAttribute('aria-sort')"),
                         "ascending")
        self.browser.click("button[data-key=name]")
        names = [name for name in self.names() if name.startswith("web")]
        self.assertEqual(names, ["web-10", "web-9", "web"])
        self.assertEqual(self.browser.run("return document.querySelectorAll('[aria-sort]').length"), 1)
        self.browser.click("button[data-key=version]")
        self.assertEqual(set(self.names()[-4:]), {"database", "new", "optional-cache (optional)", "suspended-one"})

    def test_search_finds_by_every_word_and_problems_can_stand_alone(self):
        self.open()
        self.browser.type("#search", "WEB-10 charts")
        self.assertEqual(self.names(), ["web-10"])
        self.assertIn("1 of 8 charts shown", self.browser.run("return document.body.innerText"))
        self.assertEqual(self.browser.run("return document.getElementById('live').textContent"), "1 of 8 charts shown")
        self.browser.run("document.getElementById('search').value = ''")
        self.browser.click("#problems")
        self.assertEqual(self.names(), ["database", "optional-cache (optional)", "new"])

    def test_it_follows_the_board_and_keeps_sort_search_focus_and_what_is_open(self):
        self.open()
        self.browser.click("button[data-key=name]")
        self.browser.type("#search", "a")
        self.browser.click("tbody summary")
        self.browser.run("document.querySelector('tbody summary').focus()")
        self.server.do("ok", "new")
        self.server.do("fail", "web", "TimedOut", "no answer")
        self.browser.wait("document.getElementById('summary').textContent.includes('2 failing')")
        self.assertEqual(self.browser.run("return document.getElementById('search').value"), "a")
        self.assertEqual(self.browser.run("return document.activeElement.tagName"), "SUMMARY")
        self.assertTrue(self.browser.run("return document.querySelector('tbody details').open"))
        self.assertEqual(self.browser.run("return document.querySelector('[aria-sort]').textContent.trim()"), "Chart")
        self.assertIn("2 failing", self.browser.run("return document.getElementById('live').textContent"))
        self.browser.run("document.getElementById('search').value = ''")
        self.server.do("want", "web")
        self.browser.wait("document.getElementById('summary').textContent.startsWith('1 chart:')")
        self.assertEqual(self.names(), ["web"])

    def test_it_says_so_when_the_sidecar_is_gone(self):
        self.open()
        self.server.do("vanish")
        self.browser.wait("!document.getElementById('notice').hidden")
        self.assertIn("cannot be read", self.browser.run("return document.getElementById('notice').textContent"))
        self.assertEqual(len(self.names()), len(CHARTS))

    def test_the_keyboard_reaches_everything_and_a_screen_reader_hears_a_table(self):
        self.open()
        self.browser.run("document.body.focus()")
        self.browser.press(TAB)
        self.assertEqual(self.browser.run("return document.activeElement.id"), "search")
        self.browser.press(TAB, TAB, TAB, ENTER)
        self.assertEqual(self.browser.run("return document.querySelector('[aria-sort]').textContent.trim()"), "Chart")
        for width in (1200, 320):
            self.browser.emulate(width, 800)
            self.assertEqual(self.browser.computed("table"), ("table", "Charts"))
            self.assertEqual(self.browser.computed("thead th")[0], "columnheader")
            self.assertEqual(self.browser.computed("tbody th")[0], "rowheader")
            self.assertEqual(self.browser.computed("tbody td")[0], "cell")
            self.assertEqual(self.browser.computed("tbody tr")[0], "row")
        self.assertEqual(self.browser.computed("#search"), ("searchbox", "Search"))
        self.assertEqual(self.browser.computed("#live")[0], "status")

    def test_it_fits_a_phone_and_follows_the_colours_that_are_preferred(self):
        for width in (1200, 320):
            for dark in (False, True):
                self.browser.emulate(width, 900, dark)
                self.open()
                self.assertLessEqual(self.browser.run("return document.documentElement.scrollWidth"), width)
                back, text = self.browser.run(
                    "const s = getComputedStyle(document.body); return [s.backgroundColor, s.color]")
                self.assertEqual(brightness(back) < brightness(text), dark)
                self.assertGreater(lowest_contrast(self.browser), 4.5)
                if folder := os.environ.get("OCISYNC_SCREENSHOTS"):
                    name = f"{width}-{'dark' if dark else 'light'}.png"
                    self.browser.screenshot(pathlib.Path(folder) / name)

    def test_ten_thousand_charts_are_no_burden(self):
        self.server.do("want", *(f"chart-{number}" for number in range(10_000)))
        self.open()
        self.assertEqual(len(self.names()), 500)
        self.assertIn("500 of 10000 charts shown", self.browser.run("return document.body.innerText"))
        self.browser.type("#search", "chart-9999")
        self.assertEqual(self.names(), ["chart-9999"])


def channels(colour):
    return [float(part) for part in colour[colour.index("(") + 1:-1].split(",")[:3]]


def brightness(colour):
    """Relative luminance as WCAG 2 defines it."""
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in
              (channel / 255 for channel in channels(colour))]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def lowest_contrast(browser):
    back = brightness(browser.run("return getComputedStyle(document.body).backgroundColor"))
    texts = browser.run("return [...document.querySelectorAll('h1, p, label, th, td, small, .state')]"
                        ".map(e => getComputedStyle(e).color)")
    lights = [brightness(colour) for colour in set(texts)]
    return min((max(back, light) + 0.05) / (min(back, light) + 0.05) for light in lights)
