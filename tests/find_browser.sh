#!/usr/bin/env bash
# The page's tests drive a real Chromium: take the one that is installed, or install one.
# Usage: tests/find_browser.sh BIN, the folder of the virtual environment's programs.
set -euo pipefail

if [ -n "${CHROMIUM:-}" ] || command -v chromium chromium-browser google-chrome >/dev/null; then
    exit 0
fi
echo "No Chromium found; installing the one Playwright brings."
exec "$1/python" -m playwright install chromium
