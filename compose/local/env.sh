# Source this: `. compose/local/env.sh`. It points a shell and its builds at what compose/local/install has installed.
# shellcheck shell=sh
ORDERLOG_CACHE=${ORDERLOG_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/orderlog}
export ORDERLOG_CACHE
# ORDERLOG_TSAN=yes chooses the libraries that were built for ThreadSanitizer (`install --tsan`).
if [ "${ORDERLOG_TSAN:-}" = yes ]; then
	PKG_CONFIG_PATH="$ORDERLOG_CACHE/prefix-tsan/lib/pkgconfig"
else
	PKG_CONFIG_PATH="$ORDERLOG_CACHE/prefix/lib/pkgconfig"
fi
export PKG_CONFIG_PATH
case ":$PATH:" in
*":$ORDERLOG_CACHE/venv/bin:"*) ;;
*) PATH="$ORDERLOG_CACHE/venv/bin:$ORDERLOG_CACHE/node/node_modules/.bin:$PATH" ;;
esac
export PATH
NODE_PATH="$ORDERLOG_CACHE/node/node_modules"
export NODE_PATH
