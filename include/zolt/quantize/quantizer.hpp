#pragma once

#include <bit>
#include <concepts>
#include <cstdint>
#include <span>
#include <string_view>

#include "zolt/core/exact.hpp"
#include "zolt/quantize/quantized_tensor.hpp"
#include "zolt/random/stream.hpp"

namespace zolt::inline v0 {

/// A range policy: the scale of weights that share one. `greatest` is the format's largest value; the result is positive and finite.
template <class R>
concept range_policy = requires(const R& r, std::span<const float> weights, float greatest) {
  { r.scale_for(weights, greatest) } -> std::same_as<float>;
};

/// The scale that maps the largest magnitude to the largest code; 1 for weights that are all zero.
///
///   s = max|w| / value_of(highest), up by one float where the quotient is rounded so far down that max|w| / s is above value_of(highest)
///
/// Units    weight per code value.
/// Source   symmetric min-max quantization, Jacob et al. 2018 §3.
struct absmax {
  float scale_for(std::span<const float> weights, float greatest) const {
    float largest = 0;
    for (const float w : weights) largest = std::max(largest, std::fabs(w));
    float scale = largest / greatest;
    if (largest / scale > greatest) scale = std::nextafter(scale, largest);  // rounded down: the largest weight would lie outside
    return scale > 0 ? scale : 1.0f;
  }
};

/// What quantizing did to a tensor.
struct quantization_events {
  std::size_t clamped = 0;  ///< weights outside the range that the scale covers
};

/// format × granularity × range policy × rounding: fits the scales of float weights, then encodes each weight as round(w / s).
///
/// Units    weights as given; codes are ordinals.
/// Shapes   weights rows × columns, row-major, as the result.
/// Cost     two passes over the weights; allocates the result alone.
/// Errors   an empty tensor, a NaN or infinite weight (with its index), a group that does not divide the columns.
/// Source   Jacob et al. 2018 eq. 1 with zero point 0; stochastic rounding draws word i of stream `round_quantize` under `key`.
template <number_format Format, granularity Granularity = per_channel, class Range = absmax, class Rounding = nearest_even>
struct quantizer {
  static_assert(range_policy<Range>,
                "zolt: a range policy needs scale_for(weights, greatest), which returns a float (see zolt::range_policy)");
  static_assert(rounding<Rounding>,
                "zolt: a rounding needs random and operator()(grid_position, word), which returns an int (see zolt::rounding)");

  Range range{};
  Rounding round{};
  direction_key key{};

  quantized_tensor<Format, Granularity> operator()(std::string_view name, tensor_view<const float> weights,
                                                   quantization_events* events = nullptr) const {
    const scale_layout layout = checked_layout<Granularity>(name, weights.shape());
    for (std::size_t i = 0; i < weights.size(); ++i)
      if (!exact::is_finite(weights.data()[i])) fail(name, "weight " + to_text(i), weights.data()[i], "be finite");
    quantized_tensor<Format, Granularity> result(weights.shape());
    const auto view = result.view();
    word_reader words(random_stream(key, hash_of(name.data(), name.size()), stream::round_quantize));
    for (std::size_t i = 0; i < weights.size();) {
      const std::size_t end = layout.end(i);
      const float scale = range.scale_for(weights.flat().subspan(i, end - i), Format::value_of(Format::highest));
      result.scales()[layout.index(i)] = scale;
      for (; i < end; ++i) {
        const encoded e = encode<Format>(weights.data()[i] / scale, round, Rounding::random ? words(i) : 0);
        view.set_code(i, Format::code_of(e.ordinal));
        if (events != nullptr) events->clamped += e.clamped;
      }
    }
    return result;
  }
};

/// Quantizes with the usual choices: symmetric, absmax, nearest even.
template <number_format Format, granularity Granularity = per_channel>
quantized_tensor<Format, Granularity> quantize(std::string_view name, tensor_view<const float> weights) {
  return quantizer<Format, Granularity>{}(name, weights);
}

/// The median distance between neighbouring codes around the weights of a coded tensor or view: a unit for the float tensors beside it.
///
/// Cost     one read of the codes and 4 bytes per weight while it runs.
/// Errors   a tensor without weights.
template <class Weights>
double unit_of(const Weights& weights) {
  using format = typename Weights::format;
  if (weights.shape().size() == 0) fail("unit_of", "shape", weights.shape().text(), "have at least one element");
  const auto view = [&weights] {
    if constexpr (requires { weights.view(); })
      return weights.view();
    else
      return weights;
  }();
  std::vector<float> steps(weights.shape().size());
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const int ordinal = format::ordinal_of(view.code(i));
    const int next = ordinal < format::highest ? ordinal + 1 : ordinal - 1;
    steps[i] = std::fabs(format::value_of(next) - format::value_of(ordinal)) * view.scale(i);
  }
  const auto median = steps.begin() + static_cast<std::ptrdiff_t>(steps.size() / 2);
  std::nth_element(steps.begin(), median, steps.end());
  return *median;
}

}  // namespace zolt::inline v0
