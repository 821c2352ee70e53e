#include <gtest/gtest.h>

#include <cstddef>

#include "zolt/core/tensor.hpp"
#include "zolt/method/eggroll.hpp"
#include "zolt/method/grzo.hpp"
#include "zolt/method/lozo.hpp"
#include "zolt/method/qes.hpp"
#include "zolt/method/quzo.hpp"
#include "zolt/method/qzo.hpp"
#include "zolt/method/zoqo.hpp"
#include "zolt/numeric/integer.hpp"
#include "zolt/optimizer/optimizer.hpp"
#include "zolt/quantize/quantized_tensor.hpp"

// What a method keeps beside the weights is what it documents: the methods that state_bytes_test.cpp leaves out. One tensor each, because an
// optimizer is compiled for every method.

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

TEST(state_bytes, of_methods_on_floats_and_scales) {
  expect_bytes_on_floats<method::qzo>();
  expect_bytes_on_floats<method::normalised_qzo>();
  expect_bytes_on_floats<method::eggroll<2>>();
  expect_bytes_on_floats<method::grzo>();
  expect_bytes_on_floats<method::lozo<2>>();
  expect_bytes_on_floats<method::quzo>();
}

TEST(state_bytes, of_methods_on_the_grid) {
  expect_bytes_on_codes<method::qes>();
  expect_bytes_on_codes<method::qes_residual<5>>();
  expect_bytes_on_codes<method::qes_residual<16>>();
  expect_bytes_on_codes<method::integer_eggroll<2>>();
  expect_bytes_on_codes<method::per_example_residual<4>>();
  expect_bytes_on_codes<method::per_example_step_matched>();
  expect_bytes_on_codes<method::quzo_codes>();
  expect_bytes_on_codes<method::zoqo<1>>();
}

}  // namespace
}  // namespace zolt::test
