# A container in fifteen lines. As root: sh container.sh COMMAND [ARGUMENT...]
set -e
export root=/srv/dinghy group=/sys/fs/cgroup/dinghy max=memory.max swap=memory.swap.max
if test -d /sys/fs/cgroup/memory; then  # cgroup v1
  group=/sys/fs/cgroup/memory/dinghy max=memory.limit_in_bytes swap=memory.swappiness
else echo +memory > /sys/fs/cgroup/cgroup.subtree_control; fi  # cgroup v2
mkdir -p $root/bin $root/proc $root/old $group
cp /bin/busybox $root/bin; $root/bin/busybox --install $root/bin
echo 0 > $group/$swap; echo 16M > $group/$max
trap 'rmdir $group' EXIT
unshare --mount --uts --ipc --net --pid --fork sh -ec '
  echo $$ > $group/cgroup.procs
  hostname dinghy
  mount --bind $root $root; cd $root; mount -t proc proc proc
  pivot_root . old; umount -l /old
  exec "$@"' sh "$@"
