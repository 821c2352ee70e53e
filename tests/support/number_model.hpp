#pragma once

#include <algorithm>
#include <cfloat>
#include <cmath>
#include <optional>
#include <vector>

#include "zolt/numeric/integer.hpp"
#include "zolt/numeric/minifloat.hpp"

/// Number formats written a second time, from their definition: slow, with no ordinals and no arithmetic on bits. All of it is exact,
/// because a double holds every value of an 8-bit format, every midpoint of two and every float.
namespace zolt::test {

template <class Format>
struct definition;

template <int Bits>
struct definition<integer<Bits>> {
  static std::optional<double> value(int c) {
    const int most_negative = 1 << (Bits - 1);
    if (c == most_negative) return std::nullopt;
    return c < most_negative ? c : c - 2 * most_negative;
  }
};

template <int Exponent, int Mantissa, int Bias, minifloat_kind Kind>
struct definition<minifloat<Exponent, Mantissa, Bias, Kind>> {
  static std::optional<double> value(int c) {
    const int mantissa = c % (1 << Mantissa), exponent = (c >> Mantissa) % (1 << Exponent);
    const bool top = exponent == (1 << Exponent) - 1, last = mantissa == (1 << Mantissa) - 1;
    if (top && (Kind == minifloat_kind::ieee || (Kind == minifloat_kind::finite_nan && last))) return std::nullopt;
    const double magnitude =
        exponent == 0 ? std::ldexp(mantissa, 1 - Bias - Mantissa) : std::ldexp((1 << Mantissa) + mantissa, exponent - Bias - Mantissa);
    return c >> (Exponent + Mantissa) == 0 ? magnitude : -magnitude;
  }
};

struct grid_point {
  double value;
  bool even;  ///< the last bit of the code is 0
};

/// The numbers of a format in ascending order, each once.
template <class Format>
std::vector<grid_point> grid_of() {
  std::vector<grid_point> grid;
  for (int c = 0; c < 1 << Format::bits; ++c)
    if (const auto value = definition<Format>::value(c); value && !(*value == 0 && c != 0)) grid.push_back({*value, c % 2 == 0});
  std::sort(grid.begin(), grid.end(), [](const grid_point& a, const grid_point& b) { return a.value < b.value; });
  return grid;
}

/// The two neighbours of x on a grid, the one nearer to zero first.
struct neighbours {
  grid_point near, far;
  double share;  ///< of the way from near to far; exact where their distance is a power of two
};
inline neighbours neighbours_of(const std::vector<grid_point>& grid, double x) {
  auto above = std::upper_bound(grid.begin(), grid.end(), x, [](double v, const grid_point& p) { return v < p.value; });
  if (above == grid.end()) --above;
  auto near = above - 1, far = above;
  if (near->value < 0) std::swap(near, far);
  return {*near, *far, (x - near->value) / (far->value - near->value)};
}

inline double nearest_of(const std::vector<grid_point>& grid, double x) {
  if (x <= grid.front().value) return grid.front().value;
  if (x >= grid.back().value) return grid.back().value;
  const auto [near, far, share] = neighbours_of(grid, x);
  const double middle = (near.value + far.value) / 2;
  if (x == middle) return near.even ? near.value : far.value;
  return std::fabs(x) > std::fabs(middle) ? far.value : near.value;
}

/// Every grid point and every tie of a grid with the floats beside them, the ends of the range, zeros, the smallest and the largest floats.
inline std::vector<float> critical_floats(const std::vector<grid_point>& grid) {
  std::vector<float> all = {0.0f, -0.0f, FLT_MAX, -FLT_MAX, FLT_MIN, -FLT_MIN, FLT_TRUE_MIN, -FLT_TRUE_MIN, 1e-40f, -1e-40f};
  const auto add = [&all](double value) {
    const auto x = static_cast<float>(value);
    all.insert(all.end(), {std::nextafterf(x, -FLT_MAX), x, std::nextafterf(x, FLT_MAX)});
  };
  for (std::size_t i = 0; i < grid.size(); ++i) {
    add(grid[i].value);
    if (i > 0) add((grid[i - 1].value + grid[i].value) / 2);
  }
  for (const grid_point& end : {grid.front(), grid.back()}) add(end.value * 1.03), add(end.value * 2);
  return all;
}

}  // namespace zolt::test
