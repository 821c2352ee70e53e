#!/usr/bin/env bash
# Builds and runs all tests on g++, on clang++, and on clang++ with sanitizers. Ends with a line `N passed, N failed`.
# ZOLT_JOBS sets how many compilers and tests run at once (default: one per processor).
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=cmake/debian_packages.sh
source "$root/cmake/debian_packages.sh"
need_packages g++ clang cmake ninja-build libeigen3-dev libfmt-dev libcli11-dev libgtest-dev libbenchmark-dev gnuplot-nox \
  dataset-fashion-mnist zlib1g-dev libclang-rt-14-dev libomp-14-dev g++-aarch64-linux-gnu qemu-user

jobs=${ZOLT_JOBS:-$(nproc)}
passed=0 failed=0 skipped=0 failures=()

# test_preset preset [cmake argument...]
test_preset() {
  local preset=$1 build=$root/build/$1 log=$root/build/$1/ctest.log start=$SECONDS
  shift
  echo
  echo "== $preset: configure"
  if ! cmake -S "$root" --preset "$preset" "$@"; then
    failed=$((failed + 1)) failures+=("$preset: configure")
    return
  fi
  echo "== $preset: build"
  if ! cmake --build "$build" -j "$jobs" -- -k 0; then # as much as can be built, so that the rest is still tested
    failed=$((failed + 1)) failures+=("$preset: build")
  fi
  echo "== $preset: test"
  ctest --test-dir "$build" -j "$jobs" --output-on-failure --no-tests=error 2>&1 | tee "$log" || true

  # ctest counts a skipped test as passed; here it is neither.
  local total=0 bad=0 skips name
  read -r bad total < <(sed -nE 's/^[0-9]+% tests passed, ([0-9]+) tests failed out of ([0-9]+)$/\1 \2/p' "$log") || true
  skips=$(grep -cE '^[[:space:]]+[0-9]+ - .* \((Skipped|Disabled)\)$' "$log" || true)
  if [[ $total -eq 0 ]]; then bad=1 total=1 failures+=("$preset: ctest ran nothing"); fi
  while read -r name; do failures+=("$preset: $name"); done < <(sed -nE '/^The following tests FAILED/,$ s/^[[:space:]]+[0-9]+ - (.*)$/\1/p' "$log")
  passed=$((passed + total - bad - skips)) failed=$((failed + bad)) skipped=$((skipped + skips))
  echo "== $preset: $((total - bad - skips)) passed, $bad failed, $skips skipped, $((SECONDS - start)) s"
}

cd "$root" # presets are looked up here
test_preset gcc -DZOLT_TESTS_PER_UNIT=8
test_preset clang -DZOLT_BUILD_BENCHMARKS=OFF -DZOLT_ROOM_TESTS=OFF # they run under this compiler below, sanitized
test_preset sanitize -DZOLT_TESTS_PER_UNIT=8 -DZOLT_BUILD_BENCHMARKS=OFF -DZOLT_BUILD_EXAMPLES=OFF

echo
echo "== all configurations, $SECONDS s, $skipped skipped"
if [[ ${#failures[@]} -gt 0 ]]; then printf 'failed: %s\n' "${failures[@]}"; fi
echo "$passed passed, $failed failed"
[[ $failed -eq 0 ]]
