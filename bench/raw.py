"""The yardstick: how many requests a second one process makes with libcurl and nothing else.

64 at once over kept-alive connections; for each request a body of 1 KB and the headers of a signed delivery are set,
the same every time: nothing is rendered, signed, read from a database or recorded. The rate is that of the steady
state, between 10 % and 95 % of the requests.
"""

from __future__ import annotations

import argparse
import sys
import time

import pycurl

from bench import message
from bench.process import python, run
from bench.receiver import Receiver
from portal.runtime.account import environment

AT_ONCE = 64
COUNT = 60_000
FIRST, LAST = 0.10, 0.95


def measure(receiver: Receiver, count: int = COUNT) -> float:
    """Requests per second of a client process of its own."""
    return float(run(python("-m", "bench.raw", "--url", f"{receiver.url}/c/000", "--count", str(count)), environment()))


def rate(url: str, count: int) -> float:
    content = message.body()
    lines = [f"{name}: {value}".encode() for name, value in message.signed_headers(content).items()] + [b"Expect:"]
    multi = pycurl.CurlMulti()
    handles = [_handle(url) for _ in range(AT_ONCE)]
    started = done = 0
    marks = {max(1, int(count * FIRST)): 0.0, int(count * LAST): 0.0}

    def start(curl: pycurl.Curl) -> None:
        curl.setopt(pycurl.POSTFIELDS, content)
        curl.setopt(pycurl.HTTPHEADER, lines)
        multi.add_handle(curl)

    for curl in handles[:count]:
        start(curl)
        started += 1
    while done < count:
        multi.perform()
        _, finished, failed = multi.info_read(AT_ONCE)
        if failed:
            raise RuntimeError(f"a request failed: {failed[0][2]}")
        for curl in finished:
            multi.remove_handle(curl)
            done += 1
            if done in marks:
                marks[done] = time.perf_counter()
            if started < count:
                start(curl)
                started += 1
        if not finished:
            multi.select(1.0)
    (first, begun), (last, ended) = marks.items()
    return (last - first) / (ended - begun)


def _handle(url: str) -> pycurl.Curl:
    curl = pycurl.Curl()
    curl.setopt(pycurl.URL, url)
    curl.setopt(pycurl.NOSIGNAL, 1)
    curl.setopt(pycurl.PROXY, "")
    curl.setopt(pycurl.POST, 1)
    curl.setopt(pycurl.USERAGENT, "Feeder/0.1")
    curl.setopt(pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_1_1)
    curl.setopt(pycurl.WRITEFUNCTION, len)
    return curl


def main() -> None:
    parser = argparse.ArgumentParser(description="Requests per second of the raw client.")
    parser.add_argument("--url", help="where to; without it, a receiver is started")
    parser.add_argument("--count", type=int, default=COUNT)
    options = parser.parse_args()
    if options.url:
        print(rate(options.url, options.count))
        return
    with Receiver() as receiver:
        print(f"{measure(receiver, options.count):.0f} requests/s")


if __name__ == "__main__":
    sys.exit(main())
