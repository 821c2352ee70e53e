#!/usr/bin/env bash
# method_files.sh project-root: a method is a short composition, and nobody else knows its name.
#   - no header of include/zolt/method has more than 120 lines of code (not blank, not comment);
#   - every struct there with policies() says state_bytes_per_weight, and its header has `/// Source` and `/// Cost` lines;
#   - no identifier of another room and no file elsewhere is called like a method. What tests, examples and benchmarks do with
#     zolt::method::x is use. Names that are also words of the field stand in `words` and are allowed as identifiers.
set -euo pipefail
cd "$1"
methods=include/zolt/method
words="step_matched"

if ! compgen -G "$methods/*.hpp" >/dev/null; then
  echo "no methods yet"
  exit 0
fi
failures=$(mktemp)
trap 'rm -f "$failures"' EXIT

# The code of C++ on stdin: comments and literals are gone, lines stay.
code_of() {
  perl -0777 -pe '
    s{(//[^\n]*|/\*.*?\*/)|(R"([^\s()\\]*)\(.*?\)\3"|"(?:\\.|[^"\\\n])*"|(?<![0-9A-Za-z_])\x27(?:\\.|[^\x27\\\n])+\x27)}
     {my $kept = defined $1 ? $1 : $2; my $lines = ($kept =~ tr/\n//); (defined $1 ? " " : "\"\"") . "\n" x $lines}gse'
}

names=""
for file in "$methods"/*.hpp; do
  names+=" $(basename "$file" .hpp)"
  code=$(code_of <"$file")
  lines=$(grep -c '[^[:space:]]' <<<"$code" || true)
  if ((lines > 120)); then echo "$file: $lines lines of code, at most 120 are a composition" >>"$failures"; fi
  for line in Source Cost; do
    grep -Eq "^ *///  ?*$line( |$)" "$file" || echo "$file: no \`/// $line\` line" >>"$failures"
  done
  # One line per struct outside detail: name, whether it has policies(), whether it has state_bytes_per_weight.
  structs=$(perl -0777 -ne '
    s/namespace [\w:]*detail\b[^{]*(\{(?:[^{}]++|(?1))*\})//g;
    while (/\b(?:struct|class)\s+(\w+)[^;{()]*(\{(?:[^{}]++|(?2))*\})/g) {
      my ($name, $body) = ($1, $2);
      print $name, " ", ($body =~ /\bpolicies\s*\(\s*\)\s*const\b/ ? 1 : 0), " ", ($body =~ /\bstate_bytes_per_weight\b/ ? 1 : 0), "\n";
    }' <<<"$code")
  while read -r name composes states; do
    if [[ $composes == 1 ]]; then
      names+=" $name"
      if [[ $states == 0 ]]; then echo "$file: $name has no state_bytes_per_weight" >>"$failures"; fi
    fi
  done <<<"$structs"
done
names=$(tr ' ' '\n' <<<"$names" | sort -u | sed '/^$/d')
# Identifiers that another room may use although a method is called so.
identifiers=$(grep -vxF -f <(tr ' ' '\n' <<<"$words") <<<"$names" || true)

pattern=$(paste -sd'|' <<<"$identifiers")
if [[ -n $pattern ]]; then
  while read -r file; do
    code_of <"$file" | { grep -nwE "$pattern" || true; } | grep -vE '^[0-9]+: *# *include ' | sed "s|^|$file:|; s|\$|    <- the name of a method|" >>"$failures" || true
  done < <(find include/zolt -name '*.hpp' -not -path "$methods/*" | sort)
fi

file_pattern=$(paste -sd'|' <<<"$names")
folders=()
for folder in include tests examples benchmarks; do
  if [[ -d $folder ]]; then folders+=("$folder"); fi
done
find "${folders[@]}" \( -type f -o -type d \) -not -path "$methods/*" -not -path 'tests/method/*' | sort |
  { grep -E "(^|/)($file_pattern)(_test)?(\.[a-z]+)?\$" || true; } | sed 's|$|: called like a method|' >>"$failures"

sort -u "$failures"
echo "$(wc -l <<<"$names") names of methods, $(sort -u "$failures" | wc -l) violations"
[[ ! -s $failures ]]
