#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "support/instruction_sets.hpp"
#include "support/weights.hpp"
#include "zolt/kernel/codes.hpp"
#include "zolt/numeric/codebook.hpp"
#include "zolt/numeric/integer.hpp"
#include "zolt/numeric/minifloat.hpp"
#include "zolt/update/write_back.hpp"

namespace zolt::test {
namespace {

template <class Format>
class codes_of : public testing::Test {};
using formats = testing::Types<int8, int4, uint4, int3, full_integer<8>, e4m3fn, e5m2, e2m1fn, nf4>;
TYPED_TEST_SUITE(codes_of, formats);

/// Any code that stands for a number, those that share an ordinal included.
template <class Format>
std::vector<code> any_codes(draws& draw, std::size_t count) {
  std::vector<code> all(count);
  for (code& c : all) {
    do {
      c = static_cast<code>(draw.below(std::size_t{1} << Format::bits));
    } while (!Format::has_ordinal(c));
  }
  return all;
}

constexpr std::size_t sizes[] = {1, 15, 16, 63, 64, 65, 200, 2048};

TYPED_TEST(codes_of, move_within_the_range_and_back) {
  using format = TypeParam;
  draws draw(11);
  for (const std::size_t count : sizes)
    for (const int step : {1, -2, 5}) {
      const std::vector<code> before = any_codes<format>(draw, count);
      std::vector<std::int16_t> z(count);
      for (std::int16_t& each : z) each = static_cast<std::int16_t>(static_cast<int>(draw.below(7)) - 3);
      std::vector<code> wanted = before;
      std::vector<std::uint8_t> why(count);
      for (std::size_t j = 0; j < count; ++j) {
        const int ordinal = format::ordinal_of(before[j]), target = ordinal + step * z[j];
        const int kept = std::clamp(target, format::lowest, format::highest);
        if (kept != ordinal) wanted[j] = format::code_of(kept);
        why[j] = static_cast<std::uint8_t>((kept != target ? kernel::stopped : 0) |
                                           (format::code_of(ordinal) != before[j] ? kernel::not_canonical : 0));
      }
      for_each_instruction_set([&]<instruction_set Set>(instruction_set_constant<Set>) {
        std::vector<code> moved = before;
        std::vector<std::uint8_t> exceptions(count, 77);
        code_kernels<Set>::template move<format>(moved.data(), z.data(), step, count, exceptions.data());
        ASSERT_EQ(moved, wanted) << name_of(Set) << " " << count;
        ASSERT_EQ(exceptions, why) << name_of(Set) << " " << count;
        code_kernels<Set>::template move_back<format>(moved.data(), z.data(), step, count);
        for (std::size_t j = 0; j < count; ++j) {
          if (why[j] != 0) continue;
          ASSERT_EQ(moved[j], before[j]) << name_of(Set) << " " << j;
        }
      });
    }
}

TYPED_TEST(codes_of, land_where_stochastic_rounding_says) {
  using format = TypeParam;
  draws draw(12);
  for (const std::size_t count : sizes) {
    const std::vector<code> before = any_codes<format>(draw, count);
    std::vector<float> delta(count);
    std::vector<std::uint32_t> words(count);
    for (std::size_t j = 0; j < count; ++j) {
      const float scale[] = {0.01f, 1.0f, 3.0f, 1e10f};
      delta[j] = draw.below(4) == 0 ? 0.0f : scale[draw.below(4)] * draw.real(-1, 1);
      words[j] = draw.word();
      const std::uint64_t threshold = locate_update<stochastic>(delta[j]).fraction >> 32;
      const std::uint32_t at[] = {static_cast<std::uint32_t>(threshold), static_cast<std::uint32_t>(threshold) - 1};
      if (draw.below(3) == 0) words[j] = at[draw.below(2)];  // where one bit decides
    }
    std::vector<code> wanted = before;
    kernel::landed_codes met;
    for (std::size_t j = 0; j < count; ++j) {
      const int ordinal = format::ordinal_of(before[j]);
      const landing at = land<stochastic>(ordinal, 0, rounded_move<stochastic>(delta[j], words[j]), format::lowest, format::highest);
      if (at.ordinal != ordinal) wanted[j] = format::code_of(at.ordinal);
      met.moved += at.ordinal != ordinal;
      met.clamped += at.clamped;
    }
    for_each_instruction_set([&]<instruction_set Set>(instruction_set_constant<Set>) {
      std::vector<code> codes = before;
      const kernel::landed_codes did = code_kernels<Set>::template land<format>(codes.data(), delta.data(), words.data(), count);
      ASSERT_EQ(codes, wanted) << name_of(Set) << " " << count;
      ASSERT_EQ(did.moved, met.moved) << name_of(Set);
      ASSERT_EQ(did.clamped, met.clamped) << name_of(Set);
    });
  }
}

TYPED_TEST(codes_of, land_signs_as_they_land_deltas) {
  using format = TypeParam;
  if constexpr (kernel::format_of_byte_lanes<format>) {
    draws draw(13);
    for (const std::size_t count : sizes)
      for (const float p : {0.3f, 0.02f, 0.999f, 0x1p-24f, 0.5f}) {
        const std::vector<code> before = any_codes<format>(draw, count);
        const bool negative = draw.below(2) != 0;
        kernel::sign_words words;
        for (std::uint32_t& w : words.signs) w = draw.word();
        for (std::uint32_t& w : words.bytes) w = draw.word();
        for (std::uint32_t& w : words.tails) w = draw.word();
        std::vector<float> delta(count);
        std::vector<std::uint32_t> compared(count);
        for (std::size_t i = 0; i < count; ++i) {
          const bool minus = (words.signs[i / 512 * 16 + i % 16] >> (i % 512 / 16) & 1) != 0;
          delta[i] = minus != negative ? -p : p;
          compared[i] = (words.bytes[i / 64 * 16 + i % 16] >> (i % 64 / 16 * 8) & 0xff) << 24 | words.tails[i / 64] >> 8;
        }
        std::vector<code> wanted = before;
        const auto met = kernel::land_codes<format>(wanted.data(), delta.data(), compared.data(), count);
        for_each_instruction_set([&]<instruction_set Set>(instruction_set_constant<Set>) {
          const auto expect_landed = [&]<class Layout>(Layout) {
            std::vector<std::byte> packed(Layout::bytes_for(count) + 1, std::byte{0x5a});
            Layout::pack(packed.data(), 0, count, before.data());
            std::vector<std::byte> landed = packed;
            Layout::pack(landed.data(), 0, count, wanted.data());
            const auto did = code_kernels<Set>::template land_signs<format, Layout>(
                packed.data(), words, static_cast<std::uint32_t>(double{p} * 0x1p32), negative, count);
            ASSERT_EQ(packed, landed) << name_of(Set) << " " << count << " " << p;
            ASSERT_EQ(did.moved, met.moved) << name_of(Set);
            ASSERT_EQ(did.clamped, met.clamped) << name_of(Set);
          };
          expect_landed(packing<8>{});
          if constexpr (format::bits == 4) expect_landed(packing<4>{});
        });
      }
  }
}

}  // namespace
}  // namespace zolt::test
