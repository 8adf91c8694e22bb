"""An S3 server of this machine for the tests of URLs."""

from __future__ import annotations

from contextlib import contextmanager

import pytest


def need_s3():
    """Skip the module that asks where the packages of an S3 server are missing; return fsspec."""
    fsspec = pytest.importorskip("fsspec", reason="URLs need fsspec")
    pytest.importorskip("s3fs", reason="S3 needs s3fs: pip install mlarray[test-s3]")
    pytest.importorskip("moto.server", reason="S3 here needs moto: pip install mlarray[test-s3]")
    return fsspec


@contextmanager
def s3_server():
    """Run a server that processes started from here find too; yield fsspec's file system of it."""
    from urllib.request import Request, urlopen

    import fsspec
    from moto.server import ThreadedMotoServer

    started = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    started.start()
    host, port = started.get_host_and_port()
    names = {"AWS_ENDPOINT_URL": f"http://{host}:{port}", "AWS_DEFAULT_REGION": "us-east-1",
             "AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "hidden"}  # fmt: skip
    with pytest.MonkeyPatch.context() as patch:
        for name, value in names.items():
            patch.setenv(name, value)
        system = fsspec.filesystem("s3", skip_instance_cache=True)
        type(system).clear_instance_cache()  # those of other tests' servers
        yield system
        type(system).clear_instance_cache()
    urlopen(Request(f"http://{host}:{port}/moto-api/reset", method="POST")).close()  # all share buckets
    started.stop()


def below(system, url):
    """Return the names of all objects below a URL."""
    system.invalidate_cache()
    start = url.removeprefix("s3://") + "/"
    return sorted(name.removeprefix(start) for name in system.find(url))
