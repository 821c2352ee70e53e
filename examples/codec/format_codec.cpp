#include "format_codec.hpp"

#include <fmt/format.h>

#include <cmath>
#include <istream>
#include <ostream>
#include <stdexcept>
#include <tuple>

#include "float_text.hpp"
#include "zolt/numeric/codebook.hpp"
#include "zolt/numeric/exponent.hpp"
#include "zolt/numeric/integer.hpp"
#include "zolt/numeric/minifloat.hpp"
#include "zolt/random/stream.hpp"

namespace codec {
namespace {

using formats = std::tuple<zolt::e4m3fn, zolt::e5m2, zolt::e4m3fnuz, zolt::e5m2fnuz, zolt::e4m3b11fnuz, zolt::e4m3, zolt::e3m4,
                           zolt::e3m2fn, zolt::e2m3fn, zolt::e2m1fn, zolt::e8m0fnu, zolt::int2, zolt::int3, zolt::int4, zolt::int5,
                           zolt::int6, zolt::int7, zolt::int8, zolt::full_integer<2>, zolt::full_integer<3>, zolt::full_integer<4>,
                           zolt::full_integer<5>, zolt::full_integer<6>, zolt::full_integer<7>, zolt::full_integer<8>, zolt::uint2,
                           zolt::uint3, zolt::uint4, zolt::unsigned_integer<5>, zolt::unsigned_integer<6>, zolt::unsigned_integer<7>,
                           zolt::uint8, zolt::mxint8, zolt::nf4, zolt::fp4_bnb, zolt::iq4_nl>;

/// f.operator()<Format>() for every format.
template <class Function>
void for_each_format(Function&& f) {
  [&]<class... Formats>(std::type_identity<std::tuple<Formats...>>) {
    (f.template operator()<Formats>(), ...);
  }(std::type_identity<formats>{});
}

template <class Function>
void with_format(const std::string& name, Function&& f) {
  bool found = false;
  for_each_format([&]<class Format>() {
    if (Format::name != name) return;
    found = true;
    f.template operator()<Format>();
  });
  if (!found) throw std::runtime_error(fmt::format("format = {} must be one of {}", name, fmt::join(format_names(), ", ")));
}

template <class Function>
void with_rounding(const std::string& name, Function&& f) {
  const auto call = [&]<class... Roundings>(const Roundings&... roundings) {
    return ((name == Roundings::name && (f(roundings), true)) || ...);
  };
  if (!call(zolt::nearest_even{}, zolt::nearest_away{}, zolt::toward_zero{}, zolt::stochastic_rounding{}))
    throw std::runtime_error(fmt::format("rounding = {} must be nearest_even, nearest_away, toward_zero or stochastic", name));
}

/// The format with the rule for overflow, where it has one.
template <class Format, class Function>
void with_overflow_rule(const std::string& name, Function&& f) {
  if (name != "saturate" && name != "ieee") throw std::runtime_error(fmt::format("overflow = {} must be saturate or ieee", name));
  if constexpr (!requires { Format::on_overflow; }) {
    if (name == "ieee")
      throw std::runtime_error(fmt::format("overflow = ieee must be saturate for {}, which has no infinity", Format::name));
  } else {
    if (name == "ieee") return f.template operator()<zolt::with_overflow<zolt::overflow::ieee, Format>>();
  }
  f.template operator()<Format>();
}

template <class Format>
std::string class_of(zolt::code c) {
  const float value = zolt::decode_code<Format>(c);
  if (!Format::has_ordinal(c)) {
    constexpr bool has_nan = requires { Format::on_overflow; };
    if (std::isinf(value)) return "infinity";
    return has_nan ? "nan" : "unused";
  }
  if (value == 0) return "zero";
  if constexpr (requires { Format::smallest_normal; })
    if (std::fabs(value) < Format::value_of(Format::smallest_normal)) return "subnormal";
  return "normal";
}

}  // namespace

std::vector<std::string> format_names() {
  std::vector<std::string> names;
  for_each_format([&names]<class Format>() { names.emplace_back(Format::name); });
  return names;
}

void print_codes(const std::string& format, std::ostream& out) {
  with_format(format, [&]<class Format>() {
    out << "code,class,value,float32 bits\n";
    for (int c = 0; c < 1 << Format::bits; ++c) {
      const float value = zolt::decode_code<Format>(static_cast<zolt::code>(c));
      out << fmt::format("0x{:02x},{},{},{}\n", c, class_of<Format>(static_cast<zolt::code>(c)), value, bits_text(value));
    }
  });
}

void encode_floats(const std::string& format, const encode_options& options, std::istream& in, std::ostream& out) {
  with_format(format, [&]<class Named>() {
    with_overflow_rule<Named>(options.overflow, [&]<class Format>() {
      with_rounding(options.rounding, [&](const auto& round) {
        zolt::word_reader words(zolt::random_stream({.run = options.seed}, 0, zolt::stream::round_quantize));
        out << "float32 bits,code\n";
        std::uint64_t i = 0;
        for (std::string text; in >> text; ++i) {
          const auto x = parse_float(text);
          if (!x) throw std::runtime_error(fmt::format("number {} = '{}' must be decimal, a hex-float, or 0x and eight digits", i, text));
          out << fmt::format("{},0x{:02x}\n", bits_text(*x), zolt::encode_code<Format>(*x, round, words(i)));
        }
      });
    });
  });
}

}  // namespace codec
