#include "zolt/numeric/unsigned_minifloat.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <vector>

#include "support/instruction_sets.hpp"
#include "support/weights.hpp"
#include "zolt/kernel/moments.hpp"

namespace zolt::test {
namespace {

static_assert(number_format<ue5m3> && ue5m3::name == "ue5m3" && ue5m3::bits == 8);
static_assert(ue5m3::value_of(0) == 0 && ue5m3::value_of(1) == 0x1p-17f && ue5m3::value_of(8) == 0x1p-14f);
static_assert(ue5m3::value_of(255) == 122880 && unsigned_minifloat<4, 3, 7>::value_of(127) == 480);

TEST(unsigned_minifloat, values_ascend_and_share_those_of_the_signed_format) {
  for (int o = 1; o <= ue5m3::highest; ++o) {
    EXPECT_GT(ue5m3::value_of(o), ue5m3::value_of(o - 1));
    EXPECT_EQ(ue5m3::ordinal_of(ue5m3::code_of(o)), o);
    if (o <= e5m2::highest) {
      EXPECT_EQ(ue5m3::value_of(2 * o), e5m2::value_of(o));
    }
  }
}

TEST(unsigned_minifloat, vectors_encode_and_decode_as_single_numbers_do) {
  draws d(9);
  std::vector<float> x = {0.0f, -0.0f, -1.0f, 0x1p-126f, 0x1p-18f, 122880.0f, 122881.0f, 1e30f};
  for (int o = 0; o <= ue5m3::highest; ++o) x.push_back(ue5m3::value_of(o));
  while (x.size() < 1501) x.push_back(std::ldexp(1 + d.real(0, 1), static_cast<int>(d.below(38)) - 22));
  std::vector<std::uint32_t> words;
  for (std::size_t j = 0; j < x.size(); ++j) words.push_back(d.word());
  for_each_instruction_set([&]<instruction_set Set>(instruction_set_constant<Set>) {
    std::vector<std::int32_t> codes(x.size());
    kernel::scale_runs runs({x.size(), x.size()}, 0);
    kernel::encoding met;
    const scaled grids[] = {{1}};
    encode_kernels<Set>::template encode<ue5m3, stochastic_rounding>(x.data(), words.data(), 0, x.size(), grids, runs, codes.data(), met);
    EXPECT_EQ(met.clamped, 3u);
    std::vector<code> bytes;
    for (std::size_t j = 0; j < x.size(); ++j) {
      EXPECT_EQ(codes[j], encode<ue5m3>(x[j], stochastic_rounding{}, words[j]).ordinal) << x[j];
      bytes.push_back(static_cast<code>(codes[j]));
    }
    std::vector<float> values(x.size());
    decode_kernels<Set>::template decode_codes<ue5m3>(bytes.data(), bytes.size(), kernel::unscaled{}, values.data());
    for (std::size_t j = 0; j < x.size(); ++j) EXPECT_EQ(values[j], ue5m3::value_of(codes[j]));
  });
}

TEST(moment_scale, is_the_least_power_of_two_that_holds_the_largest) {
  for (const float largest : {448.0f, 449.0f, 1.0f, 0x1.8p-60f, 3e38f, 7e-10f}) {
    const float scale = kernel::moment_scale<e4m3fn>(largest);
    int exponent;
    EXPECT_EQ(std::frexp(scale, &exponent), 0.5f);
    EXPECT_LE(largest / scale, 448);
    EXPECT_GT(largest / scale, 224);
  }
  EXPECT_EQ(kernel::moment_scale<ue5m3>(0), 0x1p-100f);
  EXPECT_EQ(kernel::moment_scale<ue5m3>(122880), 1);
}

}  // namespace
}  // namespace zolt::test
