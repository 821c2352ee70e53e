#!/usr/bin/env bash
# golden_matrix.sh source expected-file data-dir include-dir work-dir compiler...
# Compiles the program over {compilers} x {-O0,-O2,-O3} x {baseline,-march=native} x {-ffp-contract=off,fast}, runs each as
# `program data-dir threads` for 1, 2 and 7 threads, and fails unless every run prints exactly what the expected file holds.
set -euo pipefail

if [[ ${1-} == --one ]]; then # one variant; started by xargs below
  id=$2
  read -r -a command <<<"$3"
  if ! "${command[@]}" -std=c++20 -pthread "-I$ZOLT_INCLUDE" "$ZOLT_SOURCE" -o "$id" >"$id.log" 2>&1; then
    why=$(grep -m 1 'error' "$id.log" || true)
    for threads in 1 2 7; do echo "$3|$threads|does not compile: ${why//|/ }"; done >"$id.result"
    exit 0
  fi
  for threads in 1 2 7; do
    output=$("./$id" "$ZOLT_GOLDEN_DATA" "$threads" 2>"$id.log" | tr -d '\r') || output="exit status $?, see $id.log"
    echo "$3|$threads|$output"
  done >"$id.result"
  rm -f "$id" # the log and the result are enough
  exit 0
fi

script=$(realpath "${BASH_SOURCE[0]}")
export ZOLT_SOURCE=$1 ZOLT_GOLDEN_DATA=$3 ZOLT_INCLUDE=$4
expected_file=$2 work=$5
shift 5

rm -rf "$work"
mkdir -p "$work"
cd "$work"

id=0
for compiler in "$@"; do
  for level in -O0 -O2 -O3; do
    for arch in "" " -march=native"; do
      # Where the target has no fused instruction, contraction on and off are one program.
      contractions=(off fast)
      if ! echo __FMA__ __ARM_FEATURE_FMA | "$compiler" $arch -E -x c++ - | tail -n 1 | grep -q 1; then contractions=(fast); fi
      for contract in "${contractions[@]}"; do
        id=$((id + 1))
        printf '%s\0%s\0' "variant_$id" "$compiler $level$arch -ffp-contract=$contract"
      done
    done
  done
done | xargs -0 -n 2 -P 2 bash "$script" --one

expected="(there is no ${expected_file##*/})"
if [[ -f $expected_file ]]; then expected=$(<"$expected_file"); fi

# shellcheck disable=SC2012 # our own file names
ls variant_*.result | sort -t_ -k2 -n | xargs cat | awk -F'|' -v expected="$expected" '
  { sub(/^[^ ]*\//, "", $1); row[NR] = sprintf("%-6s %-44s threads=%s  %s", $3 == expected ? "ok" : "DIFFER", $1, $2, $3) }
  { bad += $3 != expected; if (!seen[$3]++) ++outputs }
  END {
    printf "expected %s\n%d runs, %d differ\n", expected, NR, bad
    if (outputs == 1) print "all print " $3
    else for (i = 1; i <= NR; ++i) print row[i]
    exit bad > 0 || NR == 0
  }'
