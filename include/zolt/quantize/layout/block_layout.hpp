#pragma once

#include <cmath>
#include <concepts>
#include <cstddef>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "zolt/core/exact.hpp"
#include "zolt/core/tensor.hpp"
#include "zolt/kernel/decode.hpp"
#include "zolt/numeric/format.hpp"

namespace zolt::inline v0 {

/// A number that a block keeps beside its codes, by its name in the layout.
struct block_scale {
  std::string_view name;
  float value = 0;
};

/// A file format whose weights lie in blocks that are complete in themselves: `weights` neighbours of a row in `bytes` bytes.
///
/// Functions of a layout may be static. One whose blocks need a number of the whole tensor carries it: it has `prefix`, the bytes before the
/// first block, `of_prefix(bytes)` and `write_prefix(bytes)`, `tensor_scale`, which must be positive and finite, and to be quantizable
/// `of_weights(span)`.
///
/// What the compiler cannot check: scales(block) are all numbers of the block that are not codes; where holds(v) is true for each of them and
/// every code is a number, dequantize writes finite weights. No function reads or writes beside the block, and none needs an aligned address.
template <class L>
concept block_layout = std::copyable<L> && std::default_initializable<L> &&
    requires(const L& layout, const std::byte* block, float* weights, float scale) {
  { L::name } -> std::convertible_to<std::string_view>;
  { L::weights } -> std::convertible_to<std::size_t>;
  { L::bytes } -> std::convertible_to<std::size_t>;
  layout.dequantize(block, weights);
  { layout.scales(block)[0] } -> std::convertible_to<block_scale>;
  { layout.holds(scale) } -> std::same_as<bool>;
  { L::bound } -> std::convertible_to<std::string_view>;
};

/// A layout that can be written. fit(weights) are the scales before they are stored, so that an overflow is found before a byte is written.
///
/// What the compiler cannot check: quantize is defined for any finite weights, and writes all bytes of the block.
template <class L>
concept quantizable_block_layout = block_layout<L> && requires(const L& layout, std::byte* block, const float* weights) {
  layout.quantize(weights, block);
  { layout.fit(weights)[0] } -> std::convertible_to<block_scale>;
};

/// A layout whose codes can be moved one by one: weight j of a block is grid(block)(value_of(ordinal_of(code(block, j)))), to the last bit
/// what dequantize writes.
template <class L>
concept trainable_block_layout = block_layout<L> && number_format<typename L::format> &&
    requires(const L& layout, const std::byte* block, std::byte* writable, std::size_t j, code c) {
  { layout.code(block, j) } -> std::same_as<code>;
  layout.set_code(writable, j, c);
  { layout.grid(block).scale } -> std::convertible_to<float>;
};

namespace detail {

template <class L>
constexpr std::size_t prefix_of() {
  if constexpr (requires { L::prefix; })
    return L::prefix;
  else
    return 0;
}
template <class L>
L layout_in(std::span<const std::byte> bytes) {
  if constexpr (prefix_of<L>() != 0)
    return L::of_prefix(bytes.data());
  else
    return L{};
}

/// Blocks of a shape that the layout can cut.
template <class L>
std::size_t block_count(std::string_view name, const shape& s) {
  constexpr std::size_t most = (std::numeric_limits<std::size_t>::max() - prefix_of<L>()) / L::bytes;
  if (s.rows == 0 || s.columns == 0) fail(name, "shape", s.text(), "have at least one element");
  if (s.size() / s.rows != s.columns || s.size() / L::weights > most)
    fail(name, "shape", s.text(), "have a size that the machine can count");
  if (s.columns % L::weights != 0)
    fail(name, "columns", s.columns, "be divided by " + to_text(L::weights) + ", the block of " + std::string(L::name));
  return s.size() / L::weights;
}
template <class L>
void check_bytes(std::string_view name, std::size_t bytes, std::size_t blocks, const shape& s) {
  const std::size_t needed = prefix_of<L>() + blocks * L::bytes;
  if (bytes < needed)
    fail(name, "bytes", bytes, "be at least " + to_text(needed) + " for shape " + s.text() + " of " + std::string(L::name));
}
template <class L>
std::string place_of_block(std::size_t block, const shape& s) {
  return "block " + to_text(block) + " (row " + to_text(block * L::weights / s.columns) + ")";
}
template <class L>
void check_tensor_scale(std::string_view name, const L& layout) {
  if constexpr (prefix_of<L>() != 0)
    if (!exact::is_finite(layout.tensor_scale) || !(layout.tensor_scale > 0))
      fail(name, "tensor scale", layout.tensor_scale, "be positive and finite");
}
template <class L, class Scales>
void check_scales(std::string_view name, const L& layout, const Scales& scales, std::size_t block, const shape& s) {
  for (const block_scale& scale : scales)
    if (!layout.holds(scale.value)) fail(name, std::string(scale.name) + " of " + place_of_block<L>(block, s), scale.value, L::bound);
}

/// The weight of the largest magnitude with its sign; of several the first.
inline float signed_peak(const float* weights, std::size_t count) {
  float peak = 0;
  for (std::size_t j = 0; j < count; ++j)
    if (std::fabs(weights[j]) > std::fabs(peak)) peak = weights[j];
  return peak;
}

/// Weights by way of codes: what a trainable layout's dequantize does. The block has been checked.
template <class L>
void decode_block(const L& layout, const std::byte* block, float* weights) {
  alignas(64) code codes[L::weights];
  if constexpr (requires { layout.unpack(block, codes); })
    layout.unpack(block, codes);
  else
    for (std::size_t j = 0; j < L::weights; ++j) codes[j] = layout.code(block, j);
  kernel::decode_values<typename L::format>(codes, L::weights, weights);
  kernel::apply_grid(layout.grid(block), weights, L::weights);
}

}  // namespace detail

/// Bytes of a tensor of a shape, which must be divided by the layout's blocks.
template <block_layout L>
std::size_t bytes_for(const shape& s) {
  return detail::prefix_of<L>() + detail::block_count<L>(L::name, s) * L::bytes;
}

/// That bytes from anywhere are a tensor of finite weights.
///
/// Cost     one read of the scales; of the codes too where a format has NaN.
/// Errors   a shape that the blocks do not divide; too few bytes; a scale that is NaN, infinite, or too large for the largest code to be a
///          finite weight; a code that is NaN or infinite. Each names the block and its row.
template <block_layout L>
void check_blocks(std::string_view name, std::span<const std::byte> bytes, const shape& s) {
  const std::size_t blocks = detail::block_count<L>(name, s);
  detail::check_bytes<L>(name, bytes.size(), blocks, s);
  const L layout = detail::layout_in<L>(bytes);
  detail::check_tensor_scale(name, layout);
  for (std::size_t k = 0; k < blocks; ++k) {
    const std::byte* block = bytes.data() + detail::prefix_of<L>() + k * L::bytes;
    detail::check_scales(name, layout, layout.scales(block), k, s);
    if constexpr (requires { L::format::nan_code(false); })
      for (std::size_t j = 0; j < L::weights; ++j)
        if (const code c = layout.code(block, j); !L::format::has_ordinal(c))
          fail(name, "code " + to_text(j) + " of " + detail::place_of_block<L>(k, s), unsigned{c},
               "be a finite number of " + std::string(L::format::name));
  }
}

/// Writes weights as blocks, the rows one after another.
///
/// Cost     three passes over the weights, no allocation.
/// Errors   those of the shape and the buffer; a NaN or infinite weight, with its index, row and block; a scale that the layout cannot store.
///          After an error no byte of `out` has changed.
template <quantizable_block_layout L>
void quantize_blocks(std::string_view name, tensor_view<const float> weights, std::span<std::byte> out) {
  const shape s = weights.shape();
  const std::size_t blocks = detail::block_count<L>(name, s);
  detail::check_bytes<L>(name, out.size(), blocks, s);
  for (std::size_t i = 0; i < weights.size(); ++i)
    if (!exact::is_finite(weights.data()[i]))
      fail(name, "weight " + to_text(i) + " (row " + to_text(i / s.columns) + ", block " + to_text(i / L::weights) + ")", weights.data()[i],
           "be finite");
  const L layout = [&] {
    if constexpr (detail::prefix_of<L>() != 0)
      return L::of_weights(weights.flat());
    else
      return L{};
  }();
  for (std::size_t k = 0; k < blocks; ++k) detail::check_scales(name, layout, layout.fit(weights.data() + k * L::weights), k, s);
  if constexpr (detail::prefix_of<L>() != 0) layout.write_prefix(out.data());
  for (std::size_t k = 0; k < blocks; ++k)
    layout.quantize(weights.data() + k * L::weights, out.data() + detail::prefix_of<L>() + k * L::bytes);
}
template <quantizable_block_layout L>
std::vector<std::byte> quantize_blocks(std::string_view name, tensor_view<const float> weights) {
  std::vector<std::byte> bytes(detail::prefix_of<L>() + detail::block_count<L>(name, weights.shape()) * L::bytes);
  quantize_blocks<L>(name, weights, bytes);
  return bytes;
}

/// The weights of blocks, all of them finite.
///
/// Errors   those of check_blocks for a row as long as `weights`. After an error nothing of it has changed.
template <block_layout L>
void dequantize_blocks(std::string_view name, std::span<const std::byte> bytes, std::span<float> weights) {
  check_blocks<L>(name, bytes, {1, weights.size()});
  const L layout = detail::layout_in<L>(bytes);
  for (std::size_t k = 0; k < weights.size() / L::weights; ++k)
    layout.dequantize(bytes.data() + detail::prefix_of<L>() + k * L::bytes, weights.data() + k * L::weights);
}

}  // namespace zolt::inline v0
