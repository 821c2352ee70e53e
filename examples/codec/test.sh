#!/usr/bin/env bash
# test.sh codec: known answers of the tool, its pipes there and back, and its complaints.
set -euo pipefail
codec=$1
failed=0

# expect what wanted got
expect() {
  if [[ "$2" != "$3" ]]; then
    printf '%s\n  wanted: %s\n  got:    %s\n' "$1" "$2" "$3"
    failed=1
  fi
}
codes_of() { # format numbers [option...]
  local format=$1 numbers=$2
  shift 2
  echo "$numbers" | "$codec" "$format" encode "$@" | tail -n +2 | cut -d, -f2 | tr '\n' ' '
}

expect "e4m3fn" "0x38 0x01 0x44 0x4a 0x7e 0x7e 0x80 0x7f 0x7e " "$(codes_of e4m3fn '1 0.001 3 5 464 464.00003 -0 nan inf')"
expect "e4m3fn ieee" "0x7e 0x7f 0x7f 0xff " "$(codes_of e4m3fn '464 464.00003 inf -1e9' --overflow ieee)"
expect "e5m2 ieee" "0x3c 0x14 0x42 0x45 0x7b 0x7c " "$(codes_of e5m2 '1 0.001 3 5 61439 61440' --overflow ieee)"
expect "e4m3fnuz" "0x40 0x01 0x4c 0x00 0x80 " "$(codes_of e4m3fnuz '1 0.001 3 -0 nan')"
expect "e2m1fn" "0x02 0x05 0x06 0x07 " "$(codes_of e2m1fn '1 3 5 7')"
expect "toward zero" "0x05 0x06 " "$(codes_of e2m1fn '3.9 5.9' --rounding toward_zero)"
expect "ties away" "0x06 0x07 " "$(codes_of e2m1fn '3.5 5' --rounding nearest_away)"
expect "e8m0fnu" "0x7f 0x80 0x00 0xff " "$(codes_of e8m0fnu '1 1.5 0 -1')"
expect "raw bits and hex-floats" "0x38 0x30 " "$(codes_of e4m3fn '0x3f800000 0x1p-1')"
expect "int4" "0x07 0x09 0x02 " "$(codes_of int4 '99 -99 2.5')"
expect "a decode line" "0x7e,normal,448,0x43e00000" "$("$codec" e4m3fn decode | grep '^0x7e')"
expect "lines of a decode" "257" "$("$codec" e5m2 decode | wc -l)"
expect "stochastic rounding of one seed" "$(codes_of e4m3fn "$(seq 1 0.01 3)" --rounding stochastic --seed 3)" \
  "$(codes_of e4m3fn "$(seq 1 0.01 3)" --rounding stochastic --seed 3)"

# 256 weights as little-endian float32, 1 and -2 by turns: every layout that can be written keeps -2 up to the precision of its scale, and 1
# within the largest step of a 4-bit table.
raw=$(mktemp)
trap 'rm -f "$raw"' EXIT
for ((i = 0; i < 128; ++i)); do printf '\x00\x00\x80\x3f\x00\x00\x00\xc0'; done > "$raw"
for layout in $("$codec" --help | sed -n 's/^Layouts: //p'); do
  case $layout in ggml_q4_K | ggml_q6_K | ggml_iq4_nl) continue ;; esac
  back=$("$codec" "$layout" quantize < "$raw" | "$codec" "$layout" dequantize | od -An -tf4 -w4 -v | sort -gu | tr -d ' ' | tr '\n' ' ')
  near=$(awk '{ print (NF == 2 && ($1 + 2)^2 < 1e-4 && ($2 - 1)^2 < 0.0225) }' <<< "$back")
  expect "$layout there and back: $back" 1 "$near"
done
expect "a layout that is read only" "codec: layout = ggml_q4_K must be one that can be written: this one is read only" \
  "$("$codec" ggml_q4_K quantize 2>&1 < "$raw")"
expect "a truncated layout" "codec: zolt: ggml_q4_0: bytes = 17 must be 0 and a multiple of 18 bytes, one block or more" \
  "$(head -c 17 "$raw" | "$codec" ggml_q4_0 dequantize 2>&1)"
expect "weights that are no whole block" "codec: zolt: mxfp4: columns = 5 must be divided by 32, the block of mxfp4" \
  "$(head -c 20 "$raw" | "$codec" mxfp4 quantize 2>&1)"
expect "bytes that are no float" "codec: bytes on standard input = 3 must be a multiple of 4: little-endian float32" \
  "$(head -c 3 "$raw" | "$codec" mxfp4 quantize 2>&1)"

expect "a word that is no number" "codec: number 1 = 'x' must be decimal, a hex-float, or 0x and eight digits" "$( (echo 1 x | "$codec" int4 encode > /dev/null) 2>&1)"
expect "a name that is none" "codec: name = e9m9 must be a format or a layout; see codec --help" "$("$codec" e9m9 decode 2>&1)"
expect "an action of the other kind" "codec: action = quantize must be decode or encode for a format" "$("$codec" int4 quantize 2>&1 < /dev/null)"
exit $failed
