"""Restore a picture through the API of a running `rnan serve`.

    python client.py http://127.0.0.1:8000 photo.jpg clean.jpg

Needs the package httpx2; any other for HTTP will do.
"""

import sys
import time
from pathlib import Path

import httpx2 as httpx

server, source, target = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
with httpx.Client(base_url=server, timeout=60) as client:
    answer = client.post(
        "/api/v1/jobs",
        files={"picture": (source.name, source.read_bytes())},
        data={"task": "denoise", "sigma": "auto"},
    )
    answer.raise_for_status()
    job = answer.json()
    while job["state"] in ("queued", "running"):
        time.sleep(0.2)
        job = client.get(job["links"]["self"]).json()
    if job["state"] != "done":
        sys.exit(job["problem"]["detail"])
    target.write_bytes(client.get(job["links"]["result"]).content)
    client.delete(job["links"]["self"])
