#pragma once

#include <cstdint>
#include <iosfwd>
#include <string>
#include <vector>

namespace codec {

struct encode_options {
  std::string rounding = "nearest_even";
  std::string overflow = "saturate";
  std::uint64_t seed = 0;  ///< of stochastic rounding
};

/// Names of the number formats, in a fixed order.
std::vector<std::string> format_names();

/// Prints `code,class,value,float32 bits` for every code of a format.
void print_codes(const std::string& format, std::ostream& out);

/// Reads floats separated by white space and prints `float32 bits,code` for each. Throws std::runtime_error that names a word that is none.
void encode_floats(const std::string& format, const encode_options& options, std::istream& in, std::ostream& out);

}  // namespace codec
