"""A browser without a window: what becomes of a page in it, at some widths, in light or in dark.

It is a program, since a process can start but one: ``python browser.py PAGE WIDTH ...`` prints what
it has seen as JSON.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

LOOK = """
(() => {
  const colours = getComputedStyle(document.body);
  return JSON.stringify({
    text: document.body.innerText,
    pictures: Object.fromEntries([...document.images].map(i => [i.alt, i.naturalWidth])),
    widest: document.documentElement.scrollWidth,
    width: document.documentElement.clientWidth,
    colour: colours.color,
    background: colours.backgroundColor,
  });
})()
"""


def opened(page, *widths, dark=False):
    """Return what a browser makes of a page, for somebody who likes it light, or dark.

    There is one of the ``views`` for each width; and what it ``logged``, and ``asked`` for.
    """
    scheme = 0 if dark else 1
    done = subprocess.run(
        [sys.executable, __file__, str(page), *map(str, widths)],
        env={
            **os.environ,
            "QT_QPA_PLATFORM": "offscreen",
            "QTWEBENGINE_DISABLE_SANDBOX": "1",  # which root may not have
            "QTWEBENGINE_CHROMIUM_FLAGS": f"--disable-gpu "
            f"--blink-settings=preferredColorScheme={scheme}",
        },
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def main(path, *widths):
    """Print what `opened` returns."""
    from PyQt6.QtCore import QEventLoop, QTimer, QUrl
    from PyQt6.QtWebEngineCore import (
        QWebEnginePage,
        QWebEngineSettings,
        QWebEngineUrlRequestInterceptor,
    )
    from PyQt6.QtWebEngineWidgets import QWebEngineView
    from PyQt6.QtWidgets import QApplication

    logged, asked, views = [], [], []

    class Page(QWebEnginePage):
        def javaScriptConsoleMessage(self, level, message, line, source):  # noqa: N802 - Qt's name
            logged.append(message)

    class Interceptor(QWebEngineUrlRequestInterceptor):
        def interceptRequest(self, info):  # noqa: N802 - Qt's name
            asked.append(info.requestUrl().toString())

    _app = QApplication(["browser"])  # without which there are no windows
    view, interceptor, loop = QWebEngineView(), Interceptor(), QEventLoop()
    page = Page(view)
    page.profile().setUrlRequestInterceptor(interceptor)
    remote = QWebEngineSettings.WebAttribute.LocalContentCanAccessRemoteUrls
    page.settings().setAttribute(remote, True)  # as any other browser lets it
    view.setPage(page)
    view.show()

    def seen(found):
        views.append(json.loads(found))
        loop.quit()

    page.loadFinished.connect(lambda loaded: page.runJavaScript(LOOK, seen))
    QTimer.singleShot(40_000, lambda: os._exit(1))  # a page that never comes
    for width in widths:
        view.resize(int(width), 900)
        view.load(QUrl.fromLocalFile(str(Path(path).resolve())))
        loop.exec()
    print(json.dumps({"logged": logged, "asked": asked, "views": views}), flush=True)
    os._exit(0)  # Python would take Qt's objects down in an order that Qt does not like


if __name__ == "__main__":
    main(*sys.argv[1:])
