#!/bin/sh
# Ray 2.60.0 with no dashboard and no usage statistics: a cluster of this machine alone still starts
# a process of the dashboard, and that asks over HTTP at the address where clouds say what they are
# (169.254.169.254, link-local). Here a proxy on this machine writes down what is asked.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check "ray[default]==2.60.0"
cat > "$folder/asked.py" <<'END'
import http.server
import os
import threading
import time

asked = []


class Proxy(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        asked.append(self.path)
        self.send_error(404)

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
threading.Thread(target=server.serve_forever, daemon=True).start()
os.environ["HTTP_PROXY"] = os.environ["http_proxy"] = f"http://127.0.0.1:{server.server_port}"
os.environ["RAY_USAGE_STATS_ENABLED"] = "0"

import ray

ray.init(address="local", include_dashboard=False, num_cpus=1, log_to_driver=False)
for _ in range(60):
    if asked:
        break
    time.sleep(0.5)
ray.shutdown()
print("ray", ray.__version__, "asked for", asked[:1])
assert asked and asked[0].startswith("http://169.254.169.254/"), asked
END
"$folder/venv/bin/python" "$folder/asked.py" 2> /dev/null
