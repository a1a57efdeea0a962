# Debian packages, from packages.txt.

readonly PACKAGE_LIST="$HERE/packages.txt"
readonly NODE_MAJOR_MIN=18

as_root() {
	if ((EUID == 0)); then "$@"; else sudo "$@"; fi
}

# Prints the home of a JDK 17 (with javac), or nothing.
find_jdk17() {
	local home
	for home in "${JAVA_HOME:-}" /usr/lib/jvm/java-17-openjdk-* /usr/lib/jvm/*17*; do
		[[ -n $home && -x $home/bin/javac && -f $home/release ]] || continue
		grep -q '^JAVA_VERSION="17[."]' "$home/release" && { printf '%s\n' "$home"; return 0; }
	done
	local javac
	javac=$(command -v javac) || return 1
	home=$(dirname "$(dirname "$(readlink -f "$javac")")")
	grep -qs '^JAVA_VERSION="17[."]' "$home/release" && printf '%s\n' "$home"
}

have_command() {
	if [[ $1 == jdk17 ]]; then find_jdk17 >/dev/null; else command -v "$1" >/dev/null; fi
}

# wanted_packages GROUP... : names of the packages of these groups that this machine should have.
wanted_packages() {
	local group package unless command
	while read -r group package unless command; do
		[[ " $* " == *" $group "* ]] || continue
		[[ $unless == unless ]] && have_command "$command" && continue
		printf '%s\n' "$package"
	done < <(sed 's/[[:space:]]*#.*//; /^[[:space:]]*$/d' "$PACKAGE_LIST")
}

missing_packages() {
	local wanted
	mapfile -t wanted < <(wanted_packages "$@")
	((${#wanted[@]} == 0)) && return 0
	comm -23 <(printf '%s\n' "${wanted[@]}" | sort -u) \
		<(dpkg-query -W -f='${Package} ${db:Status-Status}\n' "${wanted[@]}" 2>/dev/null |
			sed -n 's/ installed$//p' | sort -u)
}

check_suite() {
	local suite codename
	suite=$(sed -n 's/^suite //p' "$PACKAGE_LIST")
	codename=$(. /etc/os-release && echo "${ID:-?} ${VERSION_CODENAME:-?}")
	[[ $codename == "debian $suite" || ${ORDERLOG_ANY_SUITE:-} == yes ]] && return 0
	die "This machine runs '$codename'; the package list is made for Debian $suite." \
		"Use a Debian $suite machine or container, or set ORDERLOG_ANY_SUITE=yes to try all the same."
}

# Debian starts a service as soon as its package is unpacked. We want HAProxy's program, not its service: a policy
# that refuses starts stands while apt runs, unless the machine has a policy of its own.
refuse_service_starts() {
	local policy=/usr/sbin/policy-rc.d
	[[ -e $policy ]] && return 0
	printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
	as_root chmod 755 "$policy"
	trap "as_root rm -f $policy" EXIT
}

install_missing_packages() {
	local had_haproxy=yes
	[[ " ${DEBIAN_MISSING[*]} " == *" haproxy "* ]] && had_haproxy=no
	refuse_service_starts
	retry "apt-get update" as_root env DEBIAN_FRONTEND=noninteractive apt-get -q update
	retry "apt-get install" as_root env DEBIAN_FRONTEND=noninteractive \
		apt-get -q -y -o DPkg::Lock::Timeout=300 --no-install-recommends install "${DEBIAN_MISSING[@]}"
	if [[ $had_haproxy == no && -d /run/systemd/system ]]; then
		as_root systemctl disable --now haproxy.service # nor at the next boot
	fi
}

# Search engines refuse to run as root: root needs somebody to run them as.
ensure_service_user() {
	((EUID == 0)) || return 0
	getent passwd "$SERVICE_USER" >/dev/null && return 0
	if [[ $CHECK_ONLY == yes ]]; then
		MISSING+=("system user $SERVICE_USER")
		return 0
	fi
	useradd --system --user-group --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin "$SERVICE_USER"
	say "system user $SERVICE_USER: made (the search engine refuses to run as root)"
}

step_debian() {
	mapfile -t DEBIAN_MISSING < <(missing_packages "$@")
	((${#DEBIAN_MISSING[@]} == 0)) && return 0
	if [[ $CHECK_ONLY == yes ]]; then
		MISSING+=("Debian packages: ${DEBIAN_MISSING[*]}")
		return 0
	fi
	check_suite
	((EUID == 0)) || command -v sudo >/dev/null ||
		die "Debian packages are missing: ${DEBIAN_MISSING[*]}" "Run this as root, or install sudo."
	say "Debian packages to install: ${DEBIAN_MISSING[*]}"
	# Not remembered by a stamp: dpkg itself is asked every time.
	rm -f "$ORDERLOG_CACHE/stamps/debian"
	step debian "$(hash_of "${DEBIAN_MISSING[@]}")" "Debian packages" install_missing_packages
}

# Writes packages.lock: what apt resolved on this machine.
write_package_lock() {
	local package
	{
		echo "# Versions that packages.txt resolved to when it was last tried. Documentation, not a constraint:"
		echo "# Debian replaces a point release's packages, so a pin here would fail on the day of a security fix."
		while read -r package; do
			dpkg-query -W -f='${Package} ${Version}\n' "$package" 2>/dev/null || echo "$package (from elsewhere)"
		done < <(sed 's/[[:space:]]*#.*//; /^[[:space:]]*$/d; /^suite /d' "$PACKAGE_LIST" | awk '{print $2}' | sort)
	} >"$HERE/packages.lock.new"
	mv "$HERE/packages.lock.new" "$HERE/packages.lock"
}
