# Shared by every step of compose/local/install; sourced, never run.
#
# A step is a name, a hash of its inputs and a body. It is done when its stamp holds that hash; stamps are written
# last, so a step that was cut off is simply done again. Bodies build beside their target and rename it into place.

: "${ORDERLOG_CACHE:=${XDG_CACHE_HOME:-$HOME/.cache}/orderlog}"
export ORDERLOG_CACHE
readonly DOWNLOAD_ATTEMPTS=4
readonly PREFIX="$ORDERLOG_CACHE/prefix" PREFIX_TSAN="$ORDERLOG_CACHE/prefix-tsan"
readonly VENV="$ORDERLOG_CACHE/venv" SERVERS="$ORDERLOG_CACHE/servers"
readonly SYSTEM_PYTHON=/usr/bin/python3
MISSING=()

say() { printf '%s\n' "install: $*" >&2; }

die() {
	say "$1"
	shift
	local line
	for line in "$@"; do printf '         %s\n' "$line" >&2; done
	exit 1
}

# hash_of WORD|FILE... : one hash over the given words and the contents of the given files.
hash_of() {
	local item
	for item in "$@"; do
		if [[ -f $item ]]; then cat -- "$item"; else printf '%s\n' "$item"; fi
	done | sha256sum | cut -c1-32
}

stamp_matches() { [[ -f $ORDERLOG_CACHE/stamps/$1 && $(<"$ORDERLOG_CACHE/stamps/$1") == "$2" ]]; }

# step NAME HASH TITLE FUNCTION : runs FUNCTION unless its stamp says that it has been. Output goes to a log of its
# own and is shown only when the step fails. With --check it only notes what is missing.
step() {
	local name=$1 hash=$2 title=$3 body=$4 log="$ORDERLOG_CACHE/logs/$1.log" begin=$SECONDS
	stamp_matches "$name" "$hash" && return 0
	if [[ $CHECK_ONLY == yes ]]; then
		MISSING+=("$title")
		return 0
	fi
	say "$title ..."
	# A subshell of its own with errexit: `if` or `||` around the body would switch errexit off inside it.
	(set -euo pipefail; "$body") >"$log" 2>&1 &
	local pid=$! status=0
	wait "$pid" || status=$?
	if ((status != 0)); then
		tail -n 25 "$log" | sed 's/^/    | /' >&2
		die "$title failed." "The whole log: $log" "Mend the cause and run this again; what is done stays done."
	fi
	printf '%s\n' "$hash" >"$ORDERLOG_CACHE/stamps/$name.new"
	mv "$ORDERLOG_CACHE/stamps/$name.new" "$ORDERLOG_CACHE/stamps/$name"
	say "$title: done in $((SECONDS - begin)) s"
}

# retry WHAT COMMAND... : for downloads; waits longer each time, and explains itself when it gives up.
retry() {
	local what=$1 attempt
	shift
	for ((attempt = 1; attempt <= DOWNLOAD_ATTEMPTS; attempt++)); do
		"$@" && return 0
		((attempt == DOWNLOAD_ATTEMPTS)) && break
		echo "$what failed (attempt $attempt of $DOWNLOAD_ATTEMPTS), next in $((attempt * 3)) s"
		sleep "$((attempt * 3))"
	done
	echo "$what failed $DOWNLOAD_ATTEMPTS times. Is the network up, is a proxy or mirror set for this tool?"
	return 1
}

# expect_sha256 FILE SUM
expect_sha256() {
	local sum
	sum=$(sha256sum "$1" | cut -d' ' -f1)
	if [[ $sum != "$2" ]]; then
		echo "$(basename "$1") has sha256 $sum, expected $2: not used."
		rm -f "$1"
		return 1
	fi
}

# new_scratch : a fresh directory inside the cache, so that renames out of it are atomic.
new_scratch() { mktemp -d "$ORDERLOG_CACHE/scratch/XXXXXXXX"; }
