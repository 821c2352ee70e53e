#pragma once

#include <fmt/format.h>

#include <bit>
#include <cctype>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>

namespace codec {

/// A float32 from decimal ("0.1"), hex-float ("0x1.8p-3"), "nan", "inf", or its raw bits: "0x" and exactly eight hexadecimal digits.
inline std::optional<float> parse_float(const std::string& text) {
  const bool hexadecimal = text.size() == 10 && text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
  bool digits_only = hexadecimal;
  for (std::size_t i = 2; digits_only && i < text.size(); ++i) digits_only = std::isxdigit(static_cast<unsigned char>(text[i])) != 0;
  if (digits_only) return std::bit_cast<float>(static_cast<std::uint32_t>(std::strtoul(text.c_str(), nullptr, 16)));
  char* end = nullptr;
  const float value = std::strtof(text.c_str(), &end);
  if (text.empty() || end != text.c_str() + text.size()) return std::nullopt;
  return value;
}

/// Raw bits as parse_float reads them.
inline std::string bits_text(float x) { return fmt::format("0x{:08x}", std::bit_cast<std::uint32_t>(x)); }

}  // namespace codec
