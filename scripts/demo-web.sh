#!/bin/sh
# The page on simulated hosts: the sample fleet converged by a daemon, a token for each role, and the address to open.
# The hosts and the store keep what they hold in .odoo-fleet, as those of `make demo` do.
set -eu
cd "$(dirname "$0")/.."
run=.venv/bin/odoo-fleet
data=.odoo-fleet/demo-hosts
log=.odoo-fleet/demo-hosts.log
address=${DEMO_LISTEN:-127.0.0.1:9469}
mkdir -p .odoo-fleet

$run simulate --data "$data" >"$log" 2>&1 &
hosts=$!
daemon=
trap 'kill $daemon $hosts 2>/dev/null || true' EXIT
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

for role in user manager admin; do
  $run token revoke "demo-$role" >/dev/null 2>&1 || true
  printf '%-8s %s\n' "$role" "$($run token new --role $role --name "demo-$role")"
done
echo
echo "Open http://$address/ and log in with one of these tokens. Ctrl-C ends it."
$run daemon --page --api --listen "$address" --interval 20 --log-level warning &
daemon=$!
wait $daemon
