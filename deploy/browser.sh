#!/bin/sh
# The browser tests want a Chromium. Takes the system's where there is one, else installs Debian's as root, else Playwright's own.
set -u
for name in chromium chromium-browser google-chrome; do
    command -v "$name" >/dev/null 2>&1 && exit 0
done
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "installing chromium for the browser tests ..." >&2
    apt-get update -qq >/dev/null 2>&1
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium >/dev/null 2>&1 && exit 0
fi
echo "installing Playwright's chromium for the browser tests ..." >&2
"${VENV:-.venv}/bin/playwright" install chromium >/dev/null 2>&1 || echo "no browser could be installed: the browser tests will be skipped" >&2
