#!/usr/bin/env bash
# A real MySQL server (the newest of Debian sid) in a root of its own, beside whatever server the machine has. Nothing of the
# machine changes except, when it is missing, the package debootstrap.
#
#   local/services/mysql.sh install DIR    make the root, or say that it is there; prints the path of its mysqld
#   local/services/mysql.sh path DIR       print the path of its mysqld, or fail
#
# The printed path is what QIANFAN_SQL_SERVER wants: the server is run by the root's own loader and libraries, so that it needs
# neither chroot nor the machine's libc. Packages come from the Debian archive that this machine's apt uses, or from
# QIANFAN_DEBIAN_MIRROR.
set -euo pipefail

suite=sid
work= # the root while it is being made
packages=mysql-server-core,mysql-client-core

fail() {
	printf 'mysql.sh: %s\n' "$*" >&2
	exit 1
}

usage() {
	sed -n '2,/^set -euo/{/^set -euo/d;s/^# \{0,1\}//;p}' "$0"
}

as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi; }

# server prints the path of the mysqld inside a finished root.
server() {
	[ -e "$1/.qianfan-complete" ] && [ -x "$1/usr/sbin/mysqld" ] || return 1
	printf '%s\n' "$1/usr/sbin/mysqld"
}

# mirror is the first Debian archive of this machine's apt, not that of security updates.
mirror() {
	if [ -n "${QIANFAN_DEBIAN_MIRROR:-}" ]; then
		printf '%s\n' "$QIANFAN_DEBIAN_MIRROR"
		return
	fi
	command -v apt-get >/dev/null || fail 'no apt-get: name a Debian archive in QIANFAN_DEBIAN_MIRROR'
	local found
	# shellcheck disable=SC2016 # apt-get fills in the address
	found=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | sed -n 's,/*$,,; /\/debian$/p' | head -n 1)
	[ -n "$found" ] || fail 'apt has no Debian archive (deb … /debian …): name one in QIANFAN_DEBIAN_MIRROR'
	printf '%s\n' "$found"
}

# proxy lets debootstrap reach the archive as apt does.
proxy() {
	[ -z "${http_proxy:-}" ] || return 0
	local configured
	configured=$(apt-config dump --format '%v%n' Acquire::http::Proxy 2>/dev/null | head -n 1)
	[ -z "$configured" ] || export http_proxy=$configured
}

need_debootstrap() {
	PATH=$PATH:/usr/sbin command -v debootstrap >/dev/null && return
	command -v apt-get >/dev/null || fail 'debootstrap is missing and there is no apt-get to install it'
	as_root true 2>/dev/null || fail 'debootstrap is missing: run as root, or sudo apt-get install debootstrap'
	as_root env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends debootstrap >&2 ||
		fail 'installing debootstrap failed (apt-get update may help)'
}

install() {
	local dir=$1 parent base
	parent=$(dirname "$dir")
	base=$(basename "$dir")
	mkdir -p "$parent" || fail "cannot make $parent"
	dir=$(cd "$parent" && pwd)/$base
	if [ -n "$(ls -A "$dir" 2>/dev/null)" ] && ! server "$dir" >/dev/null; then
		fail "$dir is there and is not ours: choose another directory"
	fi
	exec 9>"$dir.lock" || fail "cannot write beside $dir"
	flock 9 # another installer of the same root goes first
	if server "$dir"; then return; fi
	as_root true 2>/dev/null || fail 'making a root needs root, or a user who may sudo -n'
	need_debootstrap
	proxy
	local source
	source=$(mirror)

	work=$(mktemp -d "$dir.XXXXXX") || fail "cannot make a directory beside $dir"
	trap 'as_root rm -rf --one-file-system "$work"' EXIT
	chmod 755 "$work"
	# Only unpacked: no package's scripts run, so nothing is mounted, no user is made and no service is thought of.
	printf 'mysql.sh: making a root of Debian %s with %s in %s (550 MB, a minute)\n' "$suite" "$packages" "$dir" >&2
	PATH=$PATH:/usr/sbin as_root env ${http_proxy:+http_proxy="$http_proxy"} debootstrap --variant=minbase --foreign \
		--include="$packages" "$suite" "$work" "$source" 2>&1 | { grep -v '^I: ' >&2 || true; } ||
		fail "debootstrap failed; $work/debootstrap/debootstrap.log said: $(as_root tail -n 3 "$work/debootstrap/debootstrap.log" 2>/dev/null || true)"
	local archive
	for archive in "$work"/var/cache/apt/archives/*.deb; do
		as_root dpkg-deb -x "$archive" "$work" || fail "cannot unpack $archive"
	done
	as_root rm -rf "$work/debootstrap" "$work/var/cache/apt/archives"
	[ -x "$work/usr/sbin/mysqld" ] || fail "the packages $packages of $suite have no usr/sbin/mysqld"
	as_root touch "$work/.qianfan-complete"
	as_root rm -rf --one-file-system "$dir"
	as_root mv -T "$work" "$dir"
	trap - EXIT
	server "$dir"
}

case ${1:-} in
install | path)
	if [ $# != 2 ] || [ -z "$2" ]; then fail "$1: want one directory (see mysql.sh help)"; fi
	if [ "$1" = install ]; then install "$2"; else server "$2" || fail "$2 has no server: run mysql.sh install $2"; fi
	;;
help | -h | --help) usage ;;
*)
	usage >&2
	exit 2
	;;
esac
