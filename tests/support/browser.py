"""A headless Chromium, driven over the WebDriver protocol; no package is needed for that."""
import base64
import contextlib
import json
import pathlib
import shutil
import subprocess
import time
import urllib.request

from .ports import free_port

ARGUMENTS = ["--no-sandbox", "--headless", "--disable-gpu", "--disable-quic", "--no-first-run",
             "--disable-background-networking", "--disable-component-update", "--disable-sync",
             "--disable-dev-shm-usage"]
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
TAB = "\ue004"
ENTER = "\ue007"


class Browser:
    def __init__(self, folder, width=1200, height=900, dark=False):
        for program in ("chromium", "chromedriver"):
            if not shutil.which(program):
                raise RuntimeError(f"{program} is missing: run deploy/setup.sh --tests")
        folder = pathlib.Path(folder)
        folder.mkdir(parents=True)
        self.port = free_port()
        self.driver = subprocess.Popen(["chromedriver", f"--port={self.port}"],
                                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        arguments = ARGUMENTS + [f"--user-data-dir={folder}/profile", f"--window-size={width},{height}"]
        options = {"binary": shutil.which("chromium"), "args": arguments}
        capabilities = {"browserName": "chrome", "goog:chromeOptions": options,
                        "goog:loggingPrefs": {"browser": "ALL"}}
        try:
            self._wait_for_driver()
            answer = self._send("POST", "/session", {"capabilities": {"alwaysMatch": capabilities}})
            self.session = f"/session/{answer['sessionId']}"
            self.emulate(width, height, dark)
        except BaseException:
            self.driver.kill()
            self.driver.wait()
            raise

    def quit(self):
        with contextlib.suppress(OSError):
            self._send("DELETE", self.session)
        self.driver.terminate()
        self.driver.wait()

    def emulate(self, width, height, dark=False):
        """The size of the window as CSS sees it, and the colour scheme that the user prefers."""
        self._chrome("Emulation.setDeviceMetricsOverride",
                     width=width, height=height, deviceScaleFactor=1, mobile=False)
        self._chrome("Emulation.setEmulatedMedia", features=[
            {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])

    def open(self, url):
        self._act("POST", "/url", {"url": url})

    def run(self, script, *arguments):
        return self._act("POST", "/execute/sync", {"script": script, "args": list(arguments)})

    def wait(self, condition, limit=30):
        """Until the JavaScript expression holds; returns its value."""
        end = time.monotonic() + limit
        while not (value := self.run(f"return {condition}")):
            if time.monotonic() > end:
                raise AssertionError(f"never true: {condition}\n{self.run('return document.body.innerText')}")
            time.sleep(0.05)
        return value

    def press(self, *keys):
        for key in keys:
            actions = [{"type": "keyDown", "value": key}, {"type": "keyUp", "value": key}]
            self._act("POST", "/actions", {"actions": [{"type": "key", "id": "keys", "actions": actions}]})

    def find(self, selector):
        return self._act("POST", "/element", {"using": "css selector", "value": selector})[ELEMENT]

    def click(self, selector):
        self._act("POST", f"/element/{self.find(selector)}/click", {})

    def type(self, selector, text):
        self._act("POST", f"/element/{self.find(selector)}/value", {"text": text})

    def computed(self, selector):
        """What assistive technology is told: (role, name)."""
        element = self.find(selector)
        return (self._act("GET", f"/element/{element}/computedrole"),
                self._act("GET", f"/element/{element}/computedlabel"))

    def complaints(self):
        """What the console said, refusals by the content security policy among it."""
        return [entry["message"] for entry in self._act("POST", "/se/log", {"type": "browser"})]

    def screenshot(self, path):
        pathlib.Path(path).write_bytes(base64.b64decode(self._act("GET", "/screenshot")))

    def _chrome(self, command, **parameters):
        self._act("POST", "/goog/cdp/execute", {"cmd": command, "params": parameters})

    def _wait_for_driver(self):
        for _ in range(300):
            with contextlib.suppress(OSError):
                if self._send("GET", "/status")["ready"]:
                    return
            time.sleep(0.1)
        raise RuntimeError("chromedriver does not come up")

    def _act(self, method, path, body=None):
        return self._send(method, self.session + path, body)

    def _send(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", data=data, method=method,
                                         headers={"Content-Type": "application/json"})
        try:
            answer = urllib.request.urlopen(request, timeout=60)
        except urllib.error.HTTPError as error:
            raise AssertionError(error.read().decode()[:500]) from error
        return json.load(answer)["value"]
