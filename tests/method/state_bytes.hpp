#pragma once

#include <gtest/gtest.h>

#include <cstddef>

#include "zolt/core/tensor.hpp"
#include "zolt/numeric/integer.hpp"
#include "zolt/optimizer/optimizer.hpp"
#include "zolt/quantize/quantized_tensor.hpp"

/// What a method keeps beside the weights is what it documents. One tensor each, because an optimizer is compiled for every method.
namespace zolt::test {

inline constexpr std::size_t weights = 64 * 32;  // a whole number of bytes for every width of a residual

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

}  // namespace zolt::test
