#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <string>
#include <vector>

#include "support/weights.hpp"
#include "zolt/quantize/block_formats.hpp"
#include "zolt/quantize/report.hpp"

// What each format costs on N(0, 1), the quickest check that a quantizer does what its name says. Expected values: the relative RMSE of an
// exact model in double on 2^18 numbers, which agree with the published table where that was measured on as many; with groups of 32 a
// sample of 4096, as some of the table is, strays by 4 %.

namespace zolt::test {
namespace {

const tensor<float>& normal_numbers() {
  static const tensor<float> numbers = [] {
    tensor<float> t({64, 2048});
    draws d(11);
    for (float& v : t.flat()) v = d.normal();
    return t;
  }();
  return numbers;
}

template <class Quantizer>
tensor_report measured(const Quantizer& q) {
  return report_on("normal", "", normal_numbers(), q("normal", normal_numbers()));
}

struct budget {
  std::string name;
  std::function<tensor_report()> measure;
  double relative_rmse, bits_per_weight;
};
template <class Quantizer>
budget expect(std::string name, Quantizer q, double relative_rmse, double bits_per_weight) {
  return {std::move(name), [q] { return measured(q); }, relative_rmse, bits_per_weight};
}

template <number_format Format, std::size_t Group, class Range = absmax>
using with_half_scales = quantizer<Format, per_group<Group>, Range, nearest_even, half_scales>;

class error_budget : public testing::TestWithParam<budget> {};

TEST_P(error_budget, is_kept_within_two_percent) {
  const tensor_report r = GetParam().measure();
  EXPECT_NEAR(r.relative_rmse() / GetParam().relative_rmse, 1, 0.02) << r.relative_rmse();
  EXPECT_NEAR(r.bits_per_weight(), GetParam().bits_per_weight, 0.001);
}

INSTANTIATE_TEST_SUITE_P(formats, error_budget,
                         testing::Values(expect("int8_g32", with_half_scales<int8, 32>{}, 0.0054, 8.5),
                                         expect("int8_g128", with_half_scales<int8, 128>{}, 0.0064, 8.125),
                                         expect("mxfp8_e4m3_floor", mxfp8_quantizer{}, 0.0295, 8.25),
                                         expect("mxfp8_e4m3_ceil", mx_quantizer<e4m3fn, power_of_two_ceil>{}, 0.0266, 8.25),
                                         expect("mxfp6_e2m3", mxfp6_quantizer{}, 0.0284, 6.25),
                                         expect("mxfp6_e3m2", mx_quantizer<e3m2fn>{}, 0.0541, 6.25),
                                         expect("mxfp8_e5m2", mx_quantizer<e5m2>{}, 0.0541, 8.25),
                                         expect("mxfp4_floor", mxfp4_quantizer{}, 0.1153, 4.25),
                                         expect("mxfp4_ceil", mx_quantizer<e2m1fn, power_of_two_ceil>{}, 0.1152, 4.25),
                                         expect("mxint4", mx_quantizer<integer<4, integer_range::narrow, 2>>{}, 0.132, 4.25),
                                         expect("nvfp4", nvfp4_quantizer{}, 0.0955, 4.5), expect("nf4_b64", nf4_quantizer{}, 0.0925, 4.5),
                                         expect("nf4_b64_double", nf4_double_quantizer{}, 0.0925, 4.127),
                                         expect("fp4_bnb_b64", with_half_scales<fp4_bnb, 64>{}, 0.122, 4.25),
                                         expect("int4_g32", with_half_scales<int4, 32>{}, 0.0975, 4.5),
                                         expect("int4_g128", with_half_scales<int4, 128>{}, 0.117, 4.125),
                                         expect("int4_g128_mse", with_half_scales<int4, 128, mse_grid>{}, 0.106, 4.125),
                                         expect("int2_g32", with_half_scales<int2, 32>{}, 0.66, 2.5),
                                         expect("int2_g32_mse", with_half_scales<int2, 32, mse_grid>{}, 0.42, 2.5)),
                         [](const auto& test) { return test.param.name; });

TEST(error_budget, stochastic_rounding_costs_a_factor_of_the_square_root_of_two) {
  const double nearest = measured(quantizer<int8, per_group<32>>{}).relative_rmse();
  const double random = measured(quantizer<int8, per_group<32>, absmax, stochastic_rounding>{}).relative_rmse();
  EXPECT_NEAR(random / nearest, std::sqrt(2.0), 0.03);
}

TEST(error_budget, few_random_bits_cost_no_more_than_their_step) {
  const double exact = measured(quantizer<int8, per_group<32>, absmax, stochastic_rounding>{}).relative_rmse();
  EXPECT_NEAR((measured(quantizer<int8, per_group<32>, absmax, few_bit_stochastic<8>>{}).relative_rmse()) / exact, 1, 0.01);
  EXPECT_NEAR((measured(quantizer<int8, per_group<32>, absmax, few_bit_stochastic<2>>{}).relative_rmse()) / exact, 1, 0.05);
}

}  // namespace
}  // namespace zolt::test
