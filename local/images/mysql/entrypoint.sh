#!/bin/bash
# Understands of the official image's settings what the compose file uses: MYSQL_ROOT_PASSWORD, MYSQL_DATABASE, MYSQL_USER and
# MYSQL_PASSWORD, and arguments that begin with a dash. As there, root comes from any host, and the user gets every right on the
# database when the data directory is made, and not again. Values go into SQL between quotes: keep those out of them.
set -euo pipefail

data=/var/lib/mysql
made=$data/.made # is there only when the data directory is complete
setup=/docker/setup.sql

case ${1:--} in -*) set -- mysqld "$@" ;; esac
[ "$1" = mysqld ] || exec "$@"
shift
common=(--user=mysql --datadir="$data" --socket=/var/run/mysqld/mysqld.sock --secure-file-priv=NULL --loose-mysqlx=0)

first=
if [ ! -e "$made" ]; then
	first=yes
	echo 'making the data directory' >&2
	find "$data" -mindepth 1 -delete
	chown mysql:mysql "$data"
	mysqld --no-defaults "${common[@]}" "$@" --initialize-insecure
	touch "$made"
fi

# Carried out before the first connection, and at each start, so that it may be repeated.
{
	echo "ALTER USER 'root'@'localhost' IDENTIFIED BY '${MYSQL_ROOT_PASSWORD:?set it}';"
	echo "CREATE USER IF NOT EXISTS 'root'@'%' IDENTIFIED BY '$MYSQL_ROOT_PASSWORD';"
	echo "GRANT ALL ON *.* TO 'root'@'%' WITH GRANT OPTION;"
	if [ -n "${MYSQL_DATABASE:-}" ]; then
		echo "CREATE DATABASE IF NOT EXISTS \`$MYSQL_DATABASE\`;"
	fi
	if [ -n "${MYSQL_USER:-}" ]; then
		echo "CREATE USER IF NOT EXISTS '$MYSQL_USER'@'%' IDENTIFIED BY '${MYSQL_PASSWORD:?set it}';"
		[ -z "${first:+${MYSQL_DATABASE:-}}" ] || echo "GRANT ALL ON \`$MYSQL_DATABASE\`.* TO '$MYSQL_USER'@'%';"
	fi
} >"$setup"
chown mysql "$setup"
chmod 400 "$setup"
exec mysqld --no-defaults "${common[@]}" --init-file="$setup" "$@"
