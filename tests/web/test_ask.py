"""`/ask`: whether a host name is one of the fleet's, for proxies that are about to have a certificate made for it."""

from __future__ import annotations

from datetime import timedelta

from tests.harness.universe import fleet, instance
from tests.web.asked import Asked, asking

TEXT = fleet(
    instance("acme", server="one", domains="[erp.acme.example]"),
    instance("asleep", server="one", state="suspended"),
    instance("gone", server="one", state="absent", domains="[gone.example]"),
    instance("trial", server="one", expires="2026-12-24"),
    instance("anywhere"),
    servers={"one": "19.0", "two": "19.0"},
)


def test_names_of_instances_that_are_not_absent_are_the_fleets_and_no_others() -> None:
    async def story(asked: Asked) -> None:
        async def known(name: str) -> bool:
            answer = await asked.send("GET", "/ask", params={"domain": name})
            assert answer.status_code in {200, 404}
            return answer.status_code == 200

        for name in ("erp.acme.example", "ERP.Acme.example.", "acme.example.com", "asleep.example.com"):
            assert await known(name), name
        assert await known("anywhere.example.com")  # on whatever server it is placed
        for name in ("gone.example", "gone.example.com", "acme.example", "example.com", "", "x\r\nX: y", "a" * 5000):
            assert not await known(name), name
        assert (await asked.send("GET", "/ask")).status_code == 404
        assert await known("trial.example.com")
        asked.stage.universe.clock.skew += timedelta(days=60)
        assert not await known("trial.example.com")

    asking(story, text=TEXT)
