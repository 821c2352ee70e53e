// expect: zolt: scale storage needs grid, a count, keep, view and memory (see zolt::scale_storage)
#include "zolt/quantize/quantized_tensor.hpp"

struct forgetful_scales {
  using grid = zolt::scaled;
  forgetful_scales() = default;
  explicit forgetful_scales(std::size_t) {}
#if defined(ZOLT_SHOULD_COMPILE)
  void keep(std::span<const grid>) {}
#endif
  struct ones {
    grid operator[](std::size_t) const { return {1}; }
    std::size_t size() const { return 1000; }
  };
  ones view() const { return {}; }
  std::size_t memory() const { return 0; }
};
zolt::quantized_tensor<zolt::int4, zolt::per_channel, forgetful_scales> w;
