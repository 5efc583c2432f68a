#!/bin/sh
# The quick start: simulated hosts for the sample fleet, one apply before your eyes, and what to try next.
# The hosts keep what they hold in .odoo-fleet/demo-hosts, so that a second run finds nothing to do.
set -eu
cd "$(dirname "$0")/.."
run=.venv/bin/odoo-fleet
data=.odoo-fleet/demo-hosts
log=.odoo-fleet/demo-hosts.log
mkdir -p .odoo-fleet

if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then
  say() { printf '\n\033[1m%s\033[0m\n' "$*"; }
else
  say() { printf '\n%s\n' "$*"; }
fi

say "1. Three simulated Odoo hosts (two of version 19, one of 14) on 127.0.0.1"
$run simulate --data "$data" >"$log" 2>&1 &
hosts=$!
trap 'kill $hosts 2>/dev/null || true' EXIT
trap 'exit 130' INT TERM
tries=0
until grep -q "Serving until" "$log"; do
  tries=$((tries + 1))
  if ! kill -0 $hosts 2>/dev/null || [ $tries -gt 100 ]; then
    echo "The simulated hosts did not start (does another demo run?):" >&2
    cat "$log" >&2
    exit 1
  fi
  sleep 0.1
done
cat "$log"

say "2. odoo-fleet validate: what the YAML in fleet/ says"
$run validate

say "3. odoo-fleet apply --yes: make the hosts match it"
$run apply --yes

say "4. odoo-fleet status: declared beside observed"
$run status

say "What to try next"
cat <<'NEXT'
The hosts run until you press Ctrl-C here. In a second terminal, in this place:

  .venv/bin/odoo-fleet plan                      nothing to do, says which looks
  $EDITOR fleet/instances/acme.yaml              a company, state: suspended
  .venv/bin/odoo-fleet plan                      exactly that line's consequence
  .venv/bin/odoo-fleet apply                     shows it, asks, does it
  .venv/bin/odoo-fleet history instance/acme     what was done, when, by whom
  .venv/bin/odoo-fleet plan --refresh            looks into every database now
  .venv/bin/odoo-fleet daemon                    does it all by itself
  .venv/bin/odoo-fleet simulate --help           hosts that lie, hang and die
  .venv/bin/odoo-fleet secret show instance/acme admin_password

docs/second-day.md has what to practise: a customer leaves, the key is lost, a
host dies. To begin again: git checkout fleet; rm -r .odoo-fleet
NEXT
if [ -t 0 ] && [ -t 1 ]; then
  wait $hosts
fi
