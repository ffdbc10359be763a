"""Stands in for the application (`app SOCKET`) or CometBFT (`node PORT`); files beside its log steer it.

usage: stand_in.py app|node WHERE [stubborn] [die-after=SECONDS] [exit=CODE] [mute-after=ANSWERS]
"""

from __future__ import annotations

import http.server
import json
import signal
import socket
import sys
import threading
import time

kind, where, *ways = sys.argv[1:]
options = dict(way.partition("=")[::2] for way in ways)
print(f"stand-in {kind} started", flush=True)
if "stubborn" in options:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
if "exit" in options:
    print("database damaged at page 7", flush=True)
    sys.exit(int(options["exit"]))


class Status(http.server.BaseHTTPRequestHandler):
    answers = 0

    def do_GET(self) -> None:
        Status.answers += 1
        if Status.answers > int(options.get("mute-after", 10**9)):
            time.sleep(3600)
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        info = {"latest_block_height": str(Status.answers), "latest_block_time": now, "catching_up": False}
        body = json.dumps({"result": {"sync_info": info}}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        return


if kind == "app":
    server = socket.socket(socket.AF_UNIX)
    server.bind(where)
    server.listen()
else:
    web = http.server.ThreadingHTTPServer(("127.0.0.1", int(where)), Status)
    threading.Thread(target=web.serve_forever, daemon=True).start()
time.sleep(float(options.get("die-after", 3600)))
