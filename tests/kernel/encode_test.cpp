#include <gtest/gtest.h>

#include <bit>
#include <cfloat>
#include <cmath>
#include <vector>

#include "support/weights.hpp"
#include "zolt/kernel/encode.hpp"
#include "zolt/numeric/integer.hpp"
#include "zolt/numeric/minifloat.hpp"

namespace zolt {
namespace {

float float_of(std::uint32_t bits) { return std::bit_cast<float>(bits); }

/// x as weights: around every code and every middle of two, at the ends of the range and of the floats, and anywhere.
template <class Format>
std::vector<float> adversarial(test::draws& random, std::size_t count) {
  std::vector<float> x(count);
  for (float& value : x) {
    const int ordinal = static_cast<int>(random.between(0, static_cast<std::size_t>(Format::highest)));
    const float at = Format::value_of(ordinal), above = Format::value_of(std::min(ordinal + 1, Format::highest));
    switch (random.below(8)) {
      case 0: value = at; break;
      case 1: value = (at + above) / 2; break;
      case 2: value = std::nextafter(at, FLT_MAX); break;
      case 3: value = std::nextafter((at + above) / 2, random.below(2) != 0 ? FLT_MAX : 0.0f); break;
      case 4: value = at + (above - at) * static_cast<float>(random.below(1025)) / 1024; break;
      case 5: value = float_of(random.word() % 0x7f800000u); break;
      case 6: value = random.below(2) != 0 ? 0.0f : float_of(random.word() % 0x800000u); break;
      default: value = random.real(0, Format::value_of(Format::highest) * 1.05); break;
    }
    if (random.below(2) != 0) value = -value;
  }
  return x;
}

/// Random words, those that decide a tie, and those at the threshold of x or beside it.
template <class Format>
std::uint32_t word_for(test::draws& random, float x) {
  if (random.below(2) != 0) return random.word();
  const auto at = static_cast<std::uint32_t>(locate<Format>(std::min(std::fabs(x), Format::value_of(Format::highest))).fraction >> 32);
  return at + static_cast<std::uint32_t>(random.between(0, 2)) - 1;
}

/// One scale, or one multiplier, for all.
template <bool Multiplies>
struct one_grid {
  float factor;
  scaled operator[](std::size_t) const { return {factor}; }
  float multiplier(std::size_t) const requires Multiplies { return factor; }
};

template <class Format, class Rounding, bool Multiplies>
void compare(instruction_set set, test::draws& random) {
  constexpr std::size_t size = 700;
  constexpr std::int32_t untouched = -77;
  for (int trial = 0; trial < 12; ++trial) {
    const std::size_t first = random.below(40), count = random.between(0, size - first - 1);  // the run goes on
    const float factor = trial < 6 ? 1.0f : random.real(0.01, 3);
    std::vector<float> weights = adversarial<Format>(random, size);
    if (trial >= 9)
      for (float& w : weights) w = random.normal() * factor * Format::value_of(Format::highest) / 4;
    if (trial == 5) std::fill(weights.begin(), weights.end(), -0.0f);
    std::vector<std::uint32_t> words(size);
    for (std::size_t j = 0; j < size; ++j) words[j] = word_for<Format>(random, std::fmin(std::fabs(weights[j]), FLT_MAX));
    kernel::encoding expected, met;
    std::vector<std::int32_t> codes(size, untouched);
    const auto run = [&]<instruction_set Set>(instruction_set_constant<Set>) {
      const one_grid<Multiplies> grids{factor};
      const scale_layout layout{size, size};
      kernel::scale_runs runs(layout, first);
      encode_kernels<Set>::template encode<Format, Rounding>(weights.data() + first, words.data() + first, first, first + count, grids,
                                                             runs, codes.data() + first, met);
    };
    if (set == instruction_set::baseline) run(instruction_set_constant<instruction_set::baseline>{});
#if defined(__x86_64__)
    if (set == instruction_set::avx2) run(instruction_set_constant<instruction_set::avx2>{});
    if (set == instruction_set::avx512) run(instruction_set_constant<instruction_set::avx512>{});
#endif
    for (std::size_t j = 0; j < size; ++j) {
      if (j < first || j >= first + count) {
        ASSERT_EQ(codes[j], untouched) << j;
        continue;
      }
      const float x = Multiplies ? weights[j] * factor : weights[j] / factor;
      const encoded e = encode<Format>(x, Rounding{}, words[j]);
      ASSERT_EQ(codes[j], Format::code_of(e.ordinal))
          << name_of(set) << " " << Format::name << " " << Rounding::name << ": " << x << " with " << words[j];
      expected.clamped += e.clamped;
      expected.any_weight |= weights[j] != 0;
      expected.any_value |= e.ordinal != 0;
    }
    ASSERT_EQ(met.clamped, expected.clamped);
    ASSERT_EQ(met.any_weight, expected.any_weight);
    ASSERT_EQ(met.any_value, expected.any_value);
  }
}

template <class Format>
class encoded_lanes : public testing::Test {};
using lane_formats = testing::Types<int8, int4, integer<2>, full_integer<8>, mxint8, e4m3fn, e5m2, e4m3fnuz, e2m1fn>;
TYPED_TEST_SUITE(encoded_lanes, lane_formats);

// Every instruction set gives the code that the scalar definition gives, whatever the weight, the word and the place.
TYPED_TEST(encoded_lanes, are_those_of_the_scalar_definition) {
  test::draws random(1);
  for (const instruction_set set : {instruction_set::baseline, instruction_set::avx2, instruction_set::avx512}) {
    if (!is_available(set)) continue;
    compare<TypeParam, nearest_even, false>(set, random);
    compare<TypeParam, nearest_even, true>(set, random);
    compare<TypeParam, stochastic_rounding, false>(set, random);
    compare<TypeParam, few_bit_stochastic<8>, false>(set, random);
    compare<TypeParam, few_bit_stochastic<16>, false>(set, random);
    compare<TypeParam, few_bit_stochastic<3>, false>(set, random);
  }
}

template <int Bits>
void check_layout() {
  const random_stream source({.run = 3}, 5, stream::round_quantize);
  kernel::random_tile<Bits> tile;
  test::draws random(4);
  for (int trial = 0; trial < 50; ++trial) {
    const std::size_t start = random.below(5) * tile_size, skipped = random.below(tile_size);
    const std::size_t count = random.between(1, tile_size - skipped), first = start + skipped;
    const std::uint32_t* words = tile.draw(source, first, count);
    for (std::size_t j = 0; j < count; j += 1 + random.below(9)) {
      const std::size_t i = first + j;
      std::uint32_t expected = source.word(i);
      if (Bits == 8) expected = source.word(16 * (i / 64) + i % 16) >> 8 * (i % 64 / 16) << 24;
      if (Bits == 16) expected = source.word(16 * (i / 32) + i % 16) >> 16 * (i % 32 / 16) << 16;
      ASSERT_EQ(words[j], expected) << Bits << ": " << i;
    }
  }
}

TEST(random_tile, lies_as_documented) {
  check_layout<8>();
  check_layout<16>();
  check_layout<32>();
  static_assert(random_bits_of<few_bit_stochastic<8>> == 8 && random_bits_of<few_bit_stochastic<9>> == 16);
  static_assert(random_bits_of<few_bit_stochastic<17>> == 32 && random_bits_of<stochastic_rounding> == 32);
  static_assert(random_bits_of<nearest_even> == 0);
}

template <int Bits, class Kernels>
void check_pack() {
  test::draws random(5);
  std::vector<std::int32_t> codes(700);
  for (int trial = 0; trial < 40; ++trial) {
    for (std::int32_t& c : codes) c = static_cast<std::int32_t>(random.below(std::size_t{1} << Bits));
    const std::size_t first = random.below(100), count = random.between(0, 600);
    std::vector<std::byte> bytes(packing<Bits>::bytes_for(700)), expected;
    for (std::byte& b : bytes) b = static_cast<std::byte>(random.below(256));
    expected = bytes;
    for (std::size_t j = 0; j < count; ++j) packing<Bits>::store(expected.data(), first + j, static_cast<code>(codes[j]));
    Kernels::template pack<Bits>(codes.data(), first, count, bytes.data());
    ASSERT_EQ(bytes, expected) << Bits << ": " << first << " + " << count;
  }
}
template <class Kernels>
void check_packs() {
  check_pack<8, Kernels>();
  check_pack<4, Kernels>();
  check_pack<3, Kernels>();
}

TEST(encode_kernels, pack_as_the_scalar_definition) {
  check_packs<encode_kernels<instruction_set::baseline>>();
#if defined(__x86_64__)
  if (is_available(instruction_set::avx2)) check_packs<encode_kernels<instruction_set::avx2>>();
  if (is_available(instruction_set::avx512)) check_packs<encode_kernels<instruction_set::avx512>>();
#endif
}

}  // namespace
}  // namespace zolt
