#include <concepts>
#include <type_traits>

#include "zolt/estimator/coefficient_shape.hpp"
#include "zolt/estimator/kernel_smoothed.hpp"
#include "zolt/estimator/romberg.hpp"
#include "zolt/update/adaptive.hpp"
#include "zolt/update/vote.hpp"
#include "zolt/zolt.hpp"

// A policy is a regular, non-template aggregate; an optimizer's type depends on its policies, not on their order.
namespace zolt {
namespace {

template <class P>
constexpr bool plain_policy = std::regular<P>&& std::is_aggregate_v<P>&& policy<P>;

static_assert(plain_policy<two_point> && plain_policy<one_sided> && plain_policy<kernel_smoothed> && plain_policy<romberg> &&
              plain_policy<growing_two_point> && plain_policy<three_point>);
static_assert(plain_policy<sgd> && plain_policy<sign_of_gradient> && plain_policy<momentum> && plain_policy<adam> &&
              plain_policy<amsgrad> && plain_policy<refined_adam> && plain_policy<vote> && plain_policy<replayed<adam>> &&
              plain_policy<byte_moments<adam>>);
static_assert(plain_policy<rademacher> && plain_policy<gaussian> && plain_policy<block_gaussian> && plain_policy<uniform> &&
              plain_policy<sparse_rademacher> && plain_policy<spherical> && plain_policy<temporal_low_rank<4>> &&
              plain_policy<orthogonal_low_rank<4>> && plain_policy<curvature_scaled> && plain_policy<cone>);
static_assert(plain_policy<nearest> && plain_policy<stochastic> && plain_policy<always_one_code> && plain_policy<residual<4>> &&
              plain_policy<residual<16>>);
static_assert(plain_policy<running_rms> && plain_policy<clip> && plain_policy<no_normalisation> && plain_policy<no_clip>);
static_assert(plain_policy<standard_scores> && plain_policy<loss_deviation> && plain_policy<centered_ranks> &&
              plain_policy<sign_of_coefficient> && plain_policy<bayesian_shrinkage>);
static_assert(plain_policy<constant> && plain_policy<linear_decay> && plain_policy<cosine_decay> && plain_policy<options>);
static_assert(!policy<int> && !policy<direction_key>);

static_assert(std::same_as<composition_of<adam, gaussian, one_sided>, composition_of<one_sided, options, adam, gaussian>>);
static_assert(std::same_as<composition_of<>, composition_of<two_point, sgd, sparse_rademacher, stochastic, constant, running_rms, clip>>);

static_assert(linear_rule<sgd> && !elementwise_rule<sgd> && elementwise_rule<adam> && !linear_rule<adam>);
static_assert(moments_of<sgd>() == 0 && moments_of<momentum>() == 1 && moments_of<adam>() == 2 && moments_of<amsgrad>() == 3);
// Names are part of trajectories.
static_assert(residual<1>::name == "residual1" && residual<8>::name == "residual8" && residual<10>::name == "residual10" &&
              residual<16>::name == "residual16");

}  // namespace
}  // namespace zolt
