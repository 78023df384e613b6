# shellcheck shell=bash
# Sourced after runs.sh by tests that need a real SLURM: starts one on loopback, in $slurm, a directory of its own, with one node of two
# CPUs, and stops it with all that runs in it, however the test ends. Root alone can start it.
# shellcheck disable=SC2154 # python, scratch, srun: runs.sh
: "${python:?}" "${scratch:?}" "${srun:?}"

# Why there can be no SLURM here, or nothing.
slurm_lacks() {
  local program
  for program in munged mungekey slurmctld slurmd sbatch srun scontrol squeue scancel; do
    if ! PATH=$PATH:/usr/sbin command -v "$program" >/dev/null; then
      echo "$program is not installed (packages slurmctld, slurmd, slurm-client, munge)"
      return
    fi
  done
  if [ "$(id -u)" != 0 ]; then echo "only root can start SLURM's daemons"; fi
}

# Free ports of loopback, as many as asked for.
free_ports() {
  "$python" -c 'import socket, sys
sockets = [socket.socket() for _ in range(int(sys.argv[1]))]
for s in sockets: s.bind(("127.0.0.1", 0))
print(*(s.getsockname()[1] for s in sockets))' "$1"
}

write_slurm_conf() {
  local host ports
  host=$(hostname -s)
  read -ra ports <<<"$(free_ports 2)"
  cat >"$slurm/slurm.conf" <<END
ClusterName=loopback
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=${ports[0]}
SlurmdPort=${ports[1]}
AuthType=auth/munge
AuthInfo=socket=$slurm/munge/socket
CryptoType=crypto/munge
SlurmUser=root
SlurmdUser=root
StateSaveLocation=$slurm/state
SlurmdSpoolDir=$slurm/spool
TmpFS=$slurm/tmp
SlurmctldPidFile=$slurm/slurmctld.pid
SlurmdPidFile=$slurm/slurmd.pid
SlurmctldLogFile=$slurm/slurmctld.log
SlurmdLogFile=$slurm/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
MpiDefault=${srun#*=}
ReturnToService=2
JobRequeue=1
SchedulerParameters=batch_sched_delay=0,sched_interval=2,bf_interval=2
SlurmdParameters=config_overrides
NodeName=localhost NodeHostname=$host NodeAddr=127.0.0.1 CPUs=2 State=UNKNOWN
PartitionName=test Nodes=localhost Default=YES MaxTime=INFINITE State=UP
END
}

start_munge() {
  mkdir -m 755 "$slurm/munge"
  PATH=$PATH:/usr/sbin mungekey --create --keyfile="$slurm/munge/key"
  chown -R munge: "$slurm/munge"
  (
    cd /
    exec setpriv --reuid=munge --regid=munge --clear-groups /usr/sbin/munged --foreground --socket="$slurm/munge/socket" \
      --key-file="$slurm/munge/key" --pid-file="$slurm/munge/pid" --log-file="$slurm/munge/log" --seed-file="$slurm/munge/seed"
  ) >"$slurm/munge.out" 2>&1 &
  disown
}

# Processes that carry this SLURM's configuration or name its directory: daemons, steps and what runs in them.
slurm_processes() {
  local process
  for process in /proc/[0-9]*; do
    if grep -qF "$1" "$process/environ" "$process/cmdline"; then echo "${process#/proc/}"; fi
  done 2>/dev/null
}

# stop_slurm DIRECTORY KEEPER…: all but the processes named
stop_slurm() {
  local directory=$1 process _
  shift
  for _ in 1 2 3 4 5; do
    for process in $(slurm_processes "$directory"); do
      case " $* " in *" $process "*) continue ;; esac
      kill -KILL "$process" 2>/dev/null
    done
    sleep 0.1
  done
}

# A test that is killed cannot clean up, so a process of nobody's does it.
guard_slurm() {
  local test=$$
  (
    export -f stop_slurm slurm_processes
    # shellcheck disable=SC2016
    env -u SLURM_CONF setsid bash -c 'while kill -0 "$0"; do sleep 0.5; done; stop_slurm "$1" $$; rm -rf "$1"' \
      "$test" "$slurm" >/dev/null 2>&1 </dev/null &
  )
}

slurm_is_up() { [ "$(sinfo -h -o %T 2>/dev/null)" = idle ]; }

start_slurm() {
  local _
  slurm=$(mktemp -d /tmp/mpiae-slurm-XXXXXX)
  chmod 755 "$slurm"
  guard_slurm
  mkdir "$slurm/state" "$slurm/spool"
  mkdir -m 1777 "$slurm/tmp"
  write_slurm_conf
  start_munge
  export SLURM_CONF=$slurm/slurm.conf
  for _ in $(seq 100); do
    if [ -S "$slurm/munge/socket" ]; then break; fi
    sleep 0.05
  done
  (cd / && exec /usr/sbin/slurmctld -D) >"$slurm/slurmctld.out" 2>&1 &
  disown
  (cd / && exec /usr/sbin/slurmd -D -N localhost) >"$slurm/slurmd.out" 2>&1 &
  disown
  for _ in $(seq 200); do
    if slurm_is_up; then return; fi
    sleep 0.1
  done
  echo "SLURM does not start:"
  tail -n 5 "$slurm"/*.out "$slurm"/*.log
  return 1
}
