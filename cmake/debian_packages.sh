# Sourced by tests/run.sh and examples/run.sh.
# shellcheck shell=bash

# need_packages package...: installs what is missing; does nothing, not even apt-get update, when nothing is.
need_packages() {
  if ! command -v dpkg-query >/dev/null; then
    echo "This is not a Debian system; the equivalents of these packages are needed: $*"
    return
  fi
  local missing=() package sudo=()
  for package in "$@"; do
    if ! dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'install ok installed'; then missing+=("$package"); fi
  done
  if [[ ${#missing[@]} -eq 0 ]]; then return; fi
  echo "== installing ${missing[*]}"
  if [[ $(id -u) -ne 0 ]]; then
    if ! command -v sudo >/dev/null; then
      echo "These packages are missing, and neither root nor sudo is there to install them: ${missing[*]}" >&2
      exit 1
    fi
    sudo=(sudo)
  fi
  "${sudo[@]}" apt-get update
  "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${missing[@]}"
}
