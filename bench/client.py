"""A closed loop of requests over kept-alive connections with libcurl, from one thread: the raw client, and the load on
the intakes.

The rate is that of the steady state, between 10 % and 95 % of the requests. A program, so that it has a process of its
own: `python -m bench.client --url … --count …` reads the body from standard input and prints requests per second.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Mapping
from io import BytesIO

import pycurl

from bench.arrivals import FIRST, LAST
from bench.process import ROOT, python
from portal.runtime.account import environment


def measure(url: str, body: bytes, headers: Mapping[str, str], *, count: int, at_once: int) -> float:
    """Requests per second of a process of its own. RuntimeError: one failed, or was answered 400 or more."""
    words = ["--url", url, "--count", str(count), "--at-once", str(at_once)]
    lines = [f"{name}: {value}" for name, value in headers.items()]
    done = subprocess.run(  # noqa: S603 - the words are this package's own
        python("-m", "bench.client", *words, *lines),
        input=body,
        env=environment(),
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{url}: {done.stderr.decode(errors='replace')[-1000:]}")
    return float(done.stdout)


def rate(url: str, body: bytes, lines: list[bytes], *, count: int, at_once: int) -> float:
    multi = pycurl.CurlMulti()
    handles = [_handle(url) for _ in range(min(at_once, count))]
    started = done = 0
    first, last = max(1, int(count * FIRST)), int(count * LAST)
    times: dict[int, float] = {}

    def start(curl: pycurl.Curl) -> None:
        curl.setopt(pycurl.POSTFIELDS, body)
        curl.setopt(pycurl.HTTPHEADER, lines)
        multi.add_handle(curl)

    for curl in handles:
        start(curl)
        started += 1
    while done < count:
        multi.perform()
        _, finished, failed = multi.info_read(at_once)
        if failed:
            raise RuntimeError(f"a request failed: {failed[0][2]}")
        for curl in finished:
            multi.remove_handle(curl)
            done += 1
            if done in (first, last):
                times[done] = time.perf_counter()
            if started < count:
                start(curl)
                started += 1
        if not finished:
            multi.select(1.0)
    return (last - first) / (times[last] - times[first])


def _handle(url: str) -> pycurl.Curl:
    curl = pycurl.Curl()
    curl.setopt(pycurl.URL, url)
    curl.setopt(pycurl.NOSIGNAL, 1)
    curl.setopt(pycurl.PROXY, "")
    curl.setopt(pycurl.POST, 1)
    curl.setopt(pycurl.USERAGENT, "Feeder/0.1")
    curl.setopt(pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_1_1)
    curl.setopt(pycurl.FAILONERROR, 1)
    curl.setopt(pycurl.WRITEDATA, BytesIO())
    return curl


def main() -> None:
    parser = argparse.ArgumentParser(description="Requests per second.")
    parser.add_argument("--url", required=True)
    parser.add_argument("--count", type=int, required=True)
    parser.add_argument("--at-once", type=int, required=True)
    parser.add_argument("headers", nargs="*")
    options = parser.parse_args()
    lines = [line.encode() for line in (*options.headers, "Expect:")]
    print(rate(options.url, sys.stdin.buffer.read(), lines, count=options.count, at_once=options.at_once))


if __name__ == "__main__":
    sys.exit(main())
