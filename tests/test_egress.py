import asyncio
import socket
from typing import Any

import httpx
import pytest
from servers import Answer, web_server

from lamplighter.egress import REFUSED, is_public, open_client, public_only


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "0.0.0.0"),
        *("100.64.0.1", "224.0.0.1", "255.255.255.255", "198.18.0.1", "::1", "::", "fe80::1%eth0"),
        *("fc00::1", "ff02::1", "::ffff:10.0.0.1", "2002:7f00:1::", "64:ff9b::7f00:1", "localhost"),
        *("2001:0:4136:e378:8000:63bf:80ff:fffe", ""),
    ],
)
def test_private_addresses_in_whatever_coat(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "address", ["9.9.9.9", "2620:fe::fe", "::ffff:9.9.9.9", "64:ff9b::909:909"]
)
def test_public_addresses(address: str) -> None:
    assert is_public(address)


def test_a_client_is_refused_only_while_it_is_guarded() -> None:
    with web_server(lambda _: Answer("inside")) as web, open_client() as client:
        with (
            public_only(),
            open_client() as guarded,
            pytest.raises(httpx.ConnectError, match=REFUSED),
        ):
            guarded.get(web.url)
        assert client.get(web.url).text == "inside"
        assert web.requests[0].headers["user-agent"] == "lamplighter"


def test_a_redirect_into_a_private_network_is_refused() -> None:
    with web_server(lambda _: Answer("secret"), host="127.0.0.2") as inside:
        moved = Answer(status=302, headers={"Location": f"{inside.url}/secret"})
        with (
            web_server(lambda _: moved) as outside,
            public_only(["127.0.0.1/32"]),
            open_client() as client,
            pytest.raises(httpx.ConnectError, match=r"127\.0\.0\.2 is no public"),
        ):
            client.get(outside.url)
        assert (len(outside.requests), inside.requests) == (1, [])


def test_a_name_that_changes_its_address_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """The DNS says 127.0.0.1 when it is asked first, and 127.0.0.2 from then on."""
    told: list[str] = []
    resolve = socket.getaddrinfo

    def changing(host: Any, *more: Any, **options: Any) -> Any:
        if host != "rebinding.test":
            return resolve(host, *more, **options)
        told.append("127.0.0.2" if told else "127.0.0.1")
        return resolve(told[-1], *more, **options)

    monkeypatch.setattr(socket, "getaddrinfo", changing)
    with web_server(lambda _: Answer("fine", headers={"Connection": "close"})) as web:
        url = web.url.replace("127.0.0.1", "rebinding.test")
        with public_only(["127.0.0.1/32"]), open_client() as client:
            assert client.get(url).text == "fine"
            with pytest.raises(httpx.ConnectError, match=r"127\.0\.0\.2 is no public"):
                client.get(url)


async def ask(url: str) -> str:
    async with httpx.AsyncClient(trust_env=False) as client:
        return (await client.get(url)).text


def test_tasks_and_threads_are_guarded_too() -> None:
    with web_server(lambda _: Answer("inside")) as web:

        async def in_a_thread() -> None:
            await asyncio.to_thread(httpx.get, web.url, trust_env=False)

        with public_only():
            with pytest.raises(httpx.ConnectError):
                asyncio.run(ask(web.url))
            with pytest.raises(httpx.ConnectError):
                asyncio.run(in_a_thread())
        assert asyncio.run(ask(web.url)) == "inside"


def test_sockets_of_this_machine_are_refused(tmp_path: Any) -> None:
    path = str(tmp_path / "s")
    with socket.socket(socket.AF_UNIX) as listener, socket.socket(socket.AF_UNIX) as client:
        listener.bind(path)
        listener.listen()
        with public_only(), pytest.raises(PermissionError, match=REFUSED):
            client.connect(path)
        client.connect(path)
