#!/bin/bash
# A sound card made of software, for tests and for trying the phone on a machine without one.
#
#   scripts/virtual-sound-card.sh start DIR    then:  . DIR/env.sh
#   scripts/virtual-sound-card.sh stop DIR
#
# Two PulseAudio null sinks: `spk` is the phone's speaker (record spk.monitor to hear it), `micfeed` its
# microphone (play into it to talk). ALSA's default device leads to them, so PortAudio and arecord see a card.
# Needs no kernel sound, no root, and installs nothing. DIR holds everything it makes.
# Exit codes: 0 done, 2 wrong arguments, 3 packages are missing, 4 the sound server did not start.
set -euo pipefail

usage() { echo "usage: $0 start DIR | stop DIR" >&2; exit 2; }
[ $# -eq 2 ] || usage

missing_packages() {
  local missing=()
  command -v pulseaudio >/dev/null || missing+=(pulseaudio)
  command -v pacat >/dev/null && command -v pactl >/dev/null || missing+=(pulseaudio-utils)
  command -v arecord >/dev/null || missing+=(alsa-utils)
  ls /usr/lib/*/alsa-lib/libasound_module_pcm_pulse.so >/dev/null 2>&1 || missing+=(libasound2-plugins)
  echo "${missing[*]:-}"
}

# Ends what `start` began, and only that: the ids are in the file, and must still be those programs.
end_recorded() {
  local pid
  [ -f "$1/pids" ] || return 0
  while read -r pid; do
    case "$(cat "/proc/$pid/comm" 2>/dev/null || true)" in
      pulseaudio|pacat) kill -CONT "$pid" 2>/dev/null || true; kill -KILL "$pid" 2>/dev/null || true ;;
    esac
  done < "$1/pids"
  rm -f "$1/pids" "$1/pulse.sock"
}

write_configuration() {
  mkdir -p "$1/state" "$1/runtime"
  chmod 700 "$1" "$1/state" "$1/runtime"
  printf 'pcm.!default { type pulse }\nctl.!default { type pulse }\n' > "$1/asound.conf"
  cat > "$1/default.pa" <<PA
load-module module-native-protocol-unix auth-anonymous=1 socket=$1/pulse.sock
load-module module-null-sink sink_name=spk rate=16000 channels=1 format=s16le
load-module module-null-sink sink_name=micfeed rate=16000 channels=1 format=s16le
set-default-sink spk
set-default-source micfeed.monitor
PA
  cat > "$1/env.sh" <<ENV
export PULSE_SERVER=unix:$1/pulse.sock
export XDG_RUNTIME_DIR=$1
export PULSE_STATE_PATH=$1/state
export PULSE_RUNTIME_PATH=$1/runtime
export ALSA_CONFIG_PATH=$1/asound.conf
ENV
}

start_server() {
  pulseaudio -n -F "$1/default.pa" --daemonize=no --exit-idle-time=-1 --use-pid-file=no --realtime=yes --high-priority=yes \
    --log-target="file:$1/pulseaudio.log" </dev/null >/dev/null 2>&1 &
  echo $! >> "$1/pids"
  for _ in $(seq 50); do
    pactl info >/dev/null 2>&1 && return 0
    sleep 0.1
  done
  echo "the sound server did not start; see $1/pulseaudio.log" >&2
  end_recorded "$1"
  exit 4
}

# Runs before other work where that is allowed (nice only warns where it is not).
# Without a client that asks for low latency a null sink works in blocks of two seconds.
keep_alive() {
  nice -n -11 pacat -p --raw --rate=16000 --channels=1 --latency-msec=10 -d "$2" </dev/zero >/dev/null 2>&1 &
  echo $! >> "$1/pids"
}

start() {
  local missing dir
  missing=$(missing_packages)
  if [ -n "$missing" ]; then
    echo "the virtual sound card needs packages that are not installed: apt-get install -y $missing" >&2
    exit 3
  fi
  mkdir -p "$1"
  dir=$(cd "$1" && pwd)
  end_recorded "$dir"
  write_configuration "$dir"
  # shellcheck disable=SC1091
  . "$dir/env.sh"
  start_server "$dir"
  keep_alive "$dir" spk
  keep_alive "$dir" micfeed
  # The blocks of two seconds that were begun before the keep-alives have to pass.
  sleep 2.5
}

case "$1" in
  start) start "$2" ;;
  stop) end_recorded "$(cd "$2" && pwd)" ;;
  *) usage ;;
esac
