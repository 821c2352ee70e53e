#include <gtest/gtest.h>

#include <cfloat>

#include "numeric/codec_checks.hpp"
#include "numeric/float_state.hpp"

namespace zolt {
namespace {

/// Read at run time, so that the compiler cannot fold what the float unit is to do.
volatile float least_normal = FLT_MIN, one = 1, tiny = FLT_EPSILON / 8;

TEST(codecs, agree_with_the_exact_model) { EXPECT_EQ(test::codec_faults(), ""); }

TEST(codecs, agree_with_it_while_the_float_unit_rounds_up) {
  const test::rounding_mode scope(FE_UPWARD);
  ASSERT_GT(one + tiny, 1.0f) << "the mode is on";
  EXPECT_EQ(test::codec_faults(), "");
}

TEST(codecs, agree_with_it_while_the_float_unit_rounds_down) {
  const test::rounding_mode scope(FE_DOWNWARD);
  ASSERT_LT(one - tiny, 1.0f) << "the mode is on";
  EXPECT_EQ(test::codec_faults(), "");
}

TEST(codecs, agree_with_it_while_the_float_unit_rounds_toward_zero) {
  const test::rounding_mode scope(FE_TOWARDZERO);
  ASSERT_LT(one - tiny, 1.0f) << "the mode is on";
  EXPECT_EQ(test::codec_faults(), "");
}

#if defined(__SSE2__)
TEST(codecs, agree_with_it_while_subnormal_floats_are_flushed) {
  const test::flushed_subnormals scope;
  ASSERT_EQ(least_normal / 2, 0.0f) << "the mode is on";
  EXPECT_EQ(test::codec_faults(), "");
}
#endif

}  // namespace
}  // namespace zolt
