#!/usr/bin/env bash
# A real RocketMQ 5 without a container: a name server, and a proxy with the broker inside (local mode).
#
#   rocketmq.sh install DIR      fetch the jars with Maven into DIR, once
#   rocketmq.sh run namesrv      become the name server
#   rocketmq.sh run proxy        become proxy and broker
#   rocketmq.sh admin COMMAND…   mqadmin
#
# run and admin read, all with defaults but the first:
#   ROCKETMQ_DIR                         what install made
#   ROCKETMQ_DATA                        store, generated configuration and logs (./rocketmq-data)
#   ROCKETMQ_BIND                        address that name server and broker listen on (127.0.0.1); the proxy's two ports and the HA
#                                        port have no such setting and listen on all
#   ROCKETMQ_BROKER_IP                   address that clients are sent to (127.0.0.1)
#   ROCKETMQ_NAMESRV, _NAMESRV_PORT      name server host:port (127.0.0.1:9876), and the port it listens on
#   ROCKETMQ_GRPC_PORT, _REMOTING_PORT   of the proxy (8081, 8080)
#   ROCKETMQ_BROKER_PORT, _HA_PORT       of the broker (10911, 10912); it takes the port two below the first as well
#   ROCKETMQ_HEAP                        of proxy and broker (512m); the name server has 128m
#   ROCKETMQ_JAVA_OPTIONS                more options for Java (none); -XX:TieredStopAtLevel=1 halves the cost of a start
#   ROCKETMQ_LOG_LEVEL                   of what goes to standard output (ERROR)
#   ROCKETMQ_TRANSACTION_TIMEOUT_MS      age of a half message at its first check-back (6000)
#   ROCKETMQ_TRANSACTION_CHECK_MS        between two looks for such messages (30000)
#   ROCKETMQ_TRANSACTION_CHECK_MAX       check-backs after which a half message is given up (15)
set -euo pipefail

version=${ROCKETMQ_VERSION:-5.5.0}
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

die() {
	echo "rocketmq.sh: $*" >&2
	exit 1
}

need() { # program, Debian package
	command -v "$1" >/dev/null || die "$1 is missing: apt-get install -y --no-install-recommends $2"
}

# install fetches into a directory beside the final one and renames it, so that DIR is complete or absent.
install() {
	local dir=$1 fresh
	[ ! -e "$dir/complete" ] || return 0
	need java openjdk-17-jre-headless
	need mvn maven
	mkdir -p "$(dirname "$dir")"
	fresh=$(mktemp -d "$dir.XXXXXX")
	trap 'rm -rf "$fresh"' EXIT
	echo "rocketmq.sh: fetching RocketMQ $version (100 MB) into $dir" >&2
	mvn --quiet --batch-mode --file "$here/rocketmq/pom.xml" -Drocketmq.version="$version" \
		org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies \
		-DincludeScope=runtime -DoutputDirectory="$fresh/lib" >&2 ||
		die "Maven could not fetch RocketMQ $version: see above; a mirror goes into ~/.m2/settings.xml"
	chmod 755 "$fresh"
	touch "$fresh/complete"
	rm -rf "$dir"
	mv "$fresh" "$dir"
	trap - EXIT
}

# settings fills in the defaults.
settings() {
	need java openjdk-17-jre-headless
	jars=${ROCKETMQ_DIR:?set ROCKETMQ_DIR to the directory of rocketmq.sh install}
	[ -e "$jars/complete" ] || die "there is no RocketMQ in $jars: rocketmq.sh install $jars"
	data=${ROCKETMQ_DATA:-$PWD/rocketmq-data}
	bind=${ROCKETMQ_BIND:-127.0.0.1}
	broker_ip=${ROCKETMQ_BROKER_IP:-127.0.0.1}
	namesrv_port=${ROCKETMQ_NAMESRV_PORT:-9876}
	namesrv=${ROCKETMQ_NAMESRV:-127.0.0.1:$namesrv_port}
	grpc_port=${ROCKETMQ_GRPC_PORT:-8081}
	remoting_port=${ROCKETMQ_REMOTING_PORT:-8080}
	broker_port=${ROCKETMQ_BROKER_PORT:-10911}
	ha_port=${ROCKETMQ_HA_PORT:-10912}
	conf=$data/conf
	mkdir -p "$conf"
}

# configure writes what the processes read. Broker settings:
# flushDiskType: what is acknowledged survives a kill.  auto…: a name that is not declared is an error, as in the cloud.
# transactionOp…: the end of a transaction is noted at once, not within 3 s; and 5.5.0 keeps a whole core busy from the end of
# this interval after the last transaction on.
# …CacheRefreshSeconds: the proxy takes gRPC calls before its broker has registered, and remembers for this long (20) that a topic is
# not there.  mappedFileSize…, max…Num: files are mapped whole; the stock sizes are a gigabyte and more each.
configure() {
	cat >"$conf/namesrv.conf" <<-CONF
		bindAddress=$bind
		listenPort=$namesrv_port
		kvConfigPath=$data/namesrv/kvConfig.json
		configStorePath=$data/namesrv/namesrv.properties
	CONF
	cat >"$conf/broker.conf" <<-CONF
		brokerClusterName=DefaultCluster
		brokerName=broker-a
		brokerId=0
		brokerRole=ASYNC_MASTER
		brokerIP1=$broker_ip
		bindAddress=$bind
		namesrvAddr=$namesrv
		listenPort=$broker_port
		haListenPort=$ha_port
		storePathRootDir=$data/store
		storePathCommitLog=$data/store/commitlog
		flushDiskType=SYNC_FLUSH
		autoCreateTopicEnable=false
		autoCreateSubscriptionGroup=false
		enableSingleTopicRegister=true
		recallMessageEnable=true
		transactionTimeOut=${ROCKETMQ_TRANSACTION_TIMEOUT_MS:-6000}
		transactionCheckInterval=${ROCKETMQ_TRANSACTION_CHECK_MS:-30000}
		transactionCheckMax=${ROCKETMQ_TRANSACTION_CHECK_MAX:-15}
		mappedFileSizeCommitLog=67108864
		mappedFileSizeConsumeQueue=400000
		mappedFileSizeTimerLog=16777216
		maxHashSlotNum=100000
		maxIndexNum=400000
		transactionOpMsgMaxSize=1
		transactionOpBatchInterval=86400000
		diskMaxUsedSpaceRatio=95
		fileReservedTime=24
	CONF
	cat >"$conf/rmq-proxy.json" <<-CONF
		{
		  "rocketMQClusterName": "DefaultCluster",
		  "namesrvAddr": "$namesrv",
		  "localServeAddr": "$broker_ip",
		  "grpcServerPort": $grpc_port,
		  "remotingListenPort": $remoting_port,
		  "topicRouteServiceCacheRefreshSeconds": 1,
		  "topicConfigCacheRefreshSeconds": 1,
		  "subscriptionGroupConfigCacheRefreshSeconds": 1
		}
	CONF
	cat >"$conf/rmq.logback.xml" <<-CONF
		<configuration>
		  <appender name="console" class="ch.qos.logback.core.ConsoleAppender">
		    <encoder><pattern>%d{HH:mm:ss.SSS} %level %logger{20} %msg%n</pattern></encoder>
		  </appender>
		  <root level="${ROCKETMQ_LOG_LEVEL:-ERROR}"><appender-ref ref="console"/></root>
		</configuration>
	CONF
}

# become replaces this shell with Java, so that the pid is the service's.
become() { # heap, main class, arguments
	local heap=$1
	shift
	# shellcheck disable=SC2086 # the options are several words
	exec java -Xms32m "-Xmx$heap" -XX:MaxDirectMemorySize=256m -XX:+UseSerialGC -XX:-UsePerfData ${ROCKETMQ_JAVA_OPTIONS:-} \
		-Djava.net.preferIPv4Stack=true "-Duser.home=$data" \
		--add-opens java.base/java.nio=ALL-UNNAMED --add-opens java.base/sun.nio.ch=ALL-UNNAMED \
		--add-opens java.base/java.lang=ALL-UNNAMED --add-exports java.base/jdk.internal.ref=ALL-UNNAMED \
		-cp "$conf:$jars/lib/*" "$@"
}

run() {
	settings
	configure
	export ROCKETMQ_HOME=$data RMQ_PROXY_HOME=$data
	cd "$data"
	case $1 in
	namesrv)
		become 128m org.apache.rocketmq.namesrv.NamesrvStartup -c "$conf/namesrv.conf"
		;;
	proxy)
		become "${ROCKETMQ_HEAP:-512m}" org.apache.rocketmq.proxy.ProxyStartup -pm local -bc "$conf/broker.conf" -pc "$conf/rmq-proxy.json"
		;;
	*) die "run namesrv or run proxy, not run $1" ;;
	esac
}

admin() {
	settings
	export ROCKETMQ_HOME=$data NAMESRV_ADDR=$namesrv
	become 64m org.apache.rocketmq.tools.command.MQAdminStartup "$@"
}

case "${1:-} $#" in
"install 2") install "$2" ;;
"run 2") run "$2" ;;
admin\ *)
	shift
	admin "$@"
	;;
*) die "usage: rocketmq.sh install DIR | run namesrv | run proxy | admin COMMAND…" ;;
esac
