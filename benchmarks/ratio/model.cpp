// All floats of a model of 25 million: two probes, undone, and an update, with a loss that costs nothing.
#include "limits.hpp"
#include "peers.hpp"
#include "rows.hpp"
#include "weights.hpp"
#include "zolt/direction/dense.hpp"
#include "zolt/estimator/difference.hpp"
#include "zolt/update/sgd.hpp"
#if __has_include("zolt/kernel/direction.hpp")
#include "zolt/kernel/direction.hpp"
#endif

namespace ratio {
namespace {

const working_set model{"25M", 100'000'000, 1};
constexpr std::size_t weight_count = 100'000'000 / sizeof(float) / columns * columns;
constexpr auto n = static_cast<double>(weight_count);

template <class Law>
void step_row(suite& s, const std::string& kernel, const Law& law, std::vector<rival> peers) {
  if (!s.wants(kernel)) return;
  zolt::thread_team team(1);
  const buffer<float> w = weights_of(weight_count);
  auto optimizer = optimizer_of(tensor_of(w.all()), 1, law, zolt::sgd{.rate = 1e-6}, zolt::two_point{.radius = 0x1p-10});
  double loss = 0;
  peers.insert(peers.begin(), in_place_floats(team, w.all(), measure::passes));
  s.compare(kernel, model, {0, n, [&] { optimizer.step([&loss] { return loss = 1 - loss; }); }}, peers);
}

#if ZOLT_BENCHMARK_TORCH && __has_include("zolt/kernel/direction.hpp")
template <class Distribution>
void pass_row(suite& s, const std::string& kernel, peer::torch_direction direction) {
  if (!s.wants(kernel)) return;
  const buffer<float> w = weights_of(weight_count);
  const auto run = [&] {
    zolt::kernel::add_direction<Distribution>(zolt::random_stream({1, 2, 3}, 4, zolt::stream::direction), 0, 0x1p-12f, w.all());
  };
  s.compare(kernel, model, {8 * n, n, run},
            {{"torch pass", measure::elements, {8 * n, n, peer::torch_perturb(weight_count, direction)}},
             {"torch pass, z kept", measure::elements, {8 * n, n, peer::torch_perturb_kept(weight_count, direction)}}});
}
#endif

}  // namespace

void model_rows(suite& s) {
  std::vector<rival> along_normal, along_signs;
#if ZOLT_BENCHMARK_TORCH
  peer::torch_threads(1);
  const rival normal{"torch step", measure::elements, {0, n, peer::torch_step(weight_count, peer::torch_direction::normal)}};
  along_normal = {normal};
  along_signs = {normal, {"torch step, signs", measure::elements, {0, n, peer::torch_step(weight_count, peer::torch_direction::sign)}}};
#if __has_include("zolt/kernel/direction.hpp")
  pass_row<zolt::distribution::gaussian>(s, "add_gaussian", peer::torch_direction::normal);
  pass_row<zolt::distribution::rademacher>(s, "add_rademacher", peer::torch_direction::sign);
#endif
#endif
  step_row(s, "step_gaussian", zolt::gaussian{}, along_normal);
  step_row(s, "step_rademacher", zolt::rademacher{}, along_signs);
}

}  // namespace ratio
