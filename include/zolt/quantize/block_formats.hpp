#pragma once

#include "zolt/numeric/codebook.hpp"
#include "zolt/numeric/integer.hpp"
#include "zolt/numeric/minifloat.hpp"
#include "zolt/quantize/block_scales.hpp"
#include "zolt/quantize/quantizer.hpp"

namespace zolt::inline v0 {

/// Microscaling: 32 elements share a power of two. The rule is power_of_two_floor, as the specification says, or power_of_two_ceil.
///
/// Units    bits per weight: those of the element and 8/32.
/// Source   OCP Microscaling Formats v1.0 §6.3.
template <number_format Element, class Rule = power_of_two_floor>
using mx_quantizer = quantizer<Element, per_group<32>, Rule, nearest_even, e8m0_scales>;

using mxfp8_quantizer = mx_quantizer<e4m3fn>;
using mxfp6_quantizer = mx_quantizer<e2m3fn>;
using mxfp4_quantizer = mx_quantizer<e2m1fn>;
using mxint8_quantizer = mx_quantizer<mxint8>;

/// NVFP4: 16 elements share an E4M3 scale, the tensor a float.
///
/// Units    4.5 bits per weight.
/// Source   NVIDIA (arXiv 2509.25149); see nvfp4_scales.
using nvfp4_quantizer = quantizer<e2m1fn, per_group<16>, largest_magnitude, nearest_even, nvfp4_scales>;

/// NF4 in groups of 64, with scales as floats or double-quantized.
///
/// Units    4.5 bits per weight, double-quantized 4.127.
/// Source   Dettmers et al. 2023 (QLoRA, arXiv 2305.14314) §3.
using nf4_quantizer = quantizer<nf4, per_group<64>>;
using nf4_double_quantizer = quantizer<nf4, per_group<64>, absmax, nearest_even, double_quantized_scales>;

}  // namespace zolt::inline v0
