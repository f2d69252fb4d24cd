#!/usr/bin/env bash
# Creates topics and groups in the broker: setup.sh FILE, where FILE holds the commands of `qianfan topics --format mqadmin`.
# Runs in RocketMQ's image. What was done is remembered beside the broker's store, so that a second start costs nothing.
set -euo pipefail

commands=$1
done_before=/home/rocketmq/store/topics.done
PATH=$PATH:$PWD # mqadmin is in the image's working directory

if cmp -s "$commands" "$done_before"; then
	echo 'topics and groups are there already'
	exit 0
fi

# mqadmin ends with 0 whatever happens, and prints what did. A broker answers a moment before the name server knows of its cluster, so
# a failure is tried again for a minute; creating what is there changes nothing.
tries=30
until
	said=$(bash -e "$commands" 2>&1) &&
		! grep -qE 'Exception|command failed|error' <<<"$said" && [ "$(grep -c success <<<"$said")" -ge 2 ]
do
	tries=$((tries - 1))
	if [ "$tries" = 0 ]; then
		printf '%s\n' "$said"
		echo 'setup.sh: mqadmin failed, see above' >&2
		exit 1
	fi
	sleep 2
done
cp "$commands" "$done_before"
printf '%s topics and %s groups\n' "$(grep -c topicName "$commands")" "$(grep -c groupName "$commands")"
