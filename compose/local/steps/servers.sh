# The servers, from Maven artifacts: servers/NAME/pom.xml says which, servers/NAME/jars.sha256 what they must be.

readonly MAVEN_COPY=org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies

# resolve POM TARGET : the run-time dependencies of POM as files in TARGET.
resolve() {
	retry "maven for $(basename "$(dirname "$1")")" \
		mvn -B -q -ntp -C -Dmaven.repo.local="$ORDERLOG_CACHE/m2" -f "$1" "$MAVEN_COPY" \
		-DincludeScope=runtime -DoutputDirectory="$2"
}

# check_jars NAME TREE : every resolved file is the one that was looked at when jars.sha256 was written.
check_jars() {
	local list="$HERE/servers/$1/jars.sha256" found
	found=$(cd "$2" && find . -type f \( -name '*.jar' -o -name '*.tar.gz' \) -print0 | sort -z | xargs -0 sha256sum)
	if [[ $WRITE_LOCKS == yes ]]; then
		printf '%s\n' "$found" >"$list"
	elif ! diff <(printf '%s\n' "$found") "$list"; then
		echo "The artifacts of $1 are not those of $list (differences above)."
		return 1
	fi
}

# publish SCRATCH NAME : puts the finished tree in place of the old one.
publish() {
	chmod -R a+rX "$1"
	rm -rf "${SERVERS:?}/$2"
	mv "$1" "$SERVERS/$2"
}

java17() { printf '%s\n' "$(find_jdk17)/bin/$1"; }

# compile_java SOURCE_DIR CLASS_PATH TARGET : all of a folder's sources into TARGET.
compile_java() {
	local sources
	mkdir -p "$3"
	mapfile -t sources < <(find "$1" -name '*.java' | sort)
	"$(java17 javac)" -Xlint:all,-processing,-classfile,-path -Werror --release 17 -proc:none -cp "$2" -d "$3" "${sources[@]}"
}

build_kafka() {
	local scratch
	scratch=$(new_scratch)
	resolve "$HERE/servers/kafka/pom.xml" "$scratch/lib"
	check_jars kafka "$scratch"
	publish "$scratch" kafka
}

build_registry() {
	local scratch
	scratch=$(new_scratch)
	resolve "$HERE/servers/registry/pom.xml" "$scratch/download"
	check_jars registry "$scratch"
	mkdir "$scratch/app"
	tar -xzf "$scratch"/download/*.tar.gz -C "$scratch/app"
	rm -r "$scratch/download"
	compgen -G "$scratch/app/*-runner.jar" >/dev/null
	publish "$scratch" registry
}

build_mongodb() {
	local scratch
	scratch=$(new_scratch)
	resolve "$HERE/servers/mongodb/pom.xml" "$scratch/lib"
	check_jars mongodb "$scratch"
	compile_java "$HERE/servers/mongodb" "$scratch/lib/*" "$scratch/classes"
	publish "$scratch" mongodb
}

# build_engine NAME : a search engine. A module's jars lie beside its descriptor; those that the engine's own lib has
# too are left out, for it refuses to load a class from two places.
build_engine() {
	local engine=$1 scratch module jar
	scratch=$(new_scratch)
	resolve "$HERE/servers/$engine/pom.xml" "$scratch/lib"
	for module in "$HERE/servers/$engine/modules"/*/; do
		module=$(basename "$module")
		resolve "$HERE/servers/$engine/modules/$module/pom.xml" "$scratch/modules/$module"
		cp "$HERE/servers/$engine/modules/$module"/plugin-* "$scratch/modules/$module/"
		for jar in "$scratch/modules/$module"/*.jar; do
			[[ ! -e $scratch/lib/$(basename "$jar") ]] || rm "$jar"
		done
	done
	check_jars "$engine" "$scratch"
	mkdir "$scratch/bin" "$scratch/plugins" # it makes these where they are missing, which its user may not
	[[ $engine != elasticsearch ]] || build_analysis_module "$scratch"
	publish "$scratch" "$engine"
}

# Elasticsearch's artifacts lack the module that gives Lucene's analysis components their names: ours does.
build_analysis_module() {
	local source="$HERE/analysis-common" target="$1/modules/analysis-common"
	[[ -d $source ]] || return 0
	mkdir -p "$target"
	compile_java "$source" "$1/lib/*" "$1/classes"
	"$(java17 jar)" --create --file "$target/analysis-common.jar" --date=2020-01-01T00:00:00Z -C "$1/classes" .
	rm -r "$1/classes"
	cp "$source/plugin-descriptor.properties" "$target/"
}

build_elasticsearch() { build_engine elasticsearch; }
build_opensearch() { build_engine opensearch; }

step_servers() {
	local name
	if [[ $CHECK_ONLY == no ]]; then
		find_jdk17 >"$SERVERS/java-home.new" || die "No JDK 17 was found." "Install openjdk-17-jdk-headless or set JAVA_HOME to a JDK 17."
		mv "$SERVERS/java-home.new" "$SERVERS/java-home"
	fi
	for name in kafka registry mongodb elasticsearch opensearch; do
		step "$name" "$(server_hash "$name")" "$name" "build_$name"
	done
}

server_hash() {
	local files
	mapfile -t files < <(find "$HERE/servers/$1" -type f | sort)
	[[ $1 != elasticsearch ]] || mapfile -t -O "${#files[@]}" files < <(find "$HERE/analysis-common" -type f 2>/dev/null | sort)
	hash_of "$SERVERS" "$HERE/steps/servers.sh" "${files[@]}"
}
