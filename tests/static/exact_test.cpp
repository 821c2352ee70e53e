#include <limits>

#include "zolt/core/bound.hpp"
#include "zolt/core/lanes.hpp"

namespace zolt {
namespace {

using exact::round_to_significant;
static_assert(round_to_significant(5, 2) == 4 && round_to_significant(7, 2) == 8, "ties to even");
static_assert(round_to_significant(5.0000001, 2) == 6 && round_to_significant(4.9999999, 2) == 4);
static_assert(round_to_significant(15, 3) == 16 && round_to_significant(0x1.fffffp9, 12) == 0x1p10, "a carry reaches the exponent");
static_assert(round_to_significant(-7, 2) == -8 && round_to_significant(0.1, 53) == 0.1 && round_to_significant(0, 4) == 0);
static_assert(round_to_significant(3, 1) == 4 && round_to_significant(6, 1) == 8 && round_to_significant(2.5, 1) == 2);

constexpr double infinity = std::numeric_limits<double>::infinity();
static_assert(round_to_significant(infinity, 12) == infinity && round_to_significant(-infinity, 12) == -infinity);
static_assert(!exact::is_finite(infinity) && !exact::is_finite(std::numeric_limits<double>::quiet_NaN()));
static_assert(!exact::is_finite(-std::numeric_limits<float>::infinity()) && !exact::is_finite(std::numeric_limits<float>::signaling_NaN()));
static_assert(exact::is_finite(std::numeric_limits<double>::max()) && exact::is_finite(std::numeric_limits<float>::lowest()));
static_assert(exact::is_finite(0.0) && exact::is_finite(std::numeric_limits<float>::denorm_min()));

static_assert(exact::coefficient_bits(1) == 12 && exact::coefficient_bits(12) == 12 && exact::coefficient_bits(13) == 11);
static_assert(exact::power(3, 20) == 3486784401.0 && exact::power(0.5, 60) == 0x1p-60 && exact::power(7, 0) == 1 &&
              exact::power(-2, 3) == -8);

static_assert(holds(bound::positive, 1e-30) && !holds(bound::positive, 1e-300) && !holds(bound::positive, 0) &&
              !holds(bound::positive, infinity));
static_assert(holds(bound::non_negative, 0) && !holds(bound::non_negative, -1e-30) && !holds(bound::non_negative, 1e39));
static_assert(holds(bound::fraction, 1) && !holds(bound::fraction, 0) && !holds(bound::fraction, 1.0000001));
static_assert(holds(bound::fraction_below_one, 0) && !holds(bound::fraction_below_one, 1) && !holds(bound::fraction_below_one, 1 - 1e-12));
static_assert(holds(bound::at_least_one, 1) && !holds(bound::at_least_one, 0.9999999) && !holds(bound::at_least_one, infinity));
static_assert(!holds(bound::non_negative, std::numeric_limits<double>::quiet_NaN()));

static_assert(sizeof(lanes_u32) == lane_count * sizeof(std::uint32_t) && sizeof(lanes_i16) == lane_count * sizeof(std::int16_t));
static_assert(tile_size % 512 == 0, "the longest period of a layout: a row of dense Rademacher");

}  // namespace
}  // namespace zolt
