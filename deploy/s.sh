#!/usr/bin/env bash
# The Serverless Devs CLI of a pinned version, in a cache of the project. Arguments are those of `s`:
#
#   deploy/s.sh preview -t s.yaml -o json
#   deploy/s.sh verify -t s.prod.yaml        offline, against deploy/schema.json
#   deploy/s.sh deploy -t s.prod.yaml
#
# preview and verify need neither account nor network once the CLI is there, and it is kept from reporting usage and from leaving
# background processes behind. Everything else runs as `s` itself would, with the user's own credentials (`deploy/s.sh config add`).
set -euo pipefail

version=3.1.10
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${QIANFAN_S_CACHE:-$here/../.cache}/s-$version
cli=$cache/node_modules/.bin/s

for tool in node npm; do
	command -v "$tool" >/dev/null || { echo "deploy/s.sh: $tool is missing: install Node.js 18 or later" >&2; exit 127; }
done

# install makes the cache aside and moves it into place, so that two runs at once and a broken download do no harm.
install() {
	local aside
	mkdir -p "$(dirname "$cache")"
	aside=$(mktemp -d "$cache.XXXXXX")
	trap 'rm -rf "$aside"' EXIT
	echo "deploy/s.sh: installing @serverless-devs/s $version into ${cache#"$PWD/"}" >&2
	npm install --prefix "$aside" --no-save --no-audit --no-fund --ignore-scripts --loglevel=error "@serverless-devs/s@$version" >&2
	if [ ! -x "$cli" ]; then # nobody else was faster
		rm -rf "$cache"
		mv "$aside" "$cache"
	fi
	rm -rf "$aside"
	trap - EXIT
}
[ -x "$cli" ] || install

case ${1:-} in
preview | verify)
	# A home of its own, and the switch by which the CLI starts no background process at all.
	export serverless_devs_config_home=$cache/home NODE_ENV=test
	mkdir -p "$serverless_devs_config_home/.s"
	echo 'analysis: disable' >"$serverless_devs_config_home/.s/set-config.yml"
	;;
esac
if [ "${1:-}" = verify ]; then
	export FC_COMPONENT=$here/component/fc3 FC_DOMAIN_COMPONENT=$here/component/fc3-domain
fi
exec "$cli" "$@"
