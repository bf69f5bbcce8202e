#!/bin/sh
# Give the browser tests a Chromium, where apt-get can. Never fails: elsewhere it says
# what to install, and the tests are skipped (in CI they fail, see tests/chromium.py).

found() {
  for name in "$CHROME" chromium chromium-browser google-chrome google-chrome-stable; do
    [ -n "$name" ] && command -v "$name" >/dev/null && return
  done
  return 1
}

install() {
  command -v apt-get >/dev/null || return
  as_root=
  [ "$(id -u)" -eq 0 ] || as_root="sudo -n"
  # An offline machine should not wait for minutes.
  set -- -q -o Acquire::http::Timeout=20 -o Acquire::Retries=1
  $as_root env DEBIAN_FRONTEND=noninteractive apt-get "$@" update &&
    $as_root env DEBIAN_FRONTEND=noninteractive \
      apt-get "$@" install -y --no-install-recommends chromium fonts-dejavu-core
}

found || install || true
found || cat >&2 <<'END'
There is no Chromium or Chrome, and apt-get could not install one: the browser tests
will be skipped, and no PNG, SVG or PDF can be written. Install one of them, such as
  Debian      sudo apt-get install chromium
  Ubuntu      the .deb of Google Chrome (a Chromium from snap cannot read /tmp)
  Fedora      sudo dnf install chromium
  macOS       brew install --cask google-chrome
and set CHROME to its path if it is not on PATH.
END
exit 0
