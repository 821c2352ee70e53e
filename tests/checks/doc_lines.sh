#!/usr/bin/env bash
# doc_lines.sh include/zolt: a header of direction/, estimator/ or update/ that defines a struct says its units and its source
# (`/// Units ...`, `/// Source ...`). Documented structs of other rooms, and further structs of these, are only listed.
set -euo pipefail
cd "$1"

folders=()
for room in direction estimator update quantize numeric; do
  if [[ -d $room ]]; then folders+=("$room"); fi
done
if [[ ${#folders[@]} -eq 0 ]]; then
  echo "no rooms yet"
  exit 0
fi

find "${folders[@]}" -name '*.hpp' | sort | xargs -r awk '
  function finish() {
    if (name == "" || !structs || name !~ /^(direction|estimator|update)\//) return
    if (!any_units) { print "include/zolt/" name ": no `/// Units` line"; ++failures }
    if (!any_source) { print "include/zolt/" name ": no `/// Source` line"; ++failures }
  }
  FNR == 1 { finish(); name = FILENAME; structs = any_units = any_source = hidden = 0; doc = "" }
  /^namespace .*detail/ { hidden = 1 }
  /^}.*namespace .*detail/ { hidden = 0 }
  /^[ \t]*\/\/\// {
    doc = doc $0 "\n"
    if (/\/\/\/ *Units/) any_units = 1
    if (/\/\/\/ *Source/) any_source = 1
    next
  }
  /^(template|requires|\[\[)/ && !/(struct|class) [a-z_]+[^>]*\{/ { next }  # between a doc comment and its struct
  /^(template.*> *)?(struct|class) [a-z_0-9]+/ && !/(struct|class) [a-z_0-9]+;/ && !hidden {
    ++structs
    if (doc != "" && (doc !~ /\/\/\/ *Units/ || doc !~ /\/\/\/ *Source/)) list = list "  " name ":" FNR ": " $0 "\n"
  }
  { doc = "" }
  END {
    finish()
    if (list != "") printf "documented without Units or Source (not an error):\n%s", list
    exit failures > 0
  }'
