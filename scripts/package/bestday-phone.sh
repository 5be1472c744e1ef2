#!/bin/sh
# bestday-phone, as people call it. Root asks as the service does: as its user, with its rights, settings, board and
# identity. Nothing that the service's user may have written is read, run or written with root's rights.
set -eu

program='/usr/lib/bestday-phone/bin/node /usr/lib/bestday-phone/dist/bestday-phone.cjs'

# systemd reads /etc/default/bestday-phone itself: what stands there is no program to it.
as_service() {
  if [ -d /run/systemd/system ]; then
    # shellcheck disable=SC2086
    systemd-run --quiet --collect --wait --pipe --service-type=exec \
      --property=DynamicUser=yes --property=User=bestday-phone \
      --property='SupplementaryGroups=audio gpio systemd-journal' \
      --property=StateDirectory=bestday-phone --property=StateDirectoryMode=0700 --property=UMask=0077 \
      --property=LoadCredential=phone.api-key --property=LoadCredential=phone.device-id \
      --property=EnvironmentFile=-/etc/default/bestday-phone \
      --property='UnsetEnvironment=NODE_TLS_REJECT_UNAUTHORIZED NODE_OPTIONS NODE_EXTRA_CA_CERTS' \
      --property=WorkingDirectory=-"$PWD" \
      --property=CapabilityBoundingSet= --property=NoNewPrivileges=yes --property=PrivateUsers=yes \
      --property=DevicePolicy=closed --property='DeviceAllow=char-alsa rw' --property='DeviceAllow=char-gpiochip rw' \
      --property=ProtectKernelTunables=yes --property=ProtectKernelModules=yes --property=ProtectControlGroups=yes \
      --property=RestrictNamespaces=yes --property=LockPersonality=yes \
      --property='RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK' \
      --property='SystemCallFilter=@system-service' --property=SystemCallErrorNumber=EPERM \
      -- $program "$@"
  else
    # No service runs here, and no user of its own: nobody's rights, and none of the phone's settings.
    # shellcheck disable=SC2086
    env -i PATH="$PATH" setpriv --reuid=65534 --regid=65534 --clear-groups --no-new-privs --bounding-set=-all \
      $program "$@"
  fi
}

# The bundle's file is root's: the service's user hands its text through a pipe.
support_bundle() {
  file=bestday-support-$(date -u +%Y%m%dT%H%M%S).txt
  count=$#
  while [ "$count" -gt 0 ]; do
    case $1 in
      --output) file=${2:-}; shift; count=$((count - 1)) ;;
      --output=*) file=${1#*=} ;;
      --help | -h) as_service support-bundle --help; exit ;;
      *) set -- "$@" "$1" ;;
    esac
    shift
    count=$((count - 1))
  done
  if [ "$file" = - ]; then
    as_service support-bundle "$@" --output -
    exit
  fi
  umask 077
  if as_service support-bundle "$@" --output - > "$file"; then
    echo "$file"
  else
    status=$?
    rm -f "$file"
    exit "$status"
  fi
}

# shellcheck disable=SC2086
if [ "$(id -u)" != 0 ]; then
  exec $program "$@"
elif [ "${1:-}" = support-bundle ]; then
  shift
  support_bundle "$@"
else
  as_service "$@"
fi
