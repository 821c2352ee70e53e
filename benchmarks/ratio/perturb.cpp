// Floats along a regenerated direction: the kernel alone, an in-place scope of the optimizer, its update.
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

/// Peers that compute more than they load: timed on floats that stay in a cache, which favours them.
std::vector<rival> normal_peers(const buffer<float>& w) {
  const auto n = static_cast<double>(w.size());
  return {{"std::normal_distribution", measure::elements, {8 * n, n, [&w] { peer::standard_add_normal(w.all(), 1e-3f); }}},
          {"Random123 Box-Muller", measure::elements, {8 * n, n, [&w] { peer::random123_add_normal(w.all(), 1e-3f); }}}};
}
std::vector<rival> uniform_peers(const buffer<float>& w) {
  const auto n = static_cast<double>(w.size());
  return {{"Eigen Random", measure::elements, {8 * n, n, [&w] { peer::eigen_add_random(w.all(), 1e-3f); }}}};
}

#if __has_include("zolt/kernel/direction.hpp")
template <class Distribution>
void add_rows(suite& s, const std::string& kernel, std::vector<rival> (*peers)(const buffer<float>&)) {
  if (!s.wants(kernel)) return;
  const buffer<float> few = weights_of(1 << 16);
  for (const working_set& set : s.sets()) {
    zolt::thread_team team(set.threads);
    const buffer<float> w = weights_of(set.bytes / sizeof(float));
    const auto n = static_cast<double>(w.size());
    std::vector<rival> rivals{in_place_floats(team, w.all())};
    if (peers != nullptr && set.threads == 1)
      for (rival& r : peers(few)) rivals.push_back(std::move(r));
    float coefficient = 0x1p-12f;
    const auto run = [&] {
      const zolt::random_stream stream({1, 2, 3}, 4, zolt::stream::direction);
      on_parts(team, w.size(), [&](std::size_t, std::size_t first, std::size_t count) {
        zolt::kernel::add_direction<Distribution>(stream, first, coefficient, w.part(first, count));
      });
      coefficient = -coefficient;
    };
    s.compare(kernel, set, {8 * n, n, run}, rivals);
  }
}
#endif

template <class Law>
void optimizer_rows(suite& s, const std::string& name, const Law& law) {
  const std::string probe = "probe_" + name, step = "update_" + name;
  if (!s.wants(probe) && !s.wants(step)) return;
  for (const working_set& set : s.sets()) {
    zolt::thread_team team(set.threads);
    const buffer<float> w = weights_of(set.bytes / sizeof(float));
    const auto n = static_cast<double>(w.size());
    auto optimizer = optimizer_of(tensor_of(w.all()), set.threads, law, zolt::sgd{}, zolt::two_point{.radius = 0x1p-10});
    if (s.wants(probe))
      s.compare(probe, set, {0, n, [&] { visit_and_undo(optimizer); }}, {in_place_floats(team, w.all(), measure::passes)});
    if (s.wants(step)) s.compare(step, set, {8 * n, n, [&] { update(optimizer, 1e-3f); }}, {in_place_floats(team, w.all())});
  }
}

}  // namespace

void perturb_rows(suite& s) {
#if __has_include("zolt/kernel/direction.hpp")
  add_rows<zolt::distribution::rademacher>(s, "add_rademacher", nullptr);
  add_rows<zolt::distribution::gaussian>(s, "add_gaussian", normal_peers);
  add_rows<zolt::distribution::uniform>(s, "add_uniform", uniform_peers);
#endif
  optimizer_rows(s, "rademacher", zolt::rademacher{});
  optimizer_rows(s, "gaussian", zolt::gaussian{});
  optimizer_rows(s, "block_gaussian", zolt::block_gaussian{});
  optimizer_rows(s, "uniform", zolt::uniform{});
}

}  // namespace ratio
