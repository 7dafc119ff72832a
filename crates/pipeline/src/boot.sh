#!/bin/bash
# cutover: boots one instance of a component.
set -euo pipefail

#@VALUES@

export AWS_REGION="$region" AWS_DEFAULT_REGION="$region"
metadata=${AWS_EC2_METADATA_SERVICE_ENDPOINT:-http://169.254.169.254}

say() { echo "cutover: $*"; }

# Prints the instance's id; IMDSv2, never through a proxy.
instance_id() {
  python3 - "$metadata" <<'PYTHON'
import sys, urllib.request
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
def ask(method, path, headers):
    request = urllib.request.Request(sys.argv[1].rstrip("/") + path, method=method, headers=headers)
    return opener.open(request, timeout=5).read().decode()
token = ask("PUT", "/latest/api/token", {"X-aws-ec2-metadata-token-ttl-seconds": "300"})
print(ask("GET", "/latest/meta-data/instance-id", {"X-aws-ec2-metadata-token": token}))
PYTHON
}

# Runs a command up to five times, with a pause that grows.
persistently() {
  local pause
  for pause in 1 2 4 8 0; do
    "$@" && return 0
    say "failed, again in ${pause}s: $*"
    sleep "$pause"
  done
  return 1
}

id=$(persistently instance_id)

# systemd is used where it runs this very instance, which cloud-init knows by its id.
if [ -d /run/systemd/system ] && [ "$(cat /var/lib/cloud/data/instance-id 2>/dev/null)" = "$id" ]; then
  by=systemd
  home=/opt/cutover
else
  by=self
  home=$PWD/cutover
fi
mkdir -p "$home"
log=$home/$component.log
ends=$home/$component.ends

# The end of the component's log, to where a failed release points; only if there is more of it than
# the last time.
shipped=-1
ship_log() {
  local size
  size=$(stat -c %s "$log" 2>/dev/null || echo 0)
  [ "$size" != "$shipped" ] || return 0
  shipped=$size
  { tail -c 65536 "$log" 2>/dev/null | tail -n 200 || true; } |
    timeout 60 aws s3 cp --only-show-errors - "$logs/instance-$id.log" || say "the log could not be shipped"
}

# A component that runs and never becomes healthy does not end, and its log is wanted too.
ship_log_while_starting() {
  local pause
  for pause in 4 16 40 60; do
    sleep "$pause"
    ship_log
  done
}

# ended STATUS SECONDS: tells each end of the component, in its log and apart from it, where no output
# hides it: number, time, status, seconds that it ran; the last twenty. It is told before the component
# starts again, so who sees it answer has been told of all ends before.
ended() {
  local number
  touch "$ends"
  number=$(($(tail -n 1 "$ends" | cut -d ' ' -f 1) + 1))
  { tail -n 19 "$ends"; echo "$number $(date +%s) $1 $2"; } >"$ends.new"
  mv "$ends.new" "$ends"
  say "$component ended with $1 after ${2}s" | tee -a "$log"
  timeout 20 aws s3 cp --only-show-errors - "$logs/instance-$id.ends" <"$ends" || say "the end could not be told"
}

# Whether the service has connections that last, 0 or 1, each time that this changes; where the manifest has a
# `drain`. One lasts that is there at two looks, ten seconds apart; none does where that is so twice. Those of the
# machine to itself are left out. Looked at without a process, and told at most every 20 s.
declare -A open=()
counted=-10 idle=0 told=
tell_connections() {
  [ "$drains" ] && [ $((SECONDS - counted)) -ge 10 ] || return 0
  counted=$SECONDS
  local line lines words now=() lasts=0
  mapfile -t lines </proc/net/tcp
  [ ! -r /proc/net/tcp6 ] || mapfile -t -O ${#lines[@]} lines </proc/net/tcp6
  for line in "${lines[@]}"; do
    words=($line)
    [ "${words[3]}" = 01 ] && [ "${words[1]##*:}" = "$drains" ] || continue
    case ${words[2]} in 0100007F:* | 0000000000000000FFFF00000100007F:*) continue ;; esac
    now+=("${words[2]}")
    [ -z "${open[${words[2]}]:-}" ] || lasts=1
    [ ${#now[@]} -lt 1000 ] || break
  done
  open=()
  for line in "${now[@]}"; do open[$line]=1; done
  idle=$((lasts ? 0 : idle + 1))
  [ "$lasts" = 1 ] || [ "$idle" -ge 2 ] || return 0
  [ "$lasts" != "$told" ] || return 0
  told=$lasts counted=$((SECONDS + 10))
  echo "$told" | timeout 20 aws s3 cp --only-show-errors - "$logs/instance-$id.connections" || told=
}

# The whole log, in numbered pieces. What is shipped leaves the disk, all but the last 16 to 32 MiB: a hole
# takes its place, so that whoever writes need not know. Shipping takes a twentieth of the time (the AWS
# CLI needs a second of processor) and 16 KiB a second at most; what waits for it has 512 MiB on the disk,
# then the oldest is left out, which is said. Where it was is in a file: whoever runs next goes on there.
# ship_pieces last: what is left, and no more. Between its looks it starts no process: many instances of the
# local cloud wait at once.
ship_pieces() {
  local piece=1 sent=0 freed=0 left_out=0 size=0 more=yes bytes began took pause never
  exec {never}<> <(:)
  [ ! -s "$home/shipped" ] || read -r piece sent freed <"$home/shipped"
  while true; do
    [ "${1:-}" = last ] || tell_connections
    # What is written while it looks counts as news the next time too: clocks of files are coarse.
    if [ "$more" ] || [ "$log" -nt "$home/looked" ]; then
      touch -d '2 seconds ago' "$home/looked"
      size=$(stat -c %s "$log" 2>/dev/null || echo 0)
      more=
    fi
    if [ $((size - sent)) -gt 536870912 ]; then
      left_out=$((left_out + size - 1048576 - sent))
      sent=$((size - 1048576))
    fi
    bytes=$((size - sent < 1048576 ? size - sent : 1048576))
    pause=4
    if [ "$bytes" -gt 0 ]; then
      more=yes
      began=${EPOCHREALTIME//[^0-9]/}
      if {
        [ "$left_out" = 0 ] || { echo; say "$left_out bytes are left out here"; }
        dd if="$log" iflag=skip_bytes,count_bytes skip="$sent" count="$bytes" bs=64K status=none
      } | timeout 60 aws s3 cp --only-show-errors - "$logs/instance-$id/$(printf %08d "$piece").log"; then
        piece=$((piece + 1)) sent=$((sent + bytes)) left_out=0
        if [ $((sent - freed)) -gt 33554432 ]; then
          freed=$((sent - 16777216))
          fallocate --punch-hole --offset 0 --length "$freed" "$log" || { : >"$log"; sent=0 freed=0; }
        fi
        echo "$piece $sent $freed" >"$home/shipped"
      elif [ "${1:-}" = last ]; then
        return 1
      fi
      took=$(((${EPOCHREALTIME//[^0-9]/} - began) / 50000))
      pause=$((took > pause ? took : pause))
      pause=$((bytes / 16384 > pause ? bytes / 16384 : pause))
    elif [ "${1:-}" = last ]; then
      return 0
    fi
    [ "${1:-}" = last ] || read -rt "$pause" -u "$never" || true
  done
}

fail() {
  say "$*" | tee -a "$log"
  ship_log
  exit 1
}

fetch() { timeout 300 aws s3 cp --only-show-errors "$1" "$home/artifact.tar.zst"; }

# unpack ARTIFACT SHA256 FOLDER
unpack() {
  mkdir -p "$3"
  persistently fetch "$1" || fail "the artifact $1 could not be fetched"
  echo "$2  $home/artifact.tar.zst" | sha256sum --check --status || fail "the artifact $1 does not have the SHA-256 $2"
  zstd -dcq "$home/artifact.tar.zst" | tar -x -C "$3" --no-same-owner || fail "the artifact $1 could not be unpacked"
  rm -f "$home/artifact.tar.zst"
}

command -v zstd >/dev/null || persistently dnf install -y -q zstd || fail "zstd is missing and could not be installed"
unpack "$artifact" "$sha256" "$home/app"
[ "${#vendor[@]}" = 0 ] || environment+=("VENDOR=$home/vendor")
while [ "${#vendor[@]}" -gt 0 ]; do
  unpack "${vendor[1]}" "${vendor[2]}" "$home/vendor/${vendor[0]}"
  vendor=("${vendor[@]:3}")
done
say "$component of $release is unpacked, run by $by"

# By bash in either case, so that what cannot be run is told in the same words.
{
  echo '#!/bin/bash'
  printf 'exec'
  printf ' %q' "${command[@]}"
  echo
} >"$home/run"
chmod 755 "$home/run"
environment+=(HOST=0.0.0.0)

if [ "$by" = systemd ]; then
  printf '%s\n' "${environment[@]}" >"$home/environment"
  {
    echo '#!/bin/bash'
    declare -p component logs id home log ends region
    echo 'export AWS_REGION="$region" AWS_DEFAULT_REGION="$region"'
    declare -f say ship_log ended
    # What systemd tells: https://www.freedesktop.org/software/systemd/man/latest/systemd.exec.html
    echo 'status=${EXIT_STATUS:-${SERVICE_RESULT:-unknown}}; [ "$SERVICE_RESULT" != oom-kill ] || status=oom-kill'
    echo 'now=$(date +%s); ended "$status" $((now - $(stat -c %Y "$home/started" 2>/dev/null || echo "$now")))'
    echo ship_log
  } >"$home/ship-log"
  {
    echo '#!/bin/bash'
    declare -p logs id home log region drains open counted idle told
    echo 'export AWS_REGION="$region" AWS_DEFAULT_REGION="$region"'
    declare -f say ship_pieces tell_connections
    echo 'ship_pieces "$@"'
  } >"$home/ship-pieces"
  chmod 755 "$home/ship-log" "$home/ship-pieces"
  # It begins before the component and ends after it, so that the last words get out too.
  cat >/etc/systemd/system/cutover-log.service <<UNIT
[Unit]
Description=Ships the log of $component
Wants=network-online.target
After=network-online.target
Before=cutover.service
StartLimitIntervalSec=0

[Service]
ExecStart=$home/ship-pieces
ExecStopPost=$home/ship-pieces last
Restart=always
RestartSec=5
Nice=10

[Install]
WantedBy=multi-user.target
UNIT
  cat >/etc/systemd/system/cutover.service <<UNIT
[Unit]
Description=$component of $release
Wants=network-online.target
After=network-online.target
StartLimitIntervalSec=0

[Service]
ExecStartPre=+/usr/bin/touch $home/started
ExecStart=$home/run
WorkingDirectory=$home/app
EnvironmentFile=$home/environment
DynamicUser=yes
StateDirectory=cutover
Environment=HOME=/var/lib/cutover
StandardOutput=append:$log
StandardError=append:$log
ExecStopPost=+$home/ship-log
Restart=always
RestartSec=1
TimeoutStopSec=30

[Install]
WantedBy=multi-user.target
UNIT
  systemctl daemon-reload
  systemctl enable --now cutover-log.service cutover.service
  ship_log_while_starting
  exit 0
fi

ship_log_while_starting &
ship_pieces &
# Only what still runs: the number of a job that has ended can be another process's by now, or a thread's of one.
trap 'trap - TERM INT; kill $(jobs -pr) 2>/dev/null || true; wait; ship_pieces last; exit 0' TERM INT
pause=1
while true; do
  started=$SECONDS
  (cd "$home/app" && exec env "${environment[@]}" "$home/run") >>"$log" 2>&1 &
  code=0
  wait $! || code=$?
  [ "$code" -le 128 ] || code=$(kill -l $((code - 128)) 2>/dev/null || echo "$code")
  ended "$code" $((SECONDS - started))
  ship_log
  [ $((SECONDS - started)) -lt 60 ] || pause=1
  sleep "$pause" &
  wait $!
  pause=$((pause < 16 ? pause * 2 : 30))
done
