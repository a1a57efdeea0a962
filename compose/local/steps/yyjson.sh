# yyjson, the JSON parser: one C file, from the source distribution of its Python binding.

readonly YYJSON_VERSION=0.10.0
readonly YYJSON_SDIST=yyjson-4.0.6
readonly YYJSON_SETUPTOOLS=80.9.0
readonly YYJSON_SHA256=fcd4dc15c1e39a30bf9fa85d56903029111506860fc3080ab0d81c6c6dacaa8c

fetch_yyjson() {
	local file="$ORDERLOG_CACHE/downloads/$YYJSON_SDIST.tar.gz"
	if [[ ! -f $file ]]; then
		# pip asks a source distribution for its metadata, which runs its build backend: newer than Debian's,
		# hence in isolation, and held to one version.
		"$SYSTEM_PYTHON" -m venv "$1/venv"
		echo "setuptools==$YYJSON_SETUPTOOLS" >"$1/constraints.txt"
		retry "pip download $YYJSON_SDIST" env PIP_CONSTRAINT="$1/constraints.txt" "$1/venv/bin/pip" \
			--disable-pip-version-check download -q --no-deps --no-binary yyjson -d "$1" "${YYJSON_SDIST/-/==}"
		expect_sha256 "$1/$YYJSON_SDIST.tar.gz" "$YYJSON_SHA256"
		mv "$1/$YYJSON_SDIST.tar.gz" "$file"
	fi
	expect_sha256 "$file" "$YYJSON_SHA256"
	tar -xzf "$file" -C "$1"
}

# install_yyjson SOURCE PREFIX CFLAGS
install_yyjson() {
	local source=$1 prefix=$2 cflags=$3
	mkdir -p "$prefix/lib/pkgconfig" "$prefix/include" "$prefix/share/doc/yyjson"
	# shellcheck disable=SC2086 # cflags is a list
	cc -std=c99 -O2 -g -fPIC -DNDEBUG $cflags -c "$source/yyjson/yyjson.c" -o "$source/yyjson.o"
	rm -f "$prefix/lib/libyyjson.a"
	ar rcs "$prefix/lib/libyyjson.a" "$source/yyjson.o"
	install -m 644 "$source/yyjson/yyjson.h" "$prefix/include/"
	install -m 644 "$source/LICENSE" "$prefix/share/doc/yyjson/"
	cat >"$prefix/lib/pkgconfig/yyjson.pc" <<-PC
		prefix=$prefix
		libdir=\${prefix}/lib
		includedir=\${prefix}/include

		Name: yyjson
		Description: JSON reader and writer
		Version: $YYJSON_VERSION
		Libs: -L\${libdir} -lyyjson
		Cflags: -I\${includedir}
	PC
}

build_yyjson() {
	local scratch
	scratch=$(new_scratch)
	fetch_yyjson "$scratch"
	grep -q "YYJSON_VERSION_STRING \"$YYJSON_VERSION\"" "$scratch/$YYJSON_SDIST/yyjson/yyjson.h"
	install_yyjson "$scratch/$YYJSON_SDIST" "$PREFIX" ""
	install_yyjson "$scratch/$YYJSON_SDIST" "$PREFIX_TSAN" "-fsanitize=thread"
	rm -rf "$scratch"
}

step_yyjson() {
	step yyjson "$(hash_of "$PREFIX" "$PREFIX_TSAN" "$HERE/steps/yyjson.sh")" "yyjson $YYJSON_VERSION" build_yyjson
}
