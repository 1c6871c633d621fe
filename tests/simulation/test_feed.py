"""The fleet's way into the product, against a server on a real socket that answers as products do on bad days."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from portal.lib import clock
from triggers.simulation import fleet
from triggers.simulation.client import Client, RefusedError, StoppedError
from triggers.simulation.feed import Feed, Pace

KEY = "fk_12345678_secret"


class Product:
    """Knows gateways and takes readings, but for the property it `refuses`.

    `bad_answers` are given first to POSTs, None for a cut connection.
    """

    def __init__(self) -> None:
        self.refuses = ""
        self.resources: dict[str, list[dict[str, Any]]] = {
            name: [] for name in ("gateways", "appliances", "data-points", "companies")
        }
        self.taken: list[tuple[str, dict[str, Any]]] = []
        self.refused_calls = 0
        self.bad_answers: list[int | None] = []
        self.enough = threading.Event()
        self.connections = 0

    def items(self, name: str) -> list[dict[str, Any]]:
        return [item for taken, body in self.taken if taken == name for item in body[name]]

    def answer(self, method: str, name: str, body: Any) -> tuple[int | None, Any]:
        if method == "GET":
            return 200, {"next": None, "previous": None, "results": self.resources[name]}
        if self.bad_answers:
            self.refused_calls += 1
            status = self.bad_answers.pop(0)
            return status, {"detail": "Not now.", "status": status}
        self.taken.append((name, body))
        if name in self.resources:
            made = {"id": f"{name}-{len(self.taken)}", **body}
            self.resources[name].append(made)
            return 201, made
        self.enough.set()
        error = {"pointer": "/property", "detail": "There is no such data point."}
        refused = [i for i, item in enumerate(body[name]) if item.get("property") == self.refuses]
        rejected = [{"index": index, "errors": [error]} for index in refused]
        return 202, {"accepted": len(body[name]) - len(refused), "duplicates": 0, "rejected": rejected}


def handler(product: Product) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 20
        wbufsize = -1  # headers and body in one segment, or each answer waits for an acknowledgement

        def setup(self) -> None:
            product.connections += 1
            super().setup()

        def answer(self) -> None:
            assert self.headers["Authorization"] == f"Bearer {KEY}"
            text = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            name = self.path.removeprefix("/api/v1/").split("/")[0]
            status, body = product.answer(self.command, name, json.loads(text) if text else None)
            if status is None:
                self.close_connection = True
                return
            content = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            if status == 429:
                self.send_header("Retry-After", "0")
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = answer  # noqa: N815 - the base class's names

        def log_message(self, *_: object) -> None:
            pass

    return Handler


@pytest.fixture
def product() -> Product:
    return Product()


@contextmanager
def serving(product: Product, port: int = 0) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", port), handler(product))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def client(url: str, stop: threading.Event, said: list[str] | None = None) -> Iterator[Client]:
    opened = Client(url, KEY, stop, say=[].append if said is None else said.append)
    try:
        yield opened
    finally:
        opened.close()


def feed(
    opened: Client,
    stop: threading.Event,
    *,
    gateways: int,
    now: Callable[[], datetime] = clock.now,
    said: list[str] | None = None,
) -> Feed:
    specs = fleet.gateways(gateways)
    return Feed(opened, specs, speed=600, seed=1, stop=stop, now=now, say=[].append if said is None else said.append)


def test_an_empty_organization_gets_its_fleet_and_then_its_values(product: Product) -> None:
    stop = threading.Event()
    with serving(product) as url, client(url, stop) as opened:
        feed(opened, stop, gateways=4).run(duration=2.2, say_every=60)
    specs = fleet.gateways(4)
    assert {item["serial_number"] for item in product.resources["gateways"]} == {s.serial_number for s in specs}
    assert len(product.resources["appliances"]) == sum(len(spec.appliances) for spec in specs)
    assert {item["name"] for item in product.resources["data-points"]} == {point.name for point in fleet.POINTS}
    readings = product.items("readings")
    assert {item["gateway"] for item in readings} == {spec.serial_number for spec in specs}
    known = {(item["gateway"], item.get("appliance"), item["property"], item["time"]) for item in readings}
    assert len(known) == len(readings), "a reading's identity is its series and its time"
    ages = [(clock.now() - datetime.fromisoformat(item["time"])).total_seconds() for item in readings]
    assert min(ages) >= 0
    assert max(ages) < 30
    assert product.connections == 1, "the connection is kept"


def test_a_second_run_creates_nothing(product: Product) -> None:
    stop = threading.Event()
    with serving(product) as url, client(url, stop) as opened:
        feed(opened, stop, gateways=2).run(duration=1, say_every=60)
        before = {name: len(items) for name, items in product.resources.items()}
        feed(opened, stop, gateways=2).run(duration=0.6, say_every=60)
    assert {name: len(items) for name, items in product.resources.items()} == before


@pytest.mark.parametrize("trouble", [[503, 503], [429], [None, None], [500, None, 502]])
def test_a_batch_is_sent_again_until_it_is_taken(product: Product, trouble: list[int | None]) -> None:
    stop = threading.Event()
    sent = {"readings": [{"property": "pv.power", "value": 1}]}
    product.bad_answers = list(trouble)
    with serving(product) as url, client(url, stop) as opened:
        answer = opened.send("POST", "readings/", sent)
    assert answer["accepted"] == 1
    assert product.taken == [("readings", sent)]
    assert product.refused_calls == len(trouble)


def test_a_product_that_comes_up_later_gets_the_batch(product: Product) -> None:
    stop = threading.Event()
    answers: list[Any] = []
    with serving(product) as url:
        pass
    with client(url, stop) as opened:
        batch = {"readings": [{"property": "pv.power", "value": 1}]}
        sending = threading.Thread(target=lambda: answers.append(opened.send("POST", "readings/", batch)), daemon=True)
        sending.start()
        sending.join(0.5)
        assert not answers
        with serving(product, int(url.rpartition(":")[2])):
            sending.join(20)
            stop.set()
    assert answers == [{"accepted": 1, "duplicates": 0, "rejected": []}]


def test_what_is_refused_for_good_is_said_and_not_repeated(product: Product) -> None:
    stop = threading.Event()
    product.bad_answers = [401]
    with serving(product) as url, client(url, stop) as opened, pytest.raises(RefusedError, match=r"401: Not now\."):
        opened.send("POST", "readings/", {"readings": []})
    assert product.refused_calls == 1


def test_a_key_that_may_not_create_gateways_is_told_which_scope_it_lacks(product: Product) -> None:
    stop = threading.Event()
    product.bad_answers = [403]
    with (
        serving(product) as url,
        client(url, stop) as opened,
        pytest.raises(RefusedError, match=r"NL-00001 is not there.*needs the scope `manage`"),
    ):
        feed(opened, stop, gateways=1).run(duration=1, say_every=60)


def test_a_stop_ends_the_waiting_for_a_product_that_is_away(product: Product) -> None:
    stop = threading.Event()
    with serving(product) as url:
        pass
    threading.Timer(0.3, stop.set).start()
    with client(url, stop) as opened, pytest.raises(StoppedError):
        opened.send("POST", "readings/", {"readings": []})


@pytest.mark.parametrize(
    ("number", "elapsed", "minutes"),
    [(0, 0, 1), (0, 0.99, 1), (0, 1, 2), (1, 0, 0), (1, 0.49, 0), (1, 0.5, 1), (1, 1.5, 2), (0, 10, 11)],
)
def test_minutes_come_due_by_the_speed_and_are_spread(number: int, elapsed: float, minutes: int) -> None:
    assert Pace(60, 2).minutes(number, elapsed) == minutes


def test_times_come_from_outside(product: Product) -> None:
    stop = threading.Event()
    then = datetime(2026, 11, 21, 10, tzinfo=UTC)
    with serving(product) as url, client(url, stop) as opened:
        feed(opened, stop, gateways=1, now=lambda: then).run(duration=0.6, say_every=60)
    assert {item["time"] for item in product.items("readings")} == {"2026-11-21T10:00:00.000Z"}


def test_a_line_now_and_then_says_how_it_goes(product: Product) -> None:
    stop = threading.Event()
    said: list[str] = []
    with serving(product) as url, client(url, stop) as opened:
        feed(opened, stop, gateways=1, said=said).run(duration=1.8, say_every=0.4)
        product.refuses = "pv.power"
        feed(opened, stop, gateways=1, said=said).run(duration=1.3, say_every=0.4)
    assert said[0] == "1 gateways are not there yet; they are created while the others run."
    assert "1 of 1 gateways online" in said[1]
    assert "refused" not in said[1]
    assert "refused: /property of {'gateway': 'NL-00001', 'property': 'pv.power'" in said[-1]
