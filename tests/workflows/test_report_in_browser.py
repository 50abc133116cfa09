"""The report in headless Chromium: no complaint, every picture loads, and it suits phones, darkness and keyboards."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)
pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine"),
    pytest.mark.skipif(os.name != "posix", reason="the browser is spoken to through pipes that it inherits"),
]


class Browser:
    """One page of headless Chromium, spoken to in the DevTools protocol through a pair of pipes."""

    def __init__(self, profile: Path) -> None:
        ours, its = os.pipe(), os.pipe()

        def hand_over() -> None:
            # Out of the way first: they may be numbers 3 and 4 themselves.
            ends = os.dup(ours[0]), os.dup(its[1])
            os.dup2(ends[0], 3)
            os.dup2(ends[1], 4)

        self.process = subprocess.Popen(
            [str(CHROMIUM), "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
             "--remote-debugging-pipe", f"--user-data-dir={profile}", "about:blank"],
            preexec_fn=hand_over, close_fds=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        os.close(ours[0])
        os.close(its[1])
        self._to, self._from = os.fdopen(ours[1], "wb", 0), os.fdopen(its[0], "rb", 0)
        self._number, self._left, self.events = 0, b"", list[dict[str, Any]]()
        self._session: str | None = None
        page = next(each for each in self.ask("Target.getTargets")["targetInfos"] if each["type"] == "page")
        attached = self.ask("Target.attachToTarget", targetId=page["targetId"], flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.ask(f"{domain}.enable")

    def ask(self, method: str, **params: Any) -> Any:
        """Sends a command and waits for its answer; events on the way are kept."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        self._to.write(json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") == self._number:
                assert "error" not in answer, answer["error"]
                return answer["result"]
            self.events.append(answer)

    def open(self, file: Path) -> None:
        """Opens a page from the disk and waits until all of it is there."""
        self.events.clear()
        self.ask("Page.navigate", url=file.as_uri())
        while not any(event.get("method") == "Page.loadEventFired" for event in self.events):
            self.events.append(self._next())

    def value(self, expression: str) -> Any:
        """What a JavaScript expression comes to in the page."""
        return self.ask("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)["result"][
            "value"
        ]

    def size(self, width: int, height: int) -> None:
        """Gives the page this size in CSS pixels."""
        self.ask(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 500
        )

    def scheme(self, name: str) -> None:
        """Prefers ``light`` or ``dark``."""
        self.ask("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": name}])

    def complaints(self) -> list[Any]:
        """Whatever the console said, errors above all."""
        wanted = ("Log.entryAdded", "Runtime.consoleAPICalled", "Runtime.exceptionThrown")
        return [event["params"] for event in self.events if event.get("method") in wanted]

    def requests(self) -> list[str]:
        """Addresses that were asked for, but for those of data inside the page."""
        sent = [
            event["params"]["request"]["url"]
            for event in self.events
            if event.get("method") == "Network.requestWillBeSent"
        ]
        return [address for address in sent if not address.startswith("data:")]

    def close(self) -> None:
        """Ends the browser."""
        self.process.terminate()
        self.process.wait(20)
        self._to.close()
        self._from.close()

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._left:
            read = os.read(self._from.fileno(), 1 << 20)
            assert read, "the browser has gone"
            self._left += read
        message, self._left = self._left.split(b"\0", 1)
        found: dict[str, Any] = json.loads(message)
        return found


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """A browser without a profile, network or past."""
    browser = Browser(tmp_path_factory.mktemp("profile"))
    yield browser
    browser.close()


@pytest.fixture(scope="module")
def page(browser: Browser, run_folder: Path) -> Browser:
    """The report of an adversarial run, opened."""
    browser.size(1100, 900)
    browser.scheme("light")
    browser.open(run_folder / "report.html")
    return browser


def test_the_console_stays_silent_and_nothing_is_asked_of_the_network(page: Browser) -> None:
    assert page.complaints() == []
    assert [address.rsplit("/", 1)[-1] for address in page.requests()] == ["report.html"]


def test_every_picture_loads_and_says_what_it_is(page: Browser) -> None:
    loaded = "[...document.images].map(each => each.complete && each.naturalWidth > 0 && each.alt.length > 0)"
    assert page.value(loaded)
    assert all(page.value(loaded))


def test_every_drawing_has_a_size(page: Browser) -> None:
    sizes = page.value("[...document.querySelectorAll('main svg')].map(each => each.getBoundingClientRect().height)")
    assert len(sizes) > 8
    assert min(sizes) > 10


@pytest.mark.parametrize("width", [1100, 390, 320])
def test_nothing_is_wider_than_the_screen(page: Browser, width: int) -> None:
    page.size(width, 900)
    # What lies in a box that scrolls by itself may be wider.
    too_wide = f"""[...document.querySelectorAll('main *')]
        .filter(each => !each.closest('.scroll') && !each.closest('svg'))
        .filter(each => each.getBoundingClientRect().right > {width} + 1)
        .map(each => each.outerHTML.slice(0, 100))"""
    assert page.value(too_wide) == []
    assert page.value("document.documentElement.scrollWidth") <= width


def test_in_the_dark_the_page_is_dark_and_its_text_light(page: Browser) -> None:
    def lightness(what: str) -> float:
        colour = page.value(f"getComputedStyle(document.body).{what}")
        return sum(map(int, colour[colour.index("(") + 1 : -1].split(",")[:3])) / 3

    assert lightness("backgroundColor") > 200 > 60 > lightness("color")
    page.scheme("dark")
    assert lightness("backgroundColor") < 60 < 200 < lightness("color")
    page.scheme("light")


def test_the_keyboard_reaches_the_result_first_then_every_section_and_what_scrolls(page: Browser) -> None:
    seen = []
    for _ in range(40):
        for kind in ("keyDown", "keyUp"):
            page.ask("Input.dispatchKeyEvent", type=kind, key="Tab", code="Tab", windowsVirtualKeyCode=9)
        seen.append(page.value("document.activeElement.getAttribute('href') || document.activeElement.ariaLabel"))
    assert seen[0] == "#main"
    sections = page.value("[...document.querySelectorAll('nav a')].map(each => each.getAttribute('href'))")
    assert set(sections) | {"All prints", "Candidates"} <= set(seen)
    assert all(page.value(f"document.querySelector('{section}') !== null") for section in sections)


def test_it_prints_on_a_few_pages(page: Browser) -> None:
    import base64

    printed = base64.b64decode(page.ask("Page.printToPDF", printBackground=True)["data"])
    assert printed.startswith(b"%PDF")
    assert 2 <= printed.count(b"/Type /Page\n") <= 15


def test_a_frame_whose_name_is_a_script_does_nothing(
    browser: Browser, source: Path, target: Path, tmp_path: Path
) -> None:
    from adaptprint import adapt

    hostile = "<script>document.title='hacked'<" + "img src=x onerror=document.title='hacked'>"
    for number, frames in enumerate(sorted((target / "images" / "9").iterdir())):
        shutil.copytree(frames, tmp_path / "new" / (f"{hostile}{number}" if number < 3 else frames.name))
    adapt(source, tmp_path / "new", layout="prints", out=tmp_path / "run", recipe="bn")
    browser.open(tmp_path / "run" / "report.html")
    assert "hacked" not in browser.value("document.title")
    assert browser.value("document.scripts.length") == 0
    assert browser.complaints() == []
    assert hostile in browser.value("document.body.innerText")


@pytest.mark.parametrize("width", [390, 320])
def test_on_a_phone_a_frame_to_label_is_as_wide_as_the_page(browser: Browser, tmp_path: Path, width: int) -> None:
    from adaptprint.reporting.report import render_report

    buffer = BytesIO()
    Image.new("RGB", (64, 48)).save(buffer, "JPEG")
    frame = {"print": "p", "picture": "p.jpg", "before": "under_extrusion", "after": "under_extrusion"}
    content = {"verdict": "need-labels", "prints_to_label": ["p"], "pictures": [frame] * 3}
    (tmp_path / "report.html").write_text(render_report(content, [], {"p.jpg": buffer.getvalue()}), encoding="utf-8")
    browser.size(width, 900)
    browser.open(tmp_path / "report.html")
    sizes = "[...document.querySelectorAll('#label img')].map(each => each.getBoundingClientRect().width)"
    assert min(browser.value(sizes)) > 0.85 * width
    lines = "[...document.querySelectorAll('#label .call bdi')].map(each => each.getClientRects().length)"
    assert set(browser.value(lines)) == {1}
