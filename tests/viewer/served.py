"""A viewer that runs, and requests to it with every header as it is given."""

from __future__ import annotations

import http.client
import json
import threading
from contextlib import contextmanager

import numpy as np

from mlarray_io.engine.settings import Settings
from mlarray_io.viewer.run import serving


@contextmanager
def served(*files, **more):
    """Yield a server of files, which answers."""
    with serving([str(file) for file in files], more.pop("settings", Settings()), **more) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def ask(server, path, *, method="GET", token=True, headers=None):
    """Return status, headers and content of what is at a path."""
    port = server.server_address[1]
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.putrequest(
        method, f"/{server.access.token}/{path}" if token else path, skip_host=True, skip_accept_encoding=True
    )
    for name, value in {"Host": f"127.0.0.1:{port}", **(headers or {})}.items():
        if value is not None:
            connection.putheader(name, value)
    connection.endheaders()
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    return answer.status, answer.headers, content


def told(server, path):
    """Return the JSON at a path."""
    status, _, content = ask(server, path)
    assert status == 200, content
    return json.loads(content)


def piece(server, number, **query):
    """Return what is said of a piece of an image, its voxels as z, y, x, and how many bytes came."""
    address = "&".join(f"{name}={value}" for name, value in query.items())
    status, _, content = ask(server, f"image/{number}/voxels?{address}")
    assert status == 200, content
    size = int.from_bytes(content[:8], "little")
    head = json.loads(content[8 : 8 + size])
    kinds = {2: "u1", 4: "<i2", 16: "<f4", 512: "<u2", 128: "u1"}
    voxels = np.frombuffer(content[8 + size :], kinds[head["datatype"]])
    shape = (*reversed(head["dims"]), *((3,) if head["datatype"] == 128 else ()))
    return head, voxels.reshape(shape), len(content)
