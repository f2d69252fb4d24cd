#!/usr/bin/env bash
# Brings up local/docker-compose.yml under a name of its own, on free ports, with empty volumes; lets customers order; checks what
# became of the orders, the money, the gateway's log, metrics and traces; takes everything down and proves that nothing is left.
#
#   local/compose/test.sh [ORDERS]      200 by default
#
# Uses the Docker engine that answers, or else, as root, one that it starts and stops. Images are stand-ins that local/images/build.sh
# builds first, unless QIANFAN_TEST_IMAGES=given: then they are what QIANFAN_IMAGE_… or the compose file say.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/qianfan
project=qianfan-test-$$
orders=${1:-200}
up_within=600     # seconds, from nothing to healthy
settle_within=900 # seconds, from the last push to the last order closed
work=$(mktemp -d)
engine= # pid of the Docker engine, if it is ours
brought_up=no

say() { printf '%4ds  %s\n' "$SECONDS" "$*"; }
ok() { say "ok     $*"; }
fail() {
	say "FAILED $*" >&2
	exit 1
}

# cannot ends with 77: the machine does not allow the test.
cannot() {
	say "not run: $*" >&2
	exit 77
}

need() { # program, Debian package
	PATH=$PATH:/usr/sbin command -v "$1" >/dev/null || fail "$1 is missing: apt-get install -y --no-install-recommends $2"
}

# until_true waits for a command to succeed.
until_true() { # seconds, what, command…
	local limit=$((SECONDS + $1)) what=$2
	shift 2
	until "$@"; do
		[ "$SECONDS" -lt "$limit" ] || fail "$what: not in time"
		sleep 1
	done
}

# --- the engine

start_engine() {
	if docker info >/dev/null 2>&1; then
		say "Docker engine $(docker version --format '{{.Server.Version}}')"
		return
	fi
	[ "$(id -u)" = 0 ] || cannot 'no Docker engine answers, and only root can start one'
	PATH=$PATH:/usr/sbin command -v dockerd >/dev/null || cannot 'no Docker engine answers, and none is installed: apt-get install -y docker.io'
	need iptables iptables
	PATH=$PATH:/usr/sbin
	export DOCKER_HOST=unix://$work/docker.sock
	iptables-save >"$work/iptables"
	iptables --list-rules FORWARD | sed -n 's/^-P //p' >"$work/forward"
	# No bridge of its own: the set has a network, and images are built on the machine's.
	setsid dockerd --data-root "$cache/docker" --exec-root "$work/exec" --pidfile "$work/docker.pid" --bridge none \
		--host "$DOCKER_HOST" >"$work/dockerd.log" 2>&1 </dev/null &
	engine=$!
	until_true 60 'starting a Docker engine' engine_answers
	say "Docker engine $(docker version --format '{{.Server.Version}}'), started for this test"
}

engine_answers() {
	docker info >/dev/null 2>&1 && return
	kill -0 "$engine" 2>/dev/null || {
		tail -n 5 "$work/dockerd.log" >&2
		cannot 'a Docker engine does not run here, see above'
	}
	return 1
}

# stop_engine ends our engine, and takes away what an engine leaves: a mount and its packet filter rules.
stop_engine() {
	[ -n "$engine" ] || return 0
	kill "$engine" 2>/dev/null || true
	wait "$engine" 2>/dev/null || true
	awk -v dir="$work/" 'index($2, dir) == 1 { print $2 }' /proc/self/mounts | sort -r | xargs -r -n 1 umount
	if ! grep -q DOCKER "$work/iptables"; then
		iptables-save | grep -v DOCKER | iptables-restore
		xargs iptables --policy <"$work/forward"
	fi
	if kill -0 "$engine" 2>/dev/null || grep -q " $work/" /proc/self/mounts; then
		say 'FAILED the Docker engine left something behind' >&2
		return 1
	fi
	ok 'the Docker engine is stopped'
}

# --- the set

compose() {
	if docker compose version >/dev/null 2>&1; then
		docker compose --project-name "$project" --file "$root/local/docker-compose.yml" "$@"
	else
		docker-compose --project-name "$project" --file "$root/local/docker-compose.yml" "$@"
	fi
}

ours() { docker "$@" --quiet --filter "label=com.docker.compose.project=$project"; }

# states prints a line for each container: service, status, exit code, health, id.
states() {
	local ids
	ids=$(ours ps --all)
	# shellcheck disable=SC2086 # a word each
	[ -z "$ids" ] || docker inspect $ids | jq -r \
		'.[] | [.Config.Labels["com.docker.compose.service"], .State.Status, .State.ExitCode, .State.Health.Status // "none", .Id] | join(" ")'
}

# bad and pending read states.
bad() { awk '$2 == "restarting" || $2 == "dead" || ($2 == "exited" && ($3 != 0 || $1 !~ /^(topics|rocketmq-setup)$/))'; }
pending() { awk '!(($2 == "running" && $4 == "healthy") || ($2 == "exited" && $3 == 0))'; }

none_ended() {
	local ended
	ended=$(states | bad)
	[ -z "$ended" ] || fail "a service ended: $(cut -d ' ' -f 1-3 <<<"$ended" | paste -sd ';')"
}

all_healthy() {
	none_ended
	[ -z "$(states | pending)" ]
}

id_of() { states | awk -v service="$1" '$1 == service { print $5 }'; }

url_of() { # service, port inside
	local published
	published=$(docker port "$(id_of "$1")" "$2") || fail "$1 publishes no port for $2"
	printf 'http://%s\n' "$published"
}

bring_up() {
	local variable
	if [ "${QIANFAN_TEST_IMAGES:-stand-ins}" != given ]; then
		"$root/local/images/build.sh"
		variable=$("$root/local/images/build.sh" env)
		eval "$variable"
	fi
	for variable in $(grep -o 'QIANFAN_PORT_[A-Z_]*' "$root/local/docker-compose.yml"); do
		export "$variable=0" # any free one
	done
	export QIANFAN_ORDERS=0 QIANFAN_SPEED=10 QIANFAN_FAULTS=none QIANFAN_UP_ARGS="--haste 10"
	brought_up=yes
	local began=$SECONDS
	timeout "$up_within" bash -c "$(declare -f compose); project=$project root=$root; compose up --detach" >"$work/up.log" 2>&1 || {
		tail -n 20 "$work/up.log" >&2
		fail 'docker compose up'
	}
	until_true "$up_within" 'every service healthy' all_healthy
	ok "every service is healthy, after $((SECONDS - began)) s"
	gateway=$(url_of nginx 80)
	console=$(url_of emulator 9010)
	prometheus=$(url_of prometheus 9090)
	jaeger=$(url_of jaeger 16686)
	otlp=$(url_of jaeger 4318)
}

explain() { # prints what was said by services that are not as they should be, or by all that matter
	states | while read -r service status code health id; do
		printf -- '--- %s: %s (%s), %s\n' "$service" "$status" "$code" "$health"
		case $service/$status/$code/$health in
		*/running/*/healthy) [ "$service" != emulator ] || docker logs --tail 40 "$id" 2>&1 ;;
		*/exited/0/*) ;;
		*)
			docker inspect "$id" | jq -r '.[0].State.Health.Log[-1].Output // empty'
			docker logs --tail 40 "$id" 2>&1
			;;
		esac
	done >&2
}

take_down() {
	[ "$brought_up" = yes ] || return 0
	compose down --volumes --remove-orphans >"$work/down.log" 2>&1 || {
		tail -n 20 "$work/down.log" >&2
		say 'FAILED docker compose down' >&2
		return 1
	}
	local left
	left=$(ours ps --all && ours volume ls && ours network ls)
	if [ -n "$left" ]; then
		say "FAILED left behind: $left" >&2
		return 1
	fi
	ok 'down: no container, volume or network is left'
}

finish() {
	local code=$?
	trap - EXIT
	trap '' INT TERM # nothing may come between
	[ "$code" = 0 ] || [ "$code" = 77 ] || explain || true
	take_down || code=1
	stop_engine || code=1
	rm -rf "$work" || code=1
	if [ "$code" = 0 ]; then say 'all is well'; else say "ended with $code" >&2; fi
	exit "$code"
}

# --- the checks

get() { curl -fsS --max-time 20 "$@"; }

# holds asserts something of a JSON document.
holds() { # document, what, jq expression, jq arguments…
	local document=$1 what=$2 expression=$3
	shift 3
	jq -e "$@" "$expression" "$document" >/dev/null || {
		jq -c . "$document" | cut -c 1-2000 >&2
		fail "$what: not so: $expression"
	}
	ok "$what"
}

# answers prints status and body of a call through the gateway.
answers() { # method, path
	curl -sS --max-time 20 --request "$1" --write-out '\n%{http_code}' "$gateway$2" | jq -Rsr 'rtrimstr("\n") | split("\n") | [.[-1], (.[0] | fromjson? | .Code // "")] | join(" ")'
}

check_routes() {
	local declared served path
	declared=$(sed -n 's,^ *- path: \(/.*\)$,\1,p' "$root/s.yaml" | sort)
	served=$(sed -n 's,^ *location ~ ^/(\(.*\))/ {$,\1,p' "$here/nginx.conf" | tr '|' '\n' | sed 's,.*,/&/*,' | sort)
	[ -n "$declared" ] && [ "$declared" = "$served" ] || fail "routes of nginx.conf ($(paste -sd ' ' <<<"$served")) are not those of s.yaml ($(paste -sd ' ' <<<"$declared"))"
	for path in $declared; do
		curl -sS --max-time 20 --output /dev/null --dump-header - "$gateway${path%\*}nobody" >"$work/headers"
		grep -qi '^x-fc-request-id:' "$work/headers" || fail "$path does not reach a function: $(head -n 1 "$work/headers")"
		[ "$(answers DELETE "${path%\*}nobody")" = '405 MethodNotAllowed' ] || fail "DELETE on $path is not refused"
	done
	[ "$(answers GET /somewhere)" = '404 RouteNotFound' ] || fail 'a path without a route is not refused'
	ok "the gateway has the routes of s.yaml: $(paste -sd ' ' <<<"$declared")"
}

let_customers_order() {
	seq "$orders" | xargs -P 4 -I '{}' curl -fsS --max-time 60 --request POST "$console/api/platforms/meituan/orders" >"$work/placed.json" ||
		fail 'a customer could not order'
	[ "$(jq -r .no "$work/placed.json" | sort -u | wc -l)" = "$orders" ] || fail "not $orders order numbers"
	ok "$orders orders are with the simulated platform"
}

settled() {
	if ! get "$console/api/status" >"$work/status.json"; then
		none_ended
		return 1
	fi
	if [ $((SECONDS / 20)) != "$shown" ]; then
		shown=$((SECONDS / 20))
		say "       $(jq -c '.orders' "$work/status.json")"
	fi
	jq -e --argjson n "$orders" '.orders | .pushed >= $n and .accepted + .refused == .pushed and .open == 0' "$work/status.json" >/dev/null
}

check_outcome() {
	until_true "$settle_within" 'every order closed' settled
	holds "$work/status.json" 'orders: all accepted, 99 % delivered' '.orders | .refused == 0 and .accepted == $n and .delivered * 100 >= $n * 99' --argjson n "$orders"
	holds "$work/status.json" 'placements add up' '.attempts | .placed == .won + .lost + .cancelled and .won > 0'
	holds "$work/status.json" "services: $(jq -r '[.store, .broker, .cache] | join(", ")' "$work/status.json")" \
		'(.store | test("mysql|mariadb"; "i")) and (.broker | startswith("rocketmq ")) and (.cache | test("^redis [0-9]"))'
	get "$console/api/invariants" >"$work/invariants.json"
	holds "$work/invariants.json" 'invariants hold' '.checked > 0 and (.violated | length) == 0'
	holds "$work/invariants.json" "our books match the carriers'" '.books.matched and .books.differences == 0'
	get "$console/api/ledger/entries?limit=1000000" >"$work/entries.json"
	holds "$work/entries.json" 'debits equal credits in every transaction' \
		'.entries | length > 0 and (group_by(.transaction) | all(map(if .direction == "debit" then .amount_fen else -.amount_fen end) | add == 0))'
}

check_rights() {
	local said
	# shellcheck disable=SC2016 # the container's variables
	if said=$(docker exec "$(id_of mysql)" sh -c 'MYSQL_PWD="$MYSQL_PASSWORD" mysql -h 127.0.0.1 -u "$MYSQL_USER" -e "UPDATE ledger_entry SET amount_fen = 1" "$MYSQL_DATABASE"' 2>&1); then
		fail "the functions' user can change the ledger"
	fi
	grep -q 'ERROR 1142' <<<"$said" || fail "the functions' user was refused otherwise: $said"
	ok "the functions' user cannot change the ledger"
}

check_gateway_log() {
	local carrier callbacks seen total=0
	docker logs "$(id_of nginx)" 2>/dev/null | jq -R 'fromjson? | select(.path)' | jq -s . >"$work/access.json"
	holds "$work/access.json" 'every push went through nginx' \
		'[.[] | select(.method == "POST" and .status == 200 and (.path | startswith("/upstream/meituan/")))] | length >= $n' --argjson n "$orders"
	for carrier in uupt shansong sftc fengniao; do
		get "$console/api/carriers/$carrier/books" >"$work/books.json"
		callbacks=$(jq '[.orders[].callbacks | if type == "array" then length else . end] | add // 0' "$work/books.json")
		seen=$(jq --arg p "/carrier/$carrier" '[.[] | select(.path == $p and .status == 200)] | length' "$work/access.json")
		[ "$seen" -ge "$callbacks" ] || fail "$carrier called back $callbacks times, nginx saw $seen"
		total=$((total + callbacks))
		ok "callbacks of $carrier went through nginx: $seen"
	done
	[ "$total" -ge "$orders" ] || fail "the carriers called back $total times for $orders orders"
	holds "$work/access.json" 'the log names no person' \
		'(map(keys) | add | unique) - ["time","id","method","path","status","bytes_in","bytes_out","seconds","upstream_status","upstream_seconds"] == []
			and all(.path | test("[?]|1[3-9][0-9]{9}(?![0-9])") | not)'
}

scraped() {
	get "$prometheus/api/v1/targets" >"$work/targets.json"
	get --get --data-urlencode 'query=sum(qianfan_orders)' "$prometheus/api/v1/query" >"$work/query.json"
	jq -e '.data.activeTargets | length == 2 and all(.health == "up")' "$work/targets.json" >/dev/null &&
		jq -e --argjson n "$orders" '.data.result[0].value[1] | tonumber >= $n' "$work/query.json" >/dev/null
}

traced() {
	get "$jaeger/api/traces/$trace" >"$work/trace.json" 2>/dev/null &&
		jq -e '.data[0].spans | length == 1' "$work/trace.json" >/dev/null
}

stages_traced() {
	get "$jaeger/api/services" >"$work/traced.json" &&
		jq -e '["callback", "dispatch", "intake", "quote", "report", "settle"] - .data == []' "$work/traced.json" >/dev/null
}

check_observers() {
	until_true 30 'Prometheus sees the orders' scraped
	ok "Prometheus: $(jq -r '.data.activeTargets | map(.labels.job + " " + .health) | join(", ")' "$work/targets.json")"
	local now
	trace=$(head -c 16 /dev/urandom | od -An -tx1 | tr -d ' \n')
	now=$(date +%s)
	get --request POST "$otlp/v1/traces" --header 'Content-Type: application/json' --output /dev/null --data \
		'{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"compose-test"}}]},"scopeSpans":[{"spans":[{"traceId":"'"$trace"'","spanId":"00000000000000a1","name":"probe","kind":1,"startTimeUnixNano":"'"$now"'000000000","endTimeUnixNano":"'"$now"'000000001"}]}]}]}'
	until_true 30 'Jaeger shows a span that it was sent' traced
	ok 'Jaeger takes OTLP and shows it'
	until_true 30 'Jaeger has traces of every stage' stages_traced
	ok "Jaeger has traces of $(jq -r '.data | sort | join(", ")' "$work/traced.json")"
}

# --- all together

[[ $orders =~ ^[1-9][0-9]*$ ]] || fail "ORDERS is $orders: want a number above 0"
shown=0
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
need curl curl
need jq jq
need docker docker.io
start_engine
docker compose version >/dev/null 2>&1 || need docker-compose docker-compose
bring_up
check_routes
let_customers_order
check_outcome
check_rights
check_gateway_log
check_observers
