#include "zolt/zolt.hpp"

// What a method is: policies under a name, which an optimizer takes one by one.
namespace zolt {

using namespace method;

template <class M>
concept plain_method = method_of_policies<M> && std::semiregular<M> && std::is_aggregate_v<M> && requires {
  { M::state_bytes_per_weight } -> std::convertible_to<double>;
};
template <class... Entries>
constexpr bool all_plain(const std::tuple<Entries...>&) {
  return (plain_method<typename Entries::type> && ...);
}
static_assert(all_plain(registry));
static_assert(plain_method<zo_adam>, "a second name");
static_assert(!method_of_policies<sgd> && !method_of_policies<options> && !policy<step_matched>);

static_assert(std::same_as<composition_of<step_matched>, composition_of<>>, "the default by its name");
static_assert(std::same_as<composition_of<linear_decay, fzoo, options>,
                           composition_of<one_sided, sgd, rademacher, loss_deviation, no_clip, stochastic, linear_decay>>);

struct two_methods_in_one {
  auto policies() const { return zolt::policies(qzo{}, zolt::policies(residual<2>{}, linear_decay{.steps = 5})); }
};
static_assert(std::same_as<composition_of<two_methods_in_one>,
                           composition_of<two_point, sgd, gaussian, no_normalisation, clip, residual<2>, linear_decay>>);

}  // namespace zolt
