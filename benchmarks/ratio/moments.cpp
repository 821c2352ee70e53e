// Adam on a regenerated direction: weights and two moments, 24 bytes each way per weight.
#include "limits.hpp"
#include "rows.hpp"
#include "weights.hpp"
#include "zolt/direction/dense.hpp"
#include "zolt/estimator/difference.hpp"
#include "zolt/update/momentum.hpp"

namespace ratio {

void moment_rows(suite& s) {
  if (!s.wants("update_adam")) return;
  for (const working_set& set : s.sets()) {
    zolt::thread_team team(set.threads);
    const std::size_t count = set.bytes / (3 * sizeof(float)) / columns * columns;
    const buffer<float> w = weights_of(count), first(count), second(count), z = weights_of(count);
    const buffer<float> all = weights_of(3 * count);
    const auto n = static_cast<double>(count);
    auto optimizer = optimizer_of(tensor_of(w.all()), set.threads, zolt::rademacher{}, zolt::adam{.rate = 1e-5});
    const stored_adam stored{1e-5f, 0.9f, 0.999f, 1e-8f, 0.5f, 0.5f};
    const auto stored_run = [&] {
      on_parts(team, count, [&](std::size_t, std::size_t from, std::size_t part) {
        stored(w.part(from, part), first.part(from, part), second.part(from, part), z.part(from, part), 1e-3f);
      });
    };
    s.compare("update_adam", set, {24 * n, n, [&] { update(optimizer, 1e-3f); }},
              {in_place_floats(team, all.all()), {"Adam with z in memory", measure::elements, {28 * n, n, stored_run}}});
  }
}

}  // namespace ratio
