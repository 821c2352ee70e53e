#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace codec {

/// Names of the byte layouts, in a fixed order.
std::vector<std::string> layout_names();

/// The bytes of a layout for float weights that form one row. Throws zolt::error that says what the weights must be.
std::vector<std::byte> quantize(const std::string& layout, std::span<const float> weights);

/// The weights behind the bytes of a layout. Throws zolt::error that says what the bytes must be.
std::vector<float> dequantize(const std::string& layout, std::span<const std::byte> bytes);

}  // namespace codec
