"""A real Chromium without a window, driven over its DevTools protocol through a pipe.

Nothing but Python's library is needed: messages are JSON, each with a zero byte behind it. Knows nothing
of leadsman's pages.
"""

import base64
import json
import os
import select
import subprocess
import tempfile
import time

ARGUMENTS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-extensions",
    "--force-color-profile=srgb", "--remote-debugging-pipe",
]


class Browser:
    """A browser with one tab. What its page says or asks for is kept in lists."""

    def __init__(self, program="chromium"):
        self.profile = tempfile.TemporaryDirectory(prefix="chromium-", ignore_cleanup_errors=True)
        to_child, self.write_end = os.pipe()
        self.read_end, from_child = os.pipe()
        # It reads at 3 and writes at 4; bash puts them there.
        command = ["bash", "-c", f'exec "$@" 3<&{to_child} 4>&{from_child}', "chromium", program, *ARGUMENTS,
                   f"--user-data-dir={self.profile.name}", "about:blank"]
        self.process = subprocess.Popen(command, pass_fds=(to_child, from_child), stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
        os.close(to_child)
        os.close(from_child)
        self.buffer = b""
        self.last_id = 0
        self.answers = {}
        self.session = None
        self.console = []
        self.requests = []
        self.failed = []
        self._attach()

    def _attach(self):
        targets = self.send("Target.getTargets")["targetInfos"]
        page = next(target for target in targets if target["type"] == "page")
        attached = self.send("Target.attachToTarget", targetId=page["targetId"], flatten=True)
        self.session = attached["sessionId"]
        for domain in ["Page", "Runtime", "Network", "Log"]:
            self.send(f"{domain}.enable")

    def send(self, method, **parameters):
        """Calls a method of the protocol and waits for its answer."""
        self.last_id += 1
        message = {"id": self.last_id, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.write_end, json.dumps(message).encode() + b"\0")
        deadline = time.monotonic() + 60
        while self.last_id not in self.answers:
            self._receive(deadline)
        answer = self.answers.pop(self.last_id)
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']}")
        return answer["result"]

    def _receive(self, deadline):
        while b"\0" not in self.buffer:
            readable, _, _ = select.select([self.read_end], [], [], max(0, deadline - time.monotonic()))
            chunk = os.read(self.read_end, 1 << 20) if readable else b""
            if not chunk:
                raise RuntimeError("chromium does not answer")
            self.buffer += chunk
        *whole, self.buffer = self.buffer.split(b"\0")
        for message in whole:
            self._note(json.loads(message))

    def _note(self, message):
        event, said = message.get("method"), message.get("params", {})
        if "id" in message:
            self.answers[message["id"]] = message
        elif event == "Runtime.consoleAPICalled" and said["type"] in ("error", "warning", "assert"):
            self.console.append(" ".join(str(arg.get("value", arg.get("description"))) for arg in said["args"]))
        elif event == "Runtime.exceptionThrown":
            details = said["exceptionDetails"]
            self.console.append(details.get("exception", {}).get("description") or details["text"])
        elif event == "Log.entryAdded" and said["entry"]["level"] in ("error", "warning"):
            self.console.append(f"{said['entry']['text']} {said['entry'].get('url', '')}")
        elif event == "Network.requestWillBeSent":
            self.requests.append(said["request"]["url"])
        elif event == "Network.responseReceived" and said["response"]["status"] >= 400:
            self.failed.append(f"{said['response']['status']} {said['response']['url']}")

    def evaluate(self, expression):
        """The value of an expression in the page; a promise is waited for."""
        result = self.send("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True, userGesture=True)
        if "exceptionDetails" in result:
            details = result["exceptionDetails"]
            raise RuntimeError(f"{details.get('exception', {}).get('description', details['text'])}\nin {expression[:300]}")
        return result["result"].get("value")

    def open(self, url):
        """Loads a document; what is wanted of it has to be waited for."""
        self.send("Page.navigate", url=url)
        self.until("document.readyState === 'complete'")

    def until(self, condition, what=None, patience=20):
        """Waits until an expression in the page is true."""
        deadline = time.monotonic() + patience
        while True:
            try:
                if self.evaluate(condition):
                    return
            except RuntimeError:
                if time.monotonic() > deadline:
                    raise
            if time.monotonic() > deadline:
                text = self.evaluate("document.querySelector('main')?.innerText.slice(0, 2000)")
                raise AssertionError(f"waited in vain for {what or condition}; the page says:\n{text}\nconsole: {self.console}")
            time.sleep(0.05)

    def size(self, width, height, scale=1):
        """Makes the window so large; a narrow one is a phone's."""
        self.send("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=scale, mobile=width < 600)

    def theme(self, name):
        """`light` or `dark`, as the system has it."""
        self.send("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": name}])

    def screenshot(self, path):
        """What is seen now, as PNG."""
        shot = self.send("Page.captureScreenshot", format="png")
        with open(path, "wb") as file:
            file.write(base64.b64decode(shot["data"]))

    def mouse(self, kind, x, y, **more):
        """`mousePressed`, `mouseMoved` or `mouseReleased` at a place of the window."""
        self.send("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1, **more)

    def click(self, x, y, modifiers=0):
        """Presses the button at a place of the window."""
        for kind in ["mouseMoved", "mousePressed", "mouseReleased"]:
            self.mouse(kind, x, y, modifiers=modifiers)

    def drag(self, start, end, y):
        """Drags from one place to another on one height."""
        self.mouse("mouseMoved", start, y)
        self.mouse("mousePressed", start, y)
        for step in range(1, 6):
            self.mouse("mouseMoved", start + (end - start) * step / 5, y, buttons=1)
        self.mouse("mouseReleased", end, y)

    def key(self, key, **more):
        """Presses a key."""
        text = {"text": key} if len(key) == 1 else {"text": "\r"} if key == "Enter" else {}
        codes = {"Enter": 13, "Escape": 27, "Tab": 9, "ArrowLeft": 37, "ArrowUp": 38, "ArrowRight": 39, "ArrowDown": 40}
        code = {"windowsVirtualKeyCode": codes[key]} if key in codes else {}
        self.send("Input.dispatchKeyEvent", type="keyDown", key=key, **text, **code, **more)
        self.send("Input.dispatchKeyEvent", type="keyUp", key=key, **code, **more)

    def close(self):
        """Ends it."""
        self.process.terminate()
        self.process.wait(timeout=20)
        self.profile.cleanup()
