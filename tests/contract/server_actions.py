"""Server actions, by which the sequence numbers can be set that workers compare. Nothing else does it by RPC."""

from tests.contract.wire import Account

MODEL = "ir.actions.server"

_NUMBERS = """\
number = {number}
env.cr.execute('''SELECT relname, relkind FROM pg_class WHERE (relkind = 'S' AND relname LIKE 'base%signaling%')
               OR (relkind = 'r' AND relname LIKE 'orm_signaling_%')''')
for relation, kind in env.cr.fetchall():
    if kind == 'S':
        env.cr.execute("SELECT setval(%s, %s)", [relation, number])
    else:
        env.cr.execute("SELECT setval(pg_get_serial_sequence(%s, 'id'), %s)", [relation, number])
        env.cr.execute('INSERT INTO "' + relation + '" DEFAULT VALUES')
"""


def setting_numbers(number: int) -> str:
    """The code that sets every sequence to the number."""
    return _NUMBERS.format(number=number)


def make_action(account: Account, code: str) -> int:
    """Make an action of this code; gives its id."""
    (model,) = account.call("ir.model", "search", [["model", "=", "ir.config_parameter"]])
    values = {"name": "ours", "model_id": model, "state": "code", "code": code}
    made: int = account.call(MODEL, "create", values)
    return made


def set_numbers(account: Account, number: int) -> None:
    """Set every sequence to the number, or a few above it: workers that take notice may count some of them on."""
    action = make_action(account, setting_numbers(number))
    account.call(MODEL, "run", [action])
    account.call(MODEL, "unlink", [action])
