"""The honest minimum: the shortest sequence of calls that ends in the state in which the tool leaves a clone, and proves it.

Written by hand, without the tool. What it must not leave out: nothing incomplete bears the final name, so that a building name
is renamed; the files are whole in the clone and after the rename, which lose them silently; what the template took is refused;
what was declared is there by a look of its own; nobody else has a way in; workers take it for no former database of its name;
the action that carried all of it is gone. What it leaves out: other reconcilers, crashes, lost answers, other hosts.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.hosts.real_hosts import HostAddress

PREFIX = "odoo_fleet."
_WORKERS_REACHED = 16

CODE = """\
answer, given = {}, env.context['given']
clean = env(context={'lang': 'en_US', 'active_test': False, 'no_reset_password': True, 'tracking_disable': True})
parameters = clean['ir.config_parameter']
stored = dict([(row.key, row) for row in parameters.search([])])
values = dict([(key, row.value) for key, row in stored.items()])
env.cr.execute("SELECT id FROM ir_attachment WHERE type = 'binary' AND store_fname IS NOT NULL")
files = clean['ir.attachment'].sudo().browse([row[0] for row in env.cr.fetchall()]).with_context(bin_size=True)
admin, company = clean.ref('base.user_admin'), clean.ref('base.main_company')
if given['first']:
    answer['files'] = dict([(str(row.id), row.datas or '') for row in files])
    answer['template'] = [values['odoo_fleet.uuid'], values['odoo_fleet.digest']]
    env.cr.execute("UPDATE res_users SET password = NULL, totp_secret = NULL WHERE id <> %s", [admin.id])
    env.cr.execute("DELETE FROM res_users_apikeys")
    admin.write(given['admin'])
    company.write({'name': given['company'], 'country_id': clean['res.country'].search([('code', '=', given['country'])]).id})
    rows = dict(given['parameters'], **{'odoo_fleet.uuid': values['database.uuid']})
    parameters.create([{'key': key, 'value': value} for key, value in rows.items() if key not in stored])
    for key, value in rows.items():
        if key in stored and values[key] != value:
            stored[key].write({'value': value})
    groups = [(6, 0, [clean.ref(name).id for name in given['groups']])]
    clean['res.users'].create(dict(given['owner'], **{given['groups_field']: groups}))
    env.cr.execute(\"\"\"SELECT relname, relkind FROM pg_class WHERE (relkind = 'S' AND relname LIKE 'base%signaling%')
                      OR (relkind = 'r' AND relname LIKE 'orm_signaling_%')\"\"\")
    for relation, kind in env.cr.fetchall():
        if kind == 'S':
            env.cr.execute("SELECT setval(%s, %s)", [relation, given['number']])
        else:
            env.cr.execute("SELECT setval(pg_get_serial_sequence(%s, 'id'), %s)", [relation, given['number']])
            env.cr.execute('INSERT INTO "' + relation + '" DEFAULT VALUES')
else:
    jobs = clean['ir.cron'].search([('id', 'in', [int(part) for part in values['odoo_fleet.quiesced'].split(',')])])
    jobs.write({'active': True})
    stored['odoo_fleet.quiesced'].unlink()
    users = clean['res.users'].search([('login', '=', given['login'])])
    answer['state'] = [values[key] for key in given['keys']] + [admin.login, admin.lang, admin.tz, company.name]
    answer['state'] = answer['state'] + [company.country_id.code, len(users)]
    answer['modules'] = clean['ir.module.module'].search([('state', '=', 'installed')]).mapped('name')
    clean['ir.actions.server'].search([('name', '=', 'least')]).unlink()
action = {'type': 'ir.actions.act_window_close', 'answer': answer}
"""


@dataclass(frozen=True)
class Clone:
    """What one clone is to be: its names, its admin account's and its owner's passwords, its mark."""

    name: str
    password: str
    owner_password: str
    mark: Mapping[str, str]
    parameters: Mapping[str, str]


@dataclass
class LeastScript:
    """Makes clones of one template, several at a time."""

    address: HostAddress
    template: str
    template_password: str
    owner: Mapping[str, Any]
    groups: Sequence[str]
    calls: int = 0
    _numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    async def make(self, clones: Sequence[Clone], at_once: int) -> None:
        """Make all of them."""
        limit = asyncio.Semaphore(at_once)
        async with httpx.AsyncClient(limits=httpx.Limits(max_connections=None), timeout=600) as client:
            known = await self._known(client)

            async def in_turn(clone: Clone) -> None:
                async with limit:
                    await self._one(client, clone, known)

            async with asyncio.TaskGroup() as group:
                for clone in clones:
                    group.create_task(in_turn(clone))

    async def _known(self, client: httpx.AsyncClient) -> Mapping[str, Any]:
        """Read in the template what is the same in all of its clones."""
        uid = await self._call(client, "common", "login", self.template, "admin", self.template_password)
        names = ["group_system", "model_ir_config_parameter"]
        domain = [["module", "=", "base"], ["name", "in", names]]
        rows = await self._execute(
            client, self.template, uid, self.template_password, "ir.model.data", "search_read", domain
        )
        ids = {row["name"]: row["res_id"] for row in rows}
        domain = [["key", "in", [f"{PREFIX}uuid", f"{PREFIX}digest"]]]
        rows = await self._execute(
            client, self.template, uid, self.template_password, "ir.config_parameter", "search_read", domain
        )
        mark = {row["key"]: row["value"] for row in rows}
        return {"uid": uid, **ids, "template": [mark[f"{PREFIX}uuid"], mark[f"{PREFIX}digest"]]}

    async def _one(self, client: httpx.AsyncClient, clone: Clone, known: Mapping[str, Any]) -> None:
        number, is_19 = next(self._numbers), self.address.version == "19"
        building, uid, groups = f"least-{number}.{clone.name}", known["uid"], "group_ids" if is_19 else "groups_id"
        assert await self._call(client, "db", "db_exist", clone.name) is False
        master = self.address.master_password
        assert await self._call(client, "db", "duplicate_database", master, self.template, building) is True
        values = {
            "name": "least",
            "model_id": known["model_ir_config_parameter"],
            "state": "code",
            "code": CODE,
            groups: [[6, 0, [known["group_system"]]]],
        }
        made = [building, uid, self.template_password, "ir.actions.server"]
        action = await self._execute(client, *made, "create", values)
        given = {
            "first": True,
            "admin": {"password": clone.password, "lang": "en_US", "tz": "Europe/Brussels"},
            "company": "Customer SA",
            "country": "BE",
            "parameters": {**clone.parameters, **clone.mark},
            "owner": {**self.owner, "password": clone.owner_password},
            "groups": list(self.groups),
            "groups_field": groups,
            "number": 100_000_000 + number,
        }
        first = (await self._execute(client, *made, "run", [action], context={"given": given}))["answer"]
        assert first["template"] == known["template"]
        assert first["files"]
        assert all(first["files"].values())
        for password in (self.template_password, "admin"):
            assert await self._call(client, "common", "login", building, "admin", password) is False
        given = {"first": False, "keys": sorted(clone.parameters), "login": self.owner["login"]}
        own = [building, uid, clone.password, "ir.actions.server"]
        second = (await self._execute(client, *own, "run", [action], context={"given": given}))["answer"]
        expected = ["admin", "en_US", "Europe/Brussels", "Customer SA", "BE", 1]
        assert second["state"] == [clone.parameters[key] for key in sorted(clone.parameters)] + expected
        assert {"base", "web", "mail", "contacts"} <= set(second["modules"])
        if not is_19:
            await self._forgotten(client, clone.name)
        assert await self._call(client, "db", "rename", master, building, clone.name) is True
        newest = sorted(map(int, first["files"]))[-200:]
        rows = await self._execute(
            client,
            *(clone.name, uid, clone.password, "ir.attachment", "search_read"),
            [["id", "in", newest]],
            ["datas"],
            context={"bin_size": True},
        )
        assert rows
        assert all(row["datas"] for row in rows)

    async def _forgotten(self, client: httpx.AsyncClient, name: str) -> None:
        """Make the workers forget the name, in which 14 would take a former password once each: all of these calls fail."""
        params = {"service": "db", "method": "rename", "args": [self.address.master_password, name, name]}
        body = {"jsonrpc": "2.0", "method": "call", "id": 1, "params": params}
        self.calls += _WORKERS_REACHED
        await asyncio.gather(*(client.post(f"{self.address.url}/jsonrpc", json=body) for _ in range(_WORKERS_REACHED)))

    async def _execute(
        self,
        client: httpx.AsyncClient,
        database: str,
        uid: int,
        password: str,
        model: str,
        method: str,
        *args: Any,
        **kw: Any,
    ) -> Any:
        words = (database, uid, password, model, method, list(args), kw)
        return await self._call(client, "object", "execute_kw", *words)

    async def _call(self, client: httpx.AsyncClient, service: str, method: str, *args: Any) -> Any:
        self.calls += 1
        params = {"service": service, "method": method, "args": args}
        body = {"jsonrpc": "2.0", "method": "call", "id": 1, "params": params}
        answer = await client.post(f"{self.address.url}/jsonrpc", json=body)
        found = answer.json()
        assert "error" not in found, (method, found["error"])
        return found.get("result")
