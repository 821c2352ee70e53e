#include "zolt/zolt.hpp"

// What a method is: policies under a name, which an optimizer takes one by one.
namespace zolt {

using namespace method;

template <class M>
concept plain_method = method_of_policies<M> && std::semiregular<M> && std::is_aggregate_v<M> && requires {
  { M::state_bytes_per_weight } -> std::convertible_to<double>;
};
static_assert(plain_method<step_matched> && plain_method<step_matched_residual<4>> && plain_method<mezo> && plain_method<mezo_momentum> &&
              plain_method<mezo_adam> && plain_method<zo_sign_sgd> && plain_method<zo_scalar_sign_sgd> && plain_method<zo_adam> &&
              plain_method<zo_adamm> && plain_method<meazo> && plain_method<r_adazo> && plain_method<romberg_zoge> &&
              plain_method<adazeta>);
static_assert(plain_method<fzoo> && plain_method<kerzoo> && plain_method<quzo> && plain_method<quzo_codes> && plain_method<qzo> &&
              plain_method<normalised_qzo> && plain_method<caq_zo> && plain_method<qes> && plain_method<qes_residual<16>> &&
              plain_method<zoqo<1>>);
static_assert(plain_method<eggroll<2>> && plain_method<integer_eggroll<1>> && plain_method<grzo> && plain_method<per_example_residual<4>> &&
              plain_method<per_example_step_matched> && plain_method<pezo> && plain_method<sparse_mezo> &&
              plain_method<sparse_mezo_codes> && plain_method<lozo<2>>);
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
