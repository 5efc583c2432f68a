"""A real Caddy that gets certificates when somebody comes by a name asks the daemon's `/ask` first."""

import asyncio
from pathlib import Path

import httpx
import pytest

from tests.hosts import debian
from tests.hosts.programs import Program, free_port
from tests.web.site import Told, served

DOCS = Path(__file__).parents[2] / "docs/domains.md"


def documented() -> str:
    """The configuration of docs/domains.md."""
    return DOCS.read_text().partition("```caddy\n")[2].partition("```")[0]


async def answer(port: int, name: str) -> int | None:
    """Come by a name; None where there is no certificate for it."""
    async with httpx.AsyncClient(verify=False, trust_env=False, timeout=20) as client:
        try:
            found = await client.get(
                f"https://127.0.0.1:{port}/", headers={"Host": name}, extensions={"sni_hostname": name}
            )
        except httpx.ConnectError as refused:
            return None if "ssl" in repr(refused).lower() else 0  # the former if it answers and refuses the handshake
        return found.status_code


@pytest.mark.deploy
def test_a_certificate_is_had_for_names_of_the_fleet_alone(tmp_path: Path) -> None:
    debian.require_programs({"caddy": "caddy"})
    port, plain = free_port(), free_port()

    async def story() -> None:
        async with served(Told(names=frozenset({"erp.acme.example"}))) as daemon:
            text = documented()
            ours = f"{{\n\tadmin off\n\thttp_port {plain}\n\thttps_port {port}\n\tskip_install_trust\n\ton_demand_tls"
            for before, after in {
                "{\n\ton_demand_tls": ours,
                "127.0.0.1:9469": f"127.0.0.1:{daemon.port}",
                ":443 {": f":{port} {{",
                "\t\ton_demand\n": "\t\ton_demand\n\t\tissuer internal\n",  # no authority is asked in a test
                "\t…                                  # as in Caddyfile-domains": "\trespond here 200",
            }.items():
                assert text.count(before) == 1, before
                text = text.replace(before, after)
            (tmp_path / "Caddyfile").write_text(text)
            home = {"HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path)}
            words = [str(debian.program("caddy")), "run", "--config", "Caddyfile"]
            program = Program(words, tmp_path, "caddy", environment=home)
            program.start()
            try:
                async with asyncio.timeout(60):
                    while await listens(port) is False:
                        assert program.is_running, program.log_text()
                        await asyncio.sleep(0.1)
                assert await answer(port, "erp.acme.example") == 200, program.log_text()
                assert await answer(port, "stranger.example") is None
            finally:
                program.kill()

    asyncio.run(story())


async def listens(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True
