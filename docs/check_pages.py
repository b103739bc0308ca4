"""Check the built site in a browser: no page is wider than the screen, every picture has loaded, and the search finds.

It serves the site to a headless Chromium, which opens every page in a frame as wide as a desktop's window and in one as
wide as a phone, and reports. Usage: python docs/check_pages.py build/docs [path of the browser]
"""

import json
import subprocess
import sys
import tempfile
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

WIDTHS = (1280, 390)
QUERIES = {"gru": 5, "quantile": 5, "SlidingWindow": 5}  # and the least number of results
HARNESS = """<!doctype html><title>check</title><body><script>
const pages = PAGES, widths = WIDTHS, queries = QUERIES, report = {pages: [], queries: {}};
const wait = milliseconds => new Promise(resolve => setTimeout(resolve, milliseconds));
const open = (url, width) => new Promise(resolve => {
  const frame = document.createElement("iframe");
  Object.assign(frame.style, {width: width + "px", height: "900px", border: 0});
  frame.onload = () => resolve(frame);
  frame.src = url;
  document.body.append(frame);
});
// Code, tables and pictures may be scrolled by themselves; what else is wider makes the page scroll, or is cut off.
const wide = (root, width) => {
  const elements = [...root.querySelectorAll("body *")].filter(element =>
    element.getBoundingClientRect().right > width + 1 && element.checkVisibility({visibilityProperty: true}) &&
    !element.closest("pre, .pst-scrollable-table-container, .output_html, p:has(> img)"));
  const innermost = elements.filter(element => !elements.includes(element.firstElementChild));
  return innermost.slice(0, 3).map(element => element.tagName + ": " + element.textContent.trim().slice(0, 60));
};
(async () => {
  for (const width of widths) for (const page of pages) {
    const frame = await open("/" + page, width), root = frame.contentDocument;
    root.querySelectorAll("img").forEach(image => image.loading = "eager");
    await wait(150);
    const broken = [...root.images].filter(image => !image.complete || !image.naturalWidth).map(image => image.src);
    const found = root.documentElement.scrollWidth;
    report.pages.push({page, width, found, broken, wide: wide(root, width)});
    frame.remove();
  }
  for (const query of Object.keys(queries)) {
    const frame = await open("/search.html?q=" + encodeURIComponent(query), 1280);
    await wait(3000);
    report.queries[query] = frame.contentDocument.querySelectorAll("#search-results li").length;
    frame.remove();
  }
  await fetch("/report", {method: "POST", body: JSON.stringify(report)});
})();
</script>"""


class Handler(SimpleHTTPRequestHandler):
    """Serves the site and the page that opens all others, and takes the report."""

    def __init__(
        self, *args: Any, harness: str, reports: list[dict[str, Any]], done: threading.Event, **kwargs: Any
    ) -> None:
        self.harness, self.reports, self.done = harness, reports, done
        super().__init__(*args, **kwargs)

    def do_GET(self) -> None:
        """Serve a file, or the harness."""
        if self.path != "/harness":
            return super().do_GET()
        body = self.harness.encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        """Take the report."""
        self.reports.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(204)
        self.end_headers()
        self.done.set()

    def log_message(self, *args: Any) -> None:
        """Say nothing."""


def browse(root: Path, browser: str) -> dict[str, Any]:
    """Return the report of the browser on all pages."""
    pages = sorted(
        path.relative_to(root).as_posix() for path in set(root.rglob("*.html")) - set(root.glob("_static/**/*"))
    )
    harness = HARNESS.replace("PAGES", json.dumps(pages), 1).replace("WIDTHS", json.dumps(WIDTHS), 1)
    harness = harness.replace("QUERIES", json.dumps(QUERIES), 1)
    reports: list[dict[str, Any]] = []
    done = threading.Event()
    handler = partial(Handler, harness=harness, reports=reports, done=done, directory=str(root))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}/harness"
    with tempfile.TemporaryDirectory() as profile:
        command = [browser, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={profile}", address]
        process = subprocess.Popen([*command[:-1], "--remote-debugging-port=0", address], stderr=subprocess.DEVNULL)
        if not done.wait(timeout=900):
            sys.exit("The browser has not reported within fifteen minutes.")
        process.terminate()
        process.wait()
    return reports[0]


def main() -> None:
    """Print what is wrong, and fail if anything is."""
    root = Path(sys.argv[1]).resolve()
    report = browse(root, sys.argv[2] if len(sys.argv) > 2 else "chromium")
    problems = [
        f"{row['page']} is {row['found']} pixels wide on a screen of {row['width']}: {row['wide']}"
        for row in report["pages"]
        if row["found"] > row["width"] or row["wide"]
    ]
    problems += [f"{row['page']}: broken picture {source}" for row in report["pages"] for source in row["broken"]]
    for query, n_results in report["queries"].items():
        if n_results < QUERIES[query]:
            problems.append(f"searching for {query!r} found {n_results}, expected at least {QUERIES[query]}")
    print(
        "\n".join(problems) or f"{len(report['pages'])} openings of pages, searches: {report['queries']}; all is well."
    )
    sys.exit(bool(problems))


if __name__ == "__main__":
    main()
