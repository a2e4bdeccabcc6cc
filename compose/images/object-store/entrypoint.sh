#!/bin/sh
# One-node Ceph as an S3 server: the S3 port is 9000, everything else listens on the container's loopback.
# All data is in /data. A first start that is killed leaves no `fsid` file behind, and begins again.
set -eu

fail() { echo "[entrypoint] $*" >&2; exit 64; }

# The first of the named settings that has a value, itself or in the file that NAME_FILE names.
setting() {
  for name in "$@"; do
    eval "path=\${${name}_FILE:-}; value=\${$name:-}"
    [ -z "$path" ] || value=$(cat "$path") || fail "${name}_FILE names $path, which cannot be read."
    [ -z "$value" ] || { printf %s "$value"; return; }
  done
}

access_key=$(setting S3_ACCESS_KEY MINIO_ROOT_USER)
secret_key=$(setting S3_SECRET_KEY MINIO_ROOT_PASSWORD)
[ -n "$access_key" ] && [ -n "$secret_key" ] ||
  fail 'Set MINIO_ROOT_USER_FILE and MINIO_ROOT_PASSWORD_FILE (or S3_ACCESS_KEY_FILE and S3_SECRET_KEY_FILE).'

data=/data
work=/tmp/ceph
mkdir -p "$work"
memory=${S3_MEMORY_BYTES:-402653184}
# A third of the memory caches data; the rest is what the three daemons need to run at all.
cache=$((memory / 3))
[ "$cache" -ge 33554432 ] || cache=33554432

first_start=no
[ -f "$data/fsid" ] || first_start=yes
if [ $first_start = yes ]; then
  rm -rf "$data/mon" "$data/osd" "$data/rgw" "$data/fsid.draft"
  cat /proc/sys/kernel/random/uuid >"$data/fsid.draft"
  fsid=$(cat "$data/fsid.draft")
else
  fsid=$(cat "$data/fsid")
fi
mkdir -p "$data/mon" "$data/osd" "$data/rgw"

export CEPH_CONF=$work/ceph.conf
cat >"$CEPH_CONF" <<CONF
[global]
fsid = $fsid
mon_host = [v2:127.0.0.1:3300]
public_addr = 127.0.0.1
cluster_addr = 127.0.0.1
run_dir = $work
admin_socket =
# Nothing but this container reaches the cluster; S3 has its own signatures.
auth_cluster_required = none
auth_service_required = none
auth_client_required = none
osd_pool_default_size = 1
osd_pool_default_min_size = 1
osd_pool_default_pg_num = 4
osd_pool_default_pgp_num = 4
osd_pool_default_pg_autoscale_mode = off
mon_allow_pool_size_one = true
mon_max_pg_per_osd = 1000
osd_max_pg_per_osd_hard_ratio = 100
osd_crush_chooseleaf_type = 0
osd_crush_update_on_start = false
osd_class_dir = $(echo /usr/lib/*/rados-classes)
osd_erasure_code_plugins =
osd_extblkdev_plugins =
# A client that was killed is forgotten after this long, so that the next one need not wait.
osd_client_watch_timeout = 3
objecter_tick_interval = 1
osd_default_notify_timeout = 3
bluestore_compression_algorithm =
# One monitor has nobody to wait for.
paxos_propose_interval = 0.02
paxos_min_wait = 0.01
mon_lease = 1
mon_tick_interval = 1
osd_mclock_skip_benchmark = true
osd_mon_report_interval = 1
log_to_stderr = true
err_to_stderr = true
log_file =
mon_cluster_log_file =
mon_cluster_log_to_file = false
debug_none = 0/0
debug_rocksdb = 0/0
debug_bluestore = 0/0
debug_bdev = 0/0
debug_bluefs = 0/0
debug_mon = 0/0
debug_osd = 0/0
debug_rgw = ${RGW_DEBUG:-0/0}
crash_dir =
[mon]
mon_data = $data/mon
mon_memory_autotune = false
mon_osd_cache_size = 50
mon_data_avail_warn = 1
mon_data_avail_crit = 1
[osd]
osd_data = $data/osd
osd_objectstore = bluestore
bluestore_block_create = true
bluestore_block_size = ${S3_CAPACITY_BYTES:-21474836480}
bluestore_cache_autotune = false
bluestore_cache_size = $cache
osd_op_num_shards = 2
[client]
rgw_mime_types_file =
ms_mon_client_mode = crc
rgw_frontends = beast endpoint=0.0.0.0:9000
rgw_data = $data/rgw
rgw_thread_pool_size = 64
CONF

monitor= storage= gateway=

# Ends one daemon: asked first, then, after the given seconds, killed.
stop_one() {
  kill "$1" 2>/dev/null || return 0
  (sleep "$2" && kill -9 "$1") 2>/dev/null &
  wait "$1" 2>/dev/null || true
  kill $! 2>/dev/null || true
}

# The gateway goes first, so that nothing is written while the store below it closes. It holds no data itself,
# and some of its background threads never hear that they should end: it is not waited for long.
stop_all() {
  trap - TERM INT
  [ -z "$gateway" ] || stop_one "$gateway" 2
  [ -z "$storage" ] || stop_one "$storage" 60
  [ -z "$monitor" ] || stop_one "$monitor" 10
}
trap 'stop_all; exit 0' TERM INT

if [ $first_start = yes ]; then
  monmaptool --create --clobber --fsid "$fsid" --addv a '[v2:127.0.0.1:3300]' "$work/monmap" >/dev/null
  osdmaptool --createsimple 1 --clobber "$work/osdmap" >/dev/null 2>&1
  ceph-authtool --create-keyring "$work/keyring" --gen-key -n mon. --cap mon 'allow *' >/dev/null
  ceph-mon --mkfs -i a --monmap "$work/monmap" --osdmap "$work/osdmap" --keyring "$work/keyring" 2>/dev/null
fi
ceph-mon -f -i a 2>&1 &
monitor=$!
if [ $first_start = yes ]; then
  ceph-osd --mkfs -i 0 --osd-uuid "$(cat /proc/sys/kernel/random/uuid)" >"$work/mkfs.log" 2>&1 ||
    { cat "$work/mkfs.log" >&2; exit 1; }
fi
ceph-osd -f -i 0 2>&1 &
storage=$!

admin() { timeout 120 radosgw-admin -n client.rgw "$@"; }
admin user create --uid=root --display-name=root --access-key="$access_key" --secret-key="$secret_key" >/dev/null 2>&1 ||
  admin key create --uid=root --key-type=s3 --access-key="$access_key" --secret-key="$secret_key" >/dev/null
if [ $first_start = yes ]; then
  sync
  mv "$data/fsid.draft" "$data/fsid"
fi
radosgw -f -n client.rgw 2>&1 &
gateway=$!
echo '[entrypoint] S3 on port 9000' >&2

while kill -0 $monitor && kill -0 $storage && kill -0 $gateway; do
  sleep 1 &
  wait $! || true
done 2>/dev/null
echo '[entrypoint] one of the daemons ended' >&2
stop_all
exit 1
