#include <gtest/gtest.h>

#include <cstddef>

#include "zolt/core/tensor.hpp"
#include "zolt/method/caq_zo.hpp"
#include "zolt/method/fzoo.hpp"
#include "zolt/method/kerzoo.hpp"
#include "zolt/method/meazo.hpp"
#include "zolt/method/mezo.hpp"
#include "zolt/method/step_matched.hpp"
#include "zolt/method/zo_adamm.hpp"
#include "zolt/method/zo_sign_sgd.hpp"
#include "zolt/numeric/integer.hpp"
#include "zolt/optimizer/optimizer.hpp"
#include "zolt/quantize/quantized_tensor.hpp"

// What a method keeps beside the weights is what it documents.

namespace zolt::test {
namespace {

constexpr std::size_t weights = 64 * 32;  // a whole number of bytes for every width of a residual

template <class Method>
void expect_bytes_on_floats(const Method& method = {}) {
  tensor<float> w(shape{64, 32});
  const optimizer opt{parameters(parameter("w", w)), method};
  EXPECT_EQ(static_cast<double>(opt.state_bytes()), Method::state_bytes_per_weight * weights);
}

template <class Method>
void expect_bytes_on_codes(const Method& method = {}) {
  quantized_tensor<int8, per_tensor> w(shape{64, 32});
  w.scales()[0] = 1;
  const optimizer opt{parameters(parameter("w", w)), method};
  EXPECT_EQ(static_cast<double>(opt.state_bytes()), Method::state_bytes_per_weight * weights);
}

TEST(state_bytes, of_methods_on_floats) {
  expect_bytes_on_floats<method::mezo>();
  expect_bytes_on_floats<method::mezo_momentum>();
  expect_bytes_on_floats<method::mezo_adam>();
  expect_bytes_on_floats<method::zo_sign_sgd>();
  expect_bytes_on_floats<method::zo_scalar_sign_sgd>();
  expect_bytes_on_floats<method::zo_adam>();
  expect_bytes_on_floats<method::zo_adamm>();
  expect_bytes_on_floats<method::fzoo>();
  expect_bytes_on_floats<method::kerzoo>();
  expect_bytes_on_floats<method::meazo>();
}

TEST(state_bytes, of_methods_on_codes) {
  expect_bytes_on_codes<method::step_matched>();
  expect_bytes_on_codes<method::step_matched_residual<1>>();
  expect_bytes_on_codes<method::step_matched_residual<3>>();
  expect_bytes_on_codes<method::step_matched_residual<8>>();
  expect_bytes_on_codes<method::step_matched_residual<16>>();
  expect_bytes_on_codes<method::caq_zo>();
}

}  // namespace
}  // namespace zolt::test
