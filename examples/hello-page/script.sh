#!/bin/sh
# A page with a counter, by Python's own web server. The page asks for "visits" beside itself, so it works behind any
# prefix; the counter lives as long as this process.
exec python3 - <<'PYTHON'
import html
import json
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PORT = 8765
HOST = "" if "KUBERNETES_SERVICE_HOST" in os.environ else "127.0.0.1"  # in a pod for the ingress, elsewhere for you
BASE = os.environ.get("OSCAR_SERVICE_BASE_PATH", "")
PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>hello-page</title>
<style>
  :root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif; }
  body { margin: 0; min-height: 100vh; display: grid; place-items: center; background: Canvas; color: CanvasText; }
  main { border: 1px solid color-mix(in srgb, CanvasText 18%%, transparent); border-radius: 4px; padding: 24px 32px; }
  h1 { font-size: 1.25rem; font-weight: 600; margin: 0 0 4px; }
  p { margin: 0 0 16px; }
  code { font: 0.9em ui-monospace, monospace; }
  output { font-variant-numeric: tabular-nums; font-weight: 600; }
  button { font: inherit; padding: 4px 16px; border-radius: 2px; border: 1px solid currentColor; background: none;
    color: inherit; cursor: pointer; }
  button:focus-visible { outline: 2px solid Highlight; outline-offset: 2px; }
</style>
<main>
  <h1>Hello from an exposed service</h1>
  <p>You reach it at <code>%s/</code></p>
  <p>Visits since it started: <output id="visits" aria-live="polite">%d</output></p>
  <button type="button">Count one more</button>
</main>
<script>
  document.querySelector("button").onclick = async () => {
    const answer = await fetch("visits", { method: "POST" });
    document.getElementById("visits").value = (await answer.json()).visits;
  };
</script>
"""
visits = 0


class Page(BaseHTTPRequestHandler):
    def do_GET(self):
        global visits
        if self.path == "/":
            visits += 1
            self.answer(200, "text/html", PAGE % (html.escape(BASE), visits))
        elif self.path == "/visits":
            self.answer(200, "application/json", json.dumps({"visits": visits}))
        elif self.path == "/health":
            self.answer(200, "text/plain", "fine")
        else:
            self.answer(404, "text/plain", "There is nothing here.")

    def do_POST(self):
        global visits
        if self.path == "/visits":
            visits += 1
        self.do_GET()

    def answer(self, status, kind, text):
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, words, *values):
        if self.path != "/health":
            print(words % values, flush=True)


print(f"serving {BASE}/ from port {PORT}", flush=True)
ThreadingHTTPServer((HOST, PORT), Page).serve_forever()
PYTHON
