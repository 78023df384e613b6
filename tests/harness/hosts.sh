# shellcheck shell=bash
# Sourced first by tests of several hosts. Runs the test again in a room of its own (namespaces of network, names,
# mounts and processes) and makes hosts in it: each a network stack, a host name and a /dev/shm of its own, joined by a
# bridge. All processes of the room end with its first, however that ends, and interfaces, mounts and hosts end with
# them: nothing is left over, and rooms do not see each other.
#
# Exit status 77: skipped, because the kernel refuses.

if [ -z "${MPIAE_ROOM:-}" ]; then
  if ! command -v ip >/dev/null; then
    echo "there is no 'ip': install iproute2"
    exit 1
  fi
  room=(unshare --net --uts --mount --ipc --pid --fork --kill-child --mount-proc)
  if [ "$(id -u)" != 0 ]; then room=(unshare --user --map-root-user "${room[@]:1}"); fi
  # shellcheck disable=SC2016
  if ! "${room[@]}" sh -c 'ip link add name end type veth peer name other && ip link add name middle type bridge && mount -t tmpfs none /mnt'; then
    echo "skipped: this user may not make namespaces of network, processes and mounts here ('${room[*]}' fails)"
    exit 77
  fi
  MPIAE_ROOM=1 exec "${room[@]}" "$0" "$@"
fi

export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
# shellcheck source=tests/harness/launcher.sh
. "$(dirname "${BASH_SOURCE[0]}")/launcher.sh"

hosts=

# One host. mpirun runs on the first and must see the processes of all, so that one has none of its own. On the others
# the first process takes in orphans and sees them off, as init does on a real one.
start_host() {
  local name=$1 number=$2 kinds=(--net --uts --mount --ipc) keeper
  mkdir "$hosts/$name" "$hosts/$name/tmp"
  if [ "$number" -gt 0 ]; then kinds+=(--pid); fi
  # shellcheck disable=SC2016
  unshare "${kinds[@]}" --fork --kill-child sh -c 'hostname "$1" && mount -t tmpfs shm /dev/shm && : >"$2" && while :; do sleep 1000 & wait; done' \
    sh "$name" "$hosts/$name/up" >/dev/null 2>&1 </dev/null &
  keeper=$!
  until [ -e "$hosts/$name/up" ]; do
    if ! kill -0 "$keeper"; then
      echo "$name does not start"
      exit 1
    fi
    sleep 0.01
  done
  read -r keeper <"/proc/$keeper/task/$keeper/children"
  echo "$keeper" >"$hosts/$name/process"
  readlink "/proc/$keeper/ns/net" >"$hosts/$name/network"
  ip link add name "port-$name" type veth peer name eth0 netns "$keeper"
  ip link set "port-$name" master switch up
  nsenter -t "$keeper" -n sh -e -c "ip link set lo up; ip addr add 10.77.0.$((number + 1))/24 dev eth0; ip link set eth0 up"
}

# start_hosts DIRECTORY COUNT: host0 … in a new directory that all of them see
start_hosts() {
  local i
  hosts=$1
  mkdir "$hosts" "$hosts/tmp"
  # process numbers are those of other rooms, by which Open MPI names its files
  export TMPDIR=$hosts/tmp
  ip link set lo up
  ip link add name switch type bridge
  ip link set switch up
  echo "127.0.0.1 localhost" >"$hosts/names"
  for ((i = 0; i < $2; i++)); do echo "10.77.0.$((i + 1)) host$i" >>"$hosts/names"; done
  mount --bind "$hosts/names" /etc/hosts
  for ((i = 0; i < $2; i++)); do start_host "host$i" "$i"; done
  # shellcheck disable=SC2016
  printf '#!/bin/sh\nhost=%s/$1\nshift\nTMPDIR=$host/tmp exec nsenter -t "$(cat "$host/process")" -n -u -m -i -p sh -c "$*"\n' "$hosts" >"$hosts/agent"
  chmod +x "$hosts/agent"
  for_hosts eth0 "$hosts/agent"
}

# at HOST COMMAND…: in the present directory
at() {
  local name=$1 kinds=(-n -u -m -i)
  shift
  if [ "$name" != host0 ]; then kinds+=(-p); fi
  # shellcheck disable=SC2016
  TMPDIR=$hosts/$name/tmp nsenter -t "$(cat "$hosts/$name/process")" "${kinds[@]}" sh -c 'cd "$0" && exec "$@"' "$PWD" "$@"
}

# across PLACES COMMAND…: a rank on each of these, "host0,host1" or "host0:2,host1:2"; ends after 300 seconds at most
across() {
  local places=$1
  shift
  at host0 timeout --kill-after=5 300 mpirun "${options[@]}" "${attentive[@]}" --host "$places" "$@"
}

# The power fails, or the cable is pulled out and put back.
kill_host() { kill -KILL "$(cat "$hosts/$1/process")"; }
cut_off() { ip link set "port-$1" down; }
join_again() {
  local tries
  ip link set "port-$1" up
  for ((tries = 0; tries < 100; tries++)); do
    # refused is reached
    if [[ $(at "$1" bash -c ': </dev/tcp/10.77.0.1/9' 2>&1) == *refused* ]]; then return; fi
    sleep 0.1
  done
  echo "$1 cannot be reached again"
}

# descendants PROCESS: deepest first
descendants() {
  local child children
  { read -ra children <"/proc/$1/task/$1/children"; } 2>/dev/null
  for child in "${children[@]}"; do
    descendants "$child"
    echo "$child"
  done
}
kill_mpirun() {
  local one
  for one in $(descendants "$1"); do
    if [ "$(cat "/proc/$one/comm")" = "$mpirun_process" ]; then kill -KILL "$one"; fi
  done 2>/dev/null
}

# Ranks that live on a host, whether it can be reached or not. All hosts see the processes of the whole room, and those
# that have ended until somebody asks how.
ranks_on() {
  local network process name state
  read -r network <"$hosts/$1/network"
  for process in /proc/[0-9]*; do
    read -r _ name state _ <"$process/stat" || continue
    if [ "$name" = "(mpiae)" ] && [ "$state" != Z ] && [ "$(readlink "$process/ns/net")" = "$network" ]; then echo "${process#/proc/}"; fi
  done 2>/dev/null
}
