# A container in fifteen lines. As root: sh container.sh COMMAND [ARGUMENT...]
set -e
export root=/tmp/dinghy group=/sys/fs/cgroup/dinghy limit=memory.max
if test -d /sys/fs/cgroup/memory; then  # cgroup v1
  group=/sys/fs/cgroup/memory/dinghy limit=memory.limit_in_bytes
else echo +memory > /sys/fs/cgroup/cgroup.subtree_control; fi  # cgroup v2
mkdir -p $root/bin $root/proc $root/old $group
cp /bin/busybox $root/bin; $root/bin/busybox --install $root/bin
echo 16M > $group/$limit
trap 'rmdir $group' EXIT
unshare --mount --uts --ipc --net --pid --fork sh -ec '
  echo $$ > $group/cgroup.procs
  hostname dinghy
  mount --bind $root $root; cd $root; mount -t proc proc proc
  pivot_root . old; umount -l /old
  exec "$@"' sh "$@"
