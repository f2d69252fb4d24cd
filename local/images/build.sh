#!/usr/bin/env bash
# Builds stand-ins for the images of local/docker-compose.yml where those cannot be pulled: from Debian packages, RocketMQ's
# Maven artifacts, Jaeger's Go modules, and this source tree.
#
#   local/images/build.sh          build what is missing or has changed; ends with a list of images and sizes
#   local/images/build.sh env      print the variables that make the compose file use them
#
# Needs root (or sudo -n) for debootstrap, a Docker engine, Go, Maven and Java; says what is missing. Downloads are kept in the
# user's cache directory, layers by the engine. Packages come from the archive of this machine's apt, or QIANFAN_DEBIAN_MIRROR.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/qianfan
prefix=qianfan-standin
base=$prefix/base:bookworm
rocketmq_version=5.5.0
jaeger_version=v1.62.0
names=(mysql redis rocketmq nginx prometheus jaeger emulator)
export DOCKER_BUILDKIT=0 # part of every engine; the newer builder is not
work=

fail() {
	printf 'build.sh: %s\n' "$*" >&2
	exit 1
}

as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi; }

need() { # program, Debian package
	PATH=$PATH:/usr/sbin command -v "$1" >/dev/null || fail "$1 is missing: apt-get install -y --no-install-recommends $2"
}

say() { printf '%4ds  %s\n' "$SECONDS" "$*"; }

exists() { docker image inspect "$1" >/dev/null 2>&1; }

mirror() {
	if [ -n "${QIANFAN_DEBIAN_MIRROR:-}" ]; then
		printf '%s\n' "$QIANFAN_DEBIAN_MIRROR"
		return
	fi
	local found=
	found=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 2>/dev/null | sed -n 's,/*$,,; /\/debian$/p' | head -n 1) || true
	printf '%s\n' "${found:-http://deb.debian.org/debian}"
}

# proxy is apt's, for debootstrap and for apt inside of builds.
proxy() {
	if [ -n "${http_proxy:-}" ]; then
		printf '%s\n' "$http_proxy"
	elif command -v apt-config >/dev/null; then
		apt-config dump --format '%v%n' Acquire::http::Proxy 2>/dev/null | head -n 1
	fi
}

# import makes an image of a directory.
import() { # directory, image
	as_root tar -C "$1" --numeric-owner --one-file-system -c . | docker import - "$2" >/dev/null
}

# build_base is the root that all stand-ins but MySQL's have in common.
build_base() {
	exists "$base" && return
	local tarball=$cache/base-bookworm.tar.gz
	if [ ! -e "$tarball" ]; then
		need debootstrap debootstrap
		as_root env ${via:+http_proxy="$via"} PATH="$PATH:/usr/sbin:/sbin" debootstrap --variant=minbase --include=ca-certificates,wget \
			bookworm "$work/base" "$(mirror)" >"$work/debootstrap.log" 2>&1 || {
			tail -n 5 "$work/debootstrap.log" >&2
			fail 'debootstrap failed'
		}
		# Packages must not start services while they are installed, and need no manuals.
		printf '#!/bin/sh\nexit 101\n' | as_root tee "$work/base/usr/sbin/policy-rc.d" >/dev/null
		as_root chmod 755 "$work/base/usr/sbin/policy-rc.d"
		printf 'path-exclude=/usr/share/%s/*\n' doc man locale | as_root tee "$work/base/etc/dpkg/dpkg.cfg.d/small" >/dev/null
		printf '%s\n' 'APT::Keep-Downloaded-Packages "false";' 'Dir::Cache::pkgcache "";' 'Dir::Cache::srcpkgcache "";' |
			as_root tee "$work/base/etc/apt/apt.conf.d/small" >/dev/null
		as_root rm -rf "$work/base/var/cache/apt/archives" "$work/base/var/lib/apt/lists" "$work/base"/usr/share/{doc,man,locale}
		as_root mkdir -p "$work"/base/{var/cache/apt/archives/partial,var/lib/apt/lists/partial,usr/share/man/man1} # Java links into the last
		as_root tar -C "$work/base" --numeric-owner --one-file-system -c . | gzip -1 >"$tarball.part"
		mv "$tarball.part" "$tarball"
	fi
	gzip -dc "$tarball" | docker import --change 'ENV DEBIAN_FRONTEND=noninteractive' - "$base" >/dev/null
}

# build_from builds a Dockerfile in a context. Builds use the machine's own network, which is where the mirror is known to answer.
build_from() { # name, context, further arguments of docker build
	local name=$1 context=$2
	shift 2
	docker build --quiet --network host ${via:+--build-arg http_proxy="$via"} --build-arg BASE="$base" \
		--tag "$prefix/$name" "$@" "$context" >"$work/$name.log" 2>&1 || {
		tail -n 20 "$work/$name.log" >&2
		fail "$name: docker build failed"
	}
}

build_redis() { build_from redis "$here/redis"; }
build_nginx() { build_from nginx "$here/nginx"; }
build_prometheus() { build_from prometheus "$here/prometheus"; }

build_mysql() {
	local bare=$prefix/mysql-root dir=$cache/mysql-sid
	if ! exists "$bare"; then
		QIANFAN_DEBIAN_MIRROR=$(mirror) "$root/local/services/mysql.sh" install "$dir" >"$work/mysql-root.log" 2>&1 || {
			tail -n 5 "$work/mysql-root.log" >&2
			fail 'mysql.sh failed'
		}
		import "$dir" "$bare"
	fi
	build_from mysql "$here/mysql" --build-arg BASE="$bare"
}

build_rocketmq() {
	local jars=$cache/rocketmq-$rocketmq_version context=$work/rocketmq
	ROCKETMQ_VERSION=$rocketmq_version "$root/local/services/rocketmq.sh" install "$jars"
	cp -r "$here/rocketmq" "$context"
	cp -rp "$jars/lib" "$context/lib"
	build_from rocketmq "$context" --build-arg VERSION="$rocketmq_version"
}

build_jaeger() {
	local binary=$cache/jaeger-$jaeger_version context=$work/jaeger package=github.com/jaegertracing/jaeger/cmd/all-in-one
	cp -r "$here/jaeger" "$context"
	if [ ! -e "$binary" ]; then
		need go golang
		mkdir "$work/module"
		( # its go.mod forbids `go install`; as a requirement of another module it builds
			cd "$work/module"
			export GOFLAGS=-mod=mod CGO_ENABLED=0
			go mod init standin
			go get "$package@$jaeger_version"
			go build -trimpath -ldflags '-s -w' -o "$context/jaeger" "$package"
		) >"$work/jaeger.log" 2>&1 || {
			tail -n 10 "$work/jaeger.log" >&2
			fail 'jaeger did not build'
		}
		cp "$context/jaeger" "$binary.part"
		mv "$binary.part" "$binary"
	fi
	cp -p "$binary" "$context/jaeger"
	build_from jaeger "$context"
}

build_emulator() {
	local context=$work/emulator binary
	need go golang
	need make make
	make -s -C "$root" build
	mkdir -p "$context"
	(cd "$root" && cp --parents s.yaml build/qianfan build/*/bootstrap "$context")
	build_from emulator "$context" --file "$here/emulator/prebuilt.Dockerfile"
}

build() {
	need docker docker.io
	docker info >/dev/null 2>&1 || fail 'no Docker engine answers'
	mkdir -p "$cache"
	work=$(mktemp -d)
	trap 'as_root rm -rf --one-file-system "$work"' EXIT
	via=$(proxy)
	local name
	for name in base "${names[@]}"; do
		say "$name"
		"build_$name"
	done
	say 'done'
	printf '\n%s\n' 'image                                    size'
	for name in "${names[@]}"; do
		docker image ls --format '{{printf "%-40s %s" .Repository .Size}}' "$prefix/$name:latest"
	done
}

case ${1:-} in
'') build ;;
env) for name in "${names[@]}"; do printf 'export QIANFAN_IMAGE_%s=%s/%s\n' "${name^^}" "$prefix" "$name"; done ;;
*)
	sed -n '2,/^set -euo/{/^set -euo/d;s/^# \{0,1\}//;p}' "$0" >&2
	exit 2
	;;
esac
