// Converts numbers to the codes of a format and back, and weights to the bytes of a layout and back, as a pipe.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstring>
#include <iostream>
#include <iterator>
#include <stdexcept>

#include "format_codec.hpp"
#include "layout_codec.hpp"

namespace {

std::string read_all(std::istream& in) { return {std::istreambuf_iterator<char>(in), {}}; }

void quantize_pipe(const std::string& layout) {
  const std::string input = read_all(std::cin);
  if (input.size() % sizeof(float) != 0)
    throw std::runtime_error(fmt::format("bytes on standard input = {} must be a multiple of 4: little-endian float32", input.size()));
  std::vector<float> weights(input.size() / sizeof(float));
  std::memcpy(weights.data(), input.data(), input.size());
  const std::vector<std::byte> bytes = codec::quantize(layout, weights);
  std::cout.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
}

void dequantize_pipe(const std::string& layout) {
  const std::string input = read_all(std::cin);
  const std::vector<float> weights = codec::dequantize(layout, std::as_bytes(std::span(input)));
  std::cout.write(reinterpret_cast<const char*>(weights.data()), static_cast<std::streamsize>(weights.size() * sizeof(float)));
}

bool contains(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

int main(int argument_count, char** arguments) {
  std::string name, action;
  codec::encode_options options;
  CLI::App app{
      "Number formats and layouts of quantized weights, exact to the code.\n\n"
      "codec FORMAT decode                 prints every code: code,class,value,float32 bits\n"
      "codec FORMAT encode                 floats on standard input (0.1, 0x1.8p-3, 0x3f800000): float32 bits,code\n"
      "codec LAYOUT quantize|dequantize    raw little-endian float32 <-> bytes of the layout",
      "codec"};
  app.footer(fmt::format("Formats: {}\nLayouts: {}", fmt::join(codec::format_names(), " "), fmt::join(codec::layout_names(), " ")));
  app.add_option("name", name, "A format or a layout")->required()->type_name("NAME");
  app.add_option("action", action, "decode or encode a format, quantize or dequantize a layout")->required()->type_name("ACTION");
  app.add_option("--rounding", options.rounding, "nearest_even, nearest_away, toward_zero or stochastic")->capture_default_str();
  app.add_option("--overflow", options.overflow, "saturate or ieee: what a float beyond the range becomes")->capture_default_str();
  app.add_option("--seed", options.seed, "The random words of stochastic rounding")->capture_default_str();
  CLI11_PARSE(app, argument_count, arguments);

  try {
    std::ios::sync_with_stdio(false);
    const bool is_format = contains(codec::format_names(), name), is_layout = contains(codec::layout_names(), name);
    if (!is_format && !is_layout) throw std::runtime_error(fmt::format("name = {} must be a format or a layout; see codec --help", name));
    if (is_format && action == "decode")
      codec::print_codes(name, std::cout);
    else if (is_format && action == "encode")
      codec::encode_floats(name, options, std::cin, std::cout);
    else if (is_layout && action == "quantize")
      quantize_pipe(name);
    else if (is_layout && action == "dequantize")
      dequantize_pipe(name);
    else
      throw std::runtime_error(fmt::format("action = {} must be {}", action,
                                           is_format && is_layout ? "decode, encode, quantize or dequantize"
                                           : is_format            ? "decode or encode for a format"
                                                                  : "quantize or dequantize for a layout"));
    std::cout.flush();
    if (!std::cout) throw std::runtime_error("standard output = closed must take all that is written");
  } catch (const std::exception& failure) {
    std::cerr << "codec: " << failure.what() << '\n';
    return 1;
  }
}
