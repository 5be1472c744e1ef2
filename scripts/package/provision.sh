#!/bin/sh
# Takes the identity that was put on the boot partition with scripts/flash, once, and wipes it there.
set -eu
umask 077
for folder in /boot/firmware/bestday /boot/bestday; do
  [ -d "$folder" ] || continue
  mkdir -p /etc/credstore
  for name in phone.device-id phone.api-key; do
    [ ! -f "$folder/$name" ] || install -m 0600 "$folder/$name" "/etc/credstore/$name"
  done
  [ ! -f "$folder/default" ] || install -m 0644 "$folder/default" /etc/default/bestday-phone
  [ ! -f "$folder/wifi.nmconnection" ] || install -D -m 0600 "$folder/wifi.nmconnection" /etc/NetworkManager/system-connections/bestday.nmconnection
  sync
  # Only what has arrived is wiped; a power cut in between does it again.
  for file in "$folder"/*; do shred -u "$file" 2>/dev/null || rm -f "$file"; done
  rmdir "$folder"
done
