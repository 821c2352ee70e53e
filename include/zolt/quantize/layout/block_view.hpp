#pragma once

#include <algorithm>
#include <type_traits>

#include "zolt/parameter/storage.hpp"
#include "zolt/quantize/layout/block_layout.hpp"

namespace zolt::inline v0 {

/// A tensor in blocks that a forward reads from the owner's memory.
///
/// Shapes   rows × columns, a row's blocks one after another; the blocks divide the columns.
/// Errors   those of check_blocks, once, when the reader is made.
template <block_layout L, class Byte = const std::byte>
  requires(std::same_as<std::remove_const_t<Byte>, std::byte>)
class block_reader {
 public:
  using layout = L;

  block_reader() = default;
  block_reader(std::string_view name, std::span<Byte> bytes, zolt::shape s) : shape_(s) {
    check_blocks<L>(name, bytes, s);
    layout_ = detail::layout_in<L>(bytes);
    bytes_ = bytes.first(bytes_for<L>(s));
  }

  zolt::shape shape() const { return shape_; }
  /// All bytes of the tensor, scales included.
  std::span<Byte> bytes() const { return bytes_; }
  /// out[j] = weight first + j. Cost: one pass over the blocks that the range meets, no allocation.
  void decode(std::size_t first, std::span<float> out) const {
    for (std::size_t i = 0; i < out.size();) {
      const std::size_t at = (first + i) % L::weights, count = std::min(L::weights - at, out.size() - i);
      if (count == L::weights) {
        layout_.dequantize(block_of(first + i), out.data() + i);
      } else {
        alignas(64) float whole[L::weights];
        layout_.dequantize(block_of(first + i), whole);
        std::copy_n(whole + at, count, out.data() + i);
      }
      i += count;
    }
  }

 protected:
  /// The block around weight i.
  Byte* block_of(std::size_t i) const { return bytes_.data() + detail::prefix_of<L>() + i / L::weights * L::bytes; }
  [[no_unique_address]] L layout_{};

 private:
  std::span<Byte> bytes_;
  zolt::shape shape_;
};

/// A tensor in blocks whose codes are trained in the owner's memory: a coded_storage. Scales stay as they are. A constant Byte gives a view
/// that can only be read.
///
/// Shapes   as block_reader.
/// Cost     no memory beside the owner's.
/// Errors   as block_reader.
template <trainable_block_layout L, class Byte = std::byte>
class block_view : public block_reader<L, Byte> {
 public:
  using format = typename L::format;
  using block_reader<L, Byte>::block_reader;

  zolt::code code(std::size_t i) const { return this->layout_.code(this->block_of(i), i % L::weights); }
  void set_code(std::size_t i, zolt::code c) const requires(!std::is_const_v<Byte>) {
    this->layout_.set_code(this->block_of(i), i % L::weights, c);
  }
  auto grid(std::size_t i) const { return this->layout_.grid(this->block_of(i)); }
  float scale(std::size_t i) const { return grid(i).scale; }
  std::size_t scale_end(std::size_t i) const { return (i / L::weights + 1) * L::weights; }
};

}  // namespace zolt::inline v0
