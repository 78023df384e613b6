#!/usr/bin/env bash
# What all commands share: help, options, words that are no commands, results that cannot be delivered.
# usage: test_frame.sh MPIAE RANKS
# shellcheck source=tests/harness/cases.sh
. "$(dirname "$0")/../harness/cases.sh"

refuse 2 "no command is given"
refuse 2 "unknown command 'trian'; did you mean 'train'?" trian
refuse 2 "unknown command 'frobnicate'; 'mpiae help' lists all" frobnicate
refuse 2 "unknown option '--verison'; did you mean '--version'?" --verison
refuse 2 "unknown option '-x'" -x
refuse 2 "--quiet is given twice" --quiet help --quiet
refuse 2 "--verbose takes no value" --verbose=2 help
refuse 2 "unknown command 'confg'; did you mean 'config'?" help confg
refuse 2 "mpiae help cannot use 'b'" help info b
refuse 2 "mpiae help cannot use 'c'" help info b c
refuse 2 "no key or section is called 'train.patient'" help train.patient
refuse 2 "no key or section is called 'trains'" help config trains
accept "  train.patience" help train.patience
accept "  train.patience" help config train
accept "  label_nmi" help metrics
accept "trains autoencoders over MPI" help
accept "trains autoencoders over MPI" --help
accept "(commit " --version
accept "  train.epochs" help config
accept "usage: mpiae train" help train
for command in train encode decode evaluate reconstruct sample interpolate cluster import synth info doctor help; do accept "usage: mpiae $command" "$command" --help; done

# Results that cannot be delivered
if [ "$ranks" = 1 ]; then
  "$mpiae" help >/dev/full 2>err
  status=$?
  last="help >/dev/full"
  if [ "$status" != 3 ]; then fail "exit status $status, not 3"; fi
  if ! grep -q '^mpiae: error: standard output cannot be written' err; then fail "no message"; fi
fi

# A message is one write: each write to such a socket is a packet.
if [ "$ranks" = 1 ]; then
  last="info absent.h5 --verbose"
  "$python" - "$mpiae" info absent.h5 --verbose <<'END' || fail "the message comes in pieces"
import socket, subprocess, sys
ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
with its:
    process = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL, stderr=its)
packets = list(iter(lambda: ours.recv(65536), b""))
process.wait()
assert any(packet.startswith(b"mpiae: error: ") and packet.endswith(b"\n") for packet in packets), packets
END
fi

# What all agree on rank 0 alone ends with.
if [ "$ranks" -gt 1 ]; then
  last="info absent.h5"
  # shellcheck disable=SC2016
  "${launch[@]}" sh -c '"$0" info absent.h5; echo "$?"' "$mpiae" >out 2>err </dev/null
  if [ "$(sort out | uniq -c | xargs)" != "$((ranks - 1)) 0 1 3" ]; then fail "the ranks end otherwise"; fi
fi

finish
