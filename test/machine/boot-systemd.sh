#!/bin/sh
# boot-systemd.sh DISK, as the first process of new namespaces: makes this machine's files look like another, freshly
# installed machine whose changes are kept on DISK, and becomes its systemd.

set -eu

disk=$1
name=$(basename "$disk")

# A share of its own in every hierarchy. In a cgroup namespace systemd sees only that, as its root, through mounts of
# its own: those of this machine stay as they are, also where systemd remounts what it finds.
if [ "${2:-}" != inside ]; then
  for tree in /sys/fs/cgroup/*/; do
    [ ! -L "${tree%/}" ] || continue
    mkdir -p "$tree$name"
    if [ -e "$tree$name/cpuset.cpus" ] && [ -e "${tree}cpuset.cpus" ]; then
      cat "${tree}cpuset.cpus" >"$tree$name/cpuset.cpus"
      cat "${tree}cpuset.mems" >"$tree$name/cpuset.mems"
    fi
    echo $$ >"$tree$name/cgroup.procs"
  done
  exec unshare --cgroup sh "$0" "$disk" inside
fi

mount --make-rprivate /
ip link set lo up
for folder in /etc /opt /usr/local /var /root; do
  kept=$disk/changes/$(echo $folder | tr / -)
  mkdir -p "$kept" "$kept.work"
  mount -t overlay -o "lowerdir=$folder,upperdir=$kept,workdir=$kept.work" overlay $folder
done
mkdir -p "$disk/docker" /var/lib/docker
mount --bind "$disk/docker" /var/lib/docker

trees=$(for tree in /sys/fs/cgroup/*/; do [ -L "${tree%/}" ] || basename "$tree"; done)
version=$(stat -f -c %T /sys/fs/cgroup)
mount -t sysfs -o ro sysfs /sys
if [ "$version" = cgroup2fs ]; then
  mount -t cgroup2 cgroup2 /sys/fs/cgroup
else
  mount -t tmpfs -o mode=755 cgroup /sys/fs/cgroup
  for tree in $trees; do
    mkdir "/sys/fs/cgroup/$tree"
    case $tree in
    unified) mount -t cgroup2 cgroup2 "/sys/fs/cgroup/$tree" ;;
    systemd) mount -t cgroup -o none,name=systemd cgroup "/sys/fs/cgroup/$tree" ;;
    *) mount -t cgroup -o "$tree" cgroup "/sys/fs/cgroup/$tree" ;;
    esac
  done
fi

mount -t tmpfs -o mode=755 tmpfs /run
mount -t tmpfs -o mode=755 tmpfs /dev
while read -r device major minor; do mknod -m 666 "/dev/$device" c "$major" "$minor"; done <<'TEXT'
null 1 3
zero 1 5
full 1 7
random 1 8
urandom 1 9
tty 5 0
TEXT
mkdir /dev/pts /dev/shm
mount -t devpts -o newinstance,ptmxmode=666,mode=620 devpts /dev/pts
mount -t tmpfs tmpfs /dev/shm
ln -s pts/ptmx /dev/ptmx
ln -s /proc/self/fd /dev/fd
ln -s fd/0 /dev/stdin
ln -s fd/1 /dev/stdout
ln -s fd/2 /dev/stderr

# What a distribution starts beside the journal would touch what is shared with this machine: its kernel's settings,
# /tmp, the root file system. None of it is started.
units=/etc/systemd/system
for wants in /usr/lib/systemd/system/*.target.wants; do mount -t tmpfs tmpfs "$wants"; done
ln -s ../systemd-journald.service /usr/lib/systemd/system/sysinit.target.wants/
if [ ! -e "$disk/installed" ]; then
  rm -rf "${units:?}"/* /opt/onstead /etc/onstead /var/lib/onstead /var/log/onstead.log /usr/local/bin/onstead
  : >/etc/fstab
  for unit in tmpfiles-setup tmpfiles-setup-dev tmpfiles-clean sysctl udevd modules-load binfmt remount-fs random-seed; do
    ln -s /dev/null "$units/systemd-$unit.service"
  done
  mkdir "$units/multi-user.target.wants" "$units/sockets.target.wants"
  for unit in docker containerd; do ln -s /lib/systemd/system/$unit.service "$units/multi-user.target.wants/"; done
  ln -s /lib/systemd/system/docker.socket "$units/sockets.target.wants/"
  : >"$disk/installed"
fi
hostname customer

exec env -i container=lxc PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
  /lib/systemd/systemd --show-status=0 --unit=multi-user.target
