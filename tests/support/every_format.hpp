#pragma once

#include <gtest/gtest.h>

#include "zolt/numeric/codebook.hpp"
#include "zolt/numeric/integer.hpp"
#include "zolt/numeric/minifloat.hpp"
#include "zolt/quantize/block_scales.hpp"
#include "zolt/quantize/quantizer.hpp"

/// Every number format of the library as a weight that trains, with the granularity and the scales it usually comes with.
namespace zolt::test {

template <class Format, std::size_t Group = 32>
using grouped = quantized_tensor<Format, per_group<Group>>;

template <class Format>
using microscaled = quantized_tensor<Format, per_group<32>, e8m0_scales>;

template <class... Weights>
struct weight_list {
  using test_types = ::testing::Types<Weights...>;
  template <template <class...> class Into, template <class> class Map>
  using mapped = Into<Map<Weights>...>;
};

using every_weight =
    weight_list<grouped<int2>, grouped<int3>, grouped<int4>, grouped<int5>, grouped<int6>, grouped<int7>, quantized_tensor<int8>,
                grouped<full_integer<4>>, grouped<full_integer<8>>, grouped<uint2>, grouped<uint4>, grouped<uint8>, grouped<e4m3fn>,
                grouped<e5m2>, grouped<e4m3fnuz>, grouped<e5m2fnuz>, grouped<e4m3b11fnuz>, grouped<e4m3>, grouped<e3m4>, grouped<e3m2fn>,
                grouped<e2m3fn>, grouped<e2m1fn>, grouped<nf4, 64>, grouped<fp4_bnb, 64>, grouped<iq4_nl>, microscaled<e4m3fn>,
                microscaled<e2m1fn>, microscaled<mxint8>, quantized_tensor<e2m1fn, per_group<16>, nvfp4_scales>,
                quantized_tensor<nf4, per_group<64>, double_quantized_scales>, quantized_tensor<int4, per_block<16, 16>, half_scales>>;

/// The quantizer that makes a kind of weights.
template <class Weights>
struct quantizer_of;
template <class Format, class Granularity, class Scales>
struct quantizer_of<quantized_tensor<Format, Granularity, Scales>> {
  using range = std::conditional_t<std::same_as<Scales, nvfp4_scales>, largest_magnitude,
                                   std::conditional_t<std::same_as<Scales, e8m0_scales>, power_of_two_ceil, absmax>>;
  using type = quantizer<Format, Granularity, range, nearest_even, Scales>;
};

}  // namespace zolt::test
