#!/bin/sh
# bestday-phone, as people call it. Root asks as the service does: with its settings, board and identity.
set -e
if [ "$(id -u)" = 0 ]; then
  if [ -r /etc/default/bestday-phone ]; then
    set -a
    . /etc/default/bestday-phone
    set +a
  fi
  : "${STATE_DIRECTORY:=/var/lib/bestday-phone}"
  : "${CREDENTIALS_DIRECTORY:=/etc/credstore}"
  export STATE_DIRECTORY CREDENTIALS_DIRECTORY
fi
exec /usr/lib/bestday-phone/bin/node /usr/lib/bestday-phone/dist/bestday-phone.cjs "$@"
