// Compiled with -ffast-math, which may reorder and approximate float arithmetic and takes NaN and infinity for impossible: no code may change.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cfenv>
#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

// An inline function is kept once in a program, in the version of any file. Under another name for the library's inline namespace this
// file has all of the library and of its checks to itself, so that what runs here is what was compiled here.
#define v0 v0_of_fast_math

#include "numeric/codec_checks.hpp"
#include "numeric/float_state.hpp"
#include "zolt/numeric/half.hpp"

namespace zolt {
namespace {

TEST(codecs_under_fast_math, are_compiled_with_it) { EXPECT_TRUE(fast_math) << "tests/CMakeLists.txt sets -ffast-math for this file"; }

TEST(codecs_under_fast_math, agree_with_the_exact_model) { EXPECT_EQ(test::codec_faults(), ""); }

#if defined(__SSE2__)
TEST(codecs_under_fast_math, agree_with_it_while_subnormal_floats_are_flushed) {
  const test::flushed_subnormals scope;
  EXPECT_EQ(test::codec_faults(), "");
}
#endif

struct table_with_gaps {
  static constexpr std::string_view name = "table_with_gaps";
  static constexpr float nan = std::bit_cast<float>(0x7fc00000u);
  static constexpr std::array<float, 4> values = {1.0f, nan, -1.0f, nan};
};

TEST(codecs_under_fast_math, a_table_keeps_its_codes_out_of_use) {
  using format = codebook<table_with_gaps>;
  EXPECT_EQ(format::name, "table_with_gaps");
  EXPECT_EQ(format::highest - format::lowest, 1);
  for (const int c : {0, 1, 2, 3}) EXPECT_EQ(format::has_ordinal(static_cast<code>(c)), c % 2 == 0) << c;
  EXPECT_EQ((encode_code<format>(0.9f, nearest_even{})), 0);
  EXPECT_EQ((encode_code<format>(-0.9f, nearest_even{})), 2);
}

TEST(half_under_fast_math, returns_from_its_value) {
  for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
    const half h{static_cast<std::uint16_t>(bits)};
    const std::uint32_t back = half::from(h.value()).bits;
    const bool nan = (bits & 0x7fff) > 0x7c00;
    ASSERT_TRUE(nan ? (back & 0x7fff) > 0x7c00 : back == bits) << bits;
  }
}

}  // namespace
}  // namespace zolt
