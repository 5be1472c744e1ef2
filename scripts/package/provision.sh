#!/bin/sh
# Takes the identity that scripts/flash put on the boot partition, once, and wipes it there. The power may be cut at
# any step: each file arrives whole or not at all, nothing is wiped before all has arrived, and what was not finished
# is done at the next start.
# $1: a root other than /, for tests.
set -eu
umask 077
root=${1:-}

# FILE DESTINATION MODE; the destination may be a link to another partition. In a shell of its own, for its names' sake.
take() (
  [ -s "$1" ] || exit 0
  destination=$(readlink -m "$root$2")
  into=$(dirname "$destination")
  draft=$into/.$(basename "$destination").new
  mkdir -p "$into"
  install -m "$3" "$1" "$draft"
  sync "$draft"
  mv -f "$draft" "$destination"
  sync "$into"
)

for folder in "$root/boot/firmware/bestday" "$root/boot/bestday"; do
  [ -d "$folder" ] || continue
  # A wipe that was broken off leaves noise under the names of the secrets: it must not be taken for them.
  if [ ! -e "$folder/taken" ]; then
    take "$folder/phone.device-id" /etc/credstore/phone.device-id 0600
    take "$folder/phone.api-key" /etc/credstore/phone.api-key 0600
    take "$folder/wifi.nmconnection" /etc/NetworkManager/system-connections/bestday.nmconnection 0600
    take "$folder/default" /etc/default/bestday-phone 0644
    # The image, on a card that takes nothing more: the phone talks, and takes its identity again at the next start.
    [ ! -e "$root/run/bestday-phone-image/data-in-memory" ] || continue
    : > "$folder/taken"
    sync "$folder/taken" "$folder"
  fi
  for file in "$folder"/phone.device-id "$folder"/phone.api-key "$folder"/wifi.nmconnection "$folder"/default; do
    [ ! -e "$file" ] || shred -u "$file" 2>/dev/null || rm -f "$file"
  done
  sync "$folder"
  rm -rf "$folder"
done
