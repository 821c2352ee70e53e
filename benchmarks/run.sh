#!/usr/bin/env bash
# Times kernels beside what limits them, or measures methods beside what their papers claim, in one run, and prints one table.
#   benchmarks/run.sh kernels [--quick] [--check] [--plot] [--only TEXT] [--out DIR]   kernels beside the machine's limits and today's libraries
#   benchmarks/run.sh flags   [--quick] [--check] [--only TEXT] [--out DIR]            the same kernels: -O2 beside -O3 -march=native
#   benchmarks/run.sh claims  [--quick] [--only TEXT] [--out DIR]                      methods beside the claims of their papers
# --check exits 1 where a row is below 85 % of its must. --quick: fewer rounds and smaller sets, or rates that are known. LibTorch is measured where it is installed.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=cmake/debian_packages.sh
source "$root/cmake/debian_packages.sh"

usage() {
  sed -n '3,6s/^# *//p' "${BASH_SOURCE[0]}" >&2
  exit 2
}
command=${1-}
if [[ $command != kernels && $command != flags && $command != claims ]]; then usage; fi
shift
out=$root/build/benchmarks/results plot=0 arguments=()
while [[ $# -gt 0 ]]; do
  case $1 in
    --out) out=${2:?--out needs a folder}; shift 2 ;;
    --out=*) out=${1#--out=}; shift ;;
    --plot) plot=1; shift ;;
    --check) if [[ $command == claims ]]; then usage; fi; arguments+=("$1"); shift ;;
    --quick) arguments+=("$1"); shift ;;
    --only) arguments+=("$1" "${2:?--only needs a part of a name}"); shift 2 ;;
    *) usage ;;
  esac
done
if [[ $command != kernels && $plot == 1 ]]; then usage; fi

program=ratio
packages=(g++ cmake ninja-build libeigen3-dev libbenchmark-dev libfmt-dev libcli11-dev librandom123-dev)
if [[ $command == claims ]]; then program=claims packages+=(zlib1g-dev dataset-fashion-mnist); fi
if [[ $command == flags ]]; then packages+=(clang); fi
if [[ $plot == 1 ]]; then packages+=(gnuplot-nox); fi
need_packages "${packages[@]}"

build=$root/build/benchmarks
mkdir -p "$build"
echo "== configure and build in $build"
cmake -S "$root" -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release \
  -DZOLT_BUILD_TESTS=OFF -DZOLT_BUILD_EXAMPLES=OFF -DZOLT_BUILD_BENCHMARKS=ON >"$build/configure.log" 2>&1 || { cat "$build/configure.log" >&2; exit 1; }
cmake --build "$build" --target "$program"

if [[ $command == flags ]]; then
  for compiler in g++ clang++; do
    libraries=()
    for flags in "-O2" "-O3 -march=native"; do
      library=$build/flag_kernels_$compiler${flags//[ =]/}.so
      echo "== $compiler $flags"
      # shellcheck disable=SC2086
      "$compiler" -std=c++20 -DNDEBUG $flags -shared -fPIC -fvisibility=hidden -Wl,-Bsymbolic -I "$root/include" \
        "$root/benchmarks/ratio/flag_kernels.cpp" -o "$library" -pthread
      libraries+=("$library")
    done
    arguments+=(--build "$compiler" "${libraries[@]}")
  done
fi

mkdir -p "$out"
echo "== $(sed -n 's/^model name[[:space:]]*: //p' /proc/cpuinfo | head -1), $(nproc) processors; $(g++ --version | head -1)"
run=("$build/benchmarks/$program")
if [[ $program == ratio ]]; then run+=("$command" --targets "$root/benchmarks/targets.tsv"); fi
status=0
"${run[@]}" --out "$out" ${arguments[@]+"${arguments[@]}"} || status=$?
echo "== $out/$command.tsv"
if [[ $plot == 1 ]]; then
  gnuplot -e "points='$out/roofline.tsv'; chart='$out/roofline.svg'" "$root/benchmarks/roofline.gp"
  echo "== $out/roofline.svg"
fi
exit "$status"
