#!/bin/sh
# The sound server of a speakerphone: PulseAudio with its echo canceller, while the card is there.
#
#   sound-server CONFIG
#
# PulseAudio survives a card that is unplugged, its modules do not, and nothing loads them again. So the server ends when
# a sink or a source of its is lost, and begins anew when the card is back. Card, socket and names are those of CONFIG.
# Exit codes: 1 the server did not come up or ended by itself (the service manager tries again), 2 wrong arguments.
set -u
export LC_ALL=C

[ $# -eq 1 ] && [ -r "$1" ] || { echo "usage: $0 CONFIG" >&2; exit 2; }

from_config() { sed -n "s/.*$1\\([^ \"]*\\).*/\\1/p" "$config" | head -n 1; }

config=$1
card=$(from_config 'hw:CARD=')
sink=$(from_config 'set-default-sink ')
source=$(from_config 'set-default-source ')
PULSE_SERVER=unix:$(from_config 'socket=')
export PULSE_SERVER
cards=${BESTDAY_CARDS:-/sys/class/sound}

card_is_there() {
  [ -z "$card" ] && return 0
  cat "$cards"/card*/id 2>/dev/null | grep -qx "$card"
}

names_are_there() {
  pactl list short sinks | grep -q "	$sink	" && pactl list short sources | grep -q "	$source	"
}

# Ends the server with the first sink or source that goes, or is gone already.
watch_server() {
  pactl subscribe | grep -m 1 "'remove' on s\(ink\|ource\) " | {
    read -r lost
    kill "$server" 2>/dev/null
  } &
  names_are_there || kill "$server" 2>/dev/null
}

came_up() {
  for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
    kill -0 "$server" 2>/dev/null || return 1
    pactl info >/dev/null 2>&1 && return 0
    sleep 0.25
  done
  return 1
}

server=
trap '[ -n "$server" ] && kill "$server" 2>/dev/null; exit 0' TERM INT

while :; do
  card_is_there || echo "waiting for the card '$card'" >&2
  until card_is_there; do sleep 1; done
  pulseaudio -n -F "$config" --daemonize=no --exit-idle-time=-1 --use-pid-file=no --disallow-exit --log-target=stderr &
  server=$!
  came_up || { kill "$server" 2>/dev/null; exit 1; }
  watch_server
  wait "$server"
  ended=$?
  # PulseAudio answers SIGTERM, which is ours, with 0. Anything else is a fault of its own.
  [ "$ended" -eq 0 ] || exit 1
  server=
  sleep 1
done
