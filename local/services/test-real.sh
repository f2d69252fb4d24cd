#!/usr/bin/env bash
# The conformance, store and end-to-end suites on real services: RocketMQ 5, MySQL, MariaDB and Redis as private processes, and
# the whole of local/docker-compose.yml where a Docker engine answers or root can start one. Every part runs, so that one run
# shows all that is wrong; it ends 0 only if all are well. What cannot run here says why.
#
#   local/services/test-real.sh [PART…]     conformance services store e2e compose; all by default
#
# QIANFAN_AWAY (1m) is how long the broker stays away in the e2e part, TIMEOUT (25m) the limit of one Go test program.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

timeout=${TIMEOUT:-25m}
cache=${XDG_CACHE_HOME:-$HOME/.cache}/qianfan
summary=()
failed=0

# part NAME COMMAND… runs the command and notes how it ended and how long it took.
part() {
	local name=$1 began=$SECONDS result=ok
	shift
	printf '\n--- test-real: %s\n' "$name"
	"$@" || {
		result="FAILED ($?)"
		[ "$result" != 'FAILED (77)' ] || result='not run, see above'
	}
	case $result in FAILED*) failed=1 ;; esac
	summary+=("$(printf '%-12s %5ds  %s' "$name" $((SECONDS - began)) "$result")")
}

skip() { # name, reason
	printf '\n--- test-real: %s: not run: %s\n' "$1" "$2"
	summary+=("$(printf '%-12s        not run: %s' "$1" "$2")")
}

real() { go test -tags real -count=1 -timeout "$timeout" "$@"; }

conformance() { real -v -run '^TestRealConformance$' ./local/rocketmq/conformance; }

services() { real -run '^(TestReal|TestRedis)' ./local/services ./local/trigger; }

e2e() { real -v -run '^TestReal' ./local/emulator; }

# store runs on the MySQL of mysql.sh; `make test` has run it on the server of this machine.
store() {
	local server
	server=$(local/services/mysql.sh install "$cache/mysql") &&
		QIANFAN_SQL_SERVER=$server real ./shared/store/...
}

processes() { # what the parts without containers need
	local tool
	for tool in java mvn redis-server; do
		command -v "$tool" >/dev/null || {
			echo "$tool is missing; on Debian: apt-get install -y --no-install-recommends openjdk-17-jre-headless maven redis-server" >&2
			return 1
		}
	done
}

parts=("$@")
[ $# -gt 0 ] || parts=(conformance services store e2e compose)
for p in "${parts[@]}"; do
	case $p in
	conformance | services | e2e)
		if processes; then part "$p" "$p"; else part "$p" false; fi
		;;
	store)
		if [ "$(id -u)" = 0 ] || sudo -n true 2>/dev/null; then part store store; else skip store 'a root for MySQL needs root'; fi
		;;
	compose)
		part compose local/compose/test.sh # ends with 77 where no engine can run
		;;
	*)
		echo "test-real.sh: no part $p: conformance services store e2e compose" >&2
		exit 2
		;;
	esac
done

printf '\n--- test-real: summary\n'
printf '%s\n' "${summary[@]}"
exit "$failed"
