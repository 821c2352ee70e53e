#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "memory.hpp"
#include "zolt/optimizer/optimizer.hpp"
#include "zolt/quantize/quantized_tensor.hpp"

/// Weights as an optimizer takes them, and its visits.
namespace ratio {

inline constexpr std::size_t columns = 2048;
inline zolt::shape shape_of(std::size_t weights) { return {weights / columns, columns}; }

/// Codes and scales in buffers, as the references have them.
template <class Format, std::size_t Group = 128>
struct coded_weights {
  using view_type = zolt::coded_view<Format, zolt::per_group<Group>>;

  explicit coded_weights(std::size_t weights)
      : count(weights), bytes(zolt::packing<Format::bits>::bytes_for(weights)), scales(weights / Group) {
    constexpr std::size_t period = 8192;  // weights; the rest of the codes are copies of these
    const view_type codes = view();
    for (std::size_t i = 0; i < std::min(count, period); ++i) {
      const auto scattered = static_cast<std::uint32_t>(i) * 2654435761u >> 16;
      codes.set_code(i, Format::code_of(Format::lowest + static_cast<int>(scattered) % (Format::highest - Format::lowest + 1)));
    }
    constexpr std::size_t period_bytes = period * Format::bits / 8;
    for (std::size_t b = period_bytes; b < bytes.size(); ++b) bytes.data()[b] = bytes.data()[b - period_bytes];
    for (float& s : scales.all()) s = 0.01f;
  }
  view_type view() const { return {bytes.all(), zolt::scale_view(scales.all()), shape_of(count)}; }
  std::span<std::uint8_t> raw() const { return {reinterpret_cast<std::uint8_t*>(bytes.data()), bytes.size()}; }

  std::size_t count;
  buffer<std::byte> bytes;
  buffer<float> scales;
};

template <class Weights, class... Policies>
auto optimizer_of(const Weights& weights, std::size_t threads, const Policies&... policies) {
  Weights w = weights;
  return zolt::optimizer{zolt::parameters(zolt::parameter{"w", w}), policies..., zolt::options{.threads = threads, .record = false}};
}
inline zolt::tensor_view<float> tensor_of(std::span<float> w) { return {w.data(), shape_of(w.size())}; }

/// Two visits: there and back.
template <class Optimizer>
void visit_and_undo(Optimizer& optimizer) {
  const auto plan = optimizer.ask();
  const typename Optimizer::in_place scope(optimizer, plan[0]);
}
/// One visit: an update along the direction of the current step.
template <class Optimizer>
void update(Optimizer& optimizer, float coefficient, std::uint32_t law_record = 0) {
  const zolt::logged_term term{0, coefficient};
  optimizer.apply({optimizer.step_number(), law_record, 0.01f, 1}, {&term, 1});
}

/// Into a tensor that is there, where the quantizer can.
template <class Quantizer, class Tensor>
void quantize_into(const Quantizer& quantizer, zolt::tensor_view<const float> w, Tensor& to) {
  if constexpr (requires { quantizer.requantize("w", w, to); })
    quantizer.requantize("w", w, to);
  else
    to = quantizer("w", w);
}

}  // namespace ratio
